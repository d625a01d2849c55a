//! One service in one file: `cargo run -p quickstart`, then `curl localhost:3000/hello/you`.
//!
//! Spans go to `OTEL_EXPORTER_OTLP_ENDPOINT`, by default a Collector on this machine.

use axum::extract::{Path, State};
use axum::{Router, routing::get};
use reqwest_middleware::ClientWithMiddleware;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _telemetry = tracewire::sdk::init()?;

    let http = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
        .with(tracewire::reqwest::Middleware::new())
        .build();
    let app = Router::new()
        .route("/hello/{name}", get(hello))
        .route("/greeting", get(|| async { "Hello" }))
        .with_state(http)
        .layer(tracewire::axum::ServerLayer::new());

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("curl http://{}/hello/you", listener.local_addr()?);
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}

/// Asks this service itself for a greeting, so that there is a call to see.
async fn hello(State(http): State<ClientWithMiddleware>, Path(name): Path<String>) -> String {
    let response = http.get("http://127.0.0.1:3000/greeting").send().await;
    let greeting = match response {
        Ok(response) => response.text().await.unwrap_or_default(),
        Err(error) => return format!("no greeting today: {error}"),
    };
    compose(&greeting, &name)
}

#[tracing::instrument]
fn compose(greeting: &str, name: &str) -> String {
    format!("{greeting}, {name}!")
}
