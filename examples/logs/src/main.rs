//! Log lines that lead to traces, and what a handler can say of its request:
//! `cargo run -p logs-example`, with `-- --json` for lines of JSON.
//!
//! It sends itself three orders and ends. Spans are lines on standard output unless a variable says
//! where else they go; log lines are on standard error, each with the ids of its trace.

mod shop;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::post;
use tower::ServiceExt as _;
use tracewire::axum::ServerLayer;
use tracewire::sdk;

use crate::shop::{Shop, order};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut telemetry = sdk::builder().service_name("orders");
    if std::env::args().any(|argument| argument == "--json") {
        telemetry = telemetry.json_logs();
    }
    let said = |variable| std::env::var_os(variable).is_some();
    if !said("OTEL_TRACES_EXPORTER") && !said("OTEL_EXPORTER_OTLP_ENDPOINT") {
        telemetry = telemetry.exporters([sdk::Exporter::Console]);
    }
    let _telemetry = telemetry.init()?;

    // A line for each request, and from the baggage of callers what may be seen in traces.
    let layer = ServerLayer::new().log_requests().baggage_attributes(["tenant"]);
    let app =
        Router::new().route("/orders/{id}", post(order)).with_state(Shop::default()).layer(layer);

    for id in ["7", "8", "thirteen"] {
        let request = Request::post(format!("/orders/{id}"))
            .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
            .header("baggage", "tenant=acme,card=4111-1111")
            .body(Body::empty())?;
        let response = app.clone().oneshot(request).await?;
        tracing::info!(status = response.status().as_u16(), "answered");
    }
    Ok(())
}
