//! What other layers for servers cost, and one written by hand on OpenTelemetry's API.
//!
//! Each is set up as its documentation says. In the mode "off" there is no provider, and for layers on `tracing` no
//! subscriber, which is the cheapest that they can be; those do not hand on the caller's context then.

use axum::Router;
use axum_tracing_opentelemetry::middleware::{OtelAxumLayer, OtelInResponseLayer};
use bench_by_hand::checked;
use bench_harness::globals::{provider, subscriber};
use bench_harness::{Case, Mode, meters, server};
use fastrace::collector::{Config, Reporter, SpanRecord};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_instrumentation_tower::http::server::LayerBuilder;
use tower_http::trace::TraceLayer;
use tracing::Level;

mod floor;
mod grpc;
mod nothing;
mod tricks;

const MODES: [Mode; 3] = [Mode::Sampled, Mode::Unsampled, Mode::Off];
const RECORDED: [Mode; 2] = [Mode::Sampled, Mode::Unsampled];
const FLOOR: &str = "by hand on the OpenTelemetry API";
const TRICKS: &str = "by hand, every trick";
const API: &str = "opentelemetry-instrumentation-tower 0.19";
const TOWER_OTEL: &str = "tower-otel 0.12";

fn main() {
    let mut cases = server::bare();
    cases.extend(server::layered(FLOOR, &MODES, |app, mode| {
        provider(mode);
        app.layer(floor::ByHandLayer::new())
    }));
    let tricks =
        server::layered(TRICKS, &MODES, |app, mode| app.layer(tricks::TricksLayer::new(mode)));
    cases.extend(checked(tricks, &tricks::ATTRIBUTES));
    cases.extend(server::layered("a layer that does nothing", &[Mode::Off], |app, _| {
        app.layer(tower::layer::layer_fn(nothing::Nothing))
    }));
    cases.extend(server::layered("the same with a body of its own", &[Mode::Off], |app, _| {
        app.layer(tower::layer::layer_fn(nothing::Wrapping))
    }));
    cases.extend(server::layered(API, &MODES, |app, mode| {
        provider(mode);
        app.layer(LayerBuilder::builder().with_metrics(false).build().expect("a layer"))
    }));
    cases.extend(server::layered("axum-tracing-opentelemetry 0.42", &MODES, |app, mode| {
        subscriber(mode);
        app.layer(OtelInResponseLayer).layer(OtelAxumLayer::default())
    }));
    cases.extend(server::layered(TOWER_OTEL, &MODES, |app, mode| {
        subscriber(mode);
        app.layer(tower_otel::trace::HttpLayer::server(Level::INFO))
    }));
    cases.extend(server::layered("tower-http 0.7 TraceLayer", &MODES, |app, mode| {
        subscriber(mode);
        app.layer(TraceLayer::new_for_http())
    }));
    cases.extend(server::layered("fastrace-axum 0.2", &MODES, with_fastrace));
    cases.extend(measured());
    cases.extend(grpc::cases());
    bench_harness::run(&cases);
}

/// Those that measure, with all that they measure.
fn measured() -> Vec<Case> {
    let mut cases = vec![server::bare_in("metrics")];
    cases.extend(server::layered_in("metrics", API, &RECORDED, |app, mode| {
        provider(mode);
        opentelemetry::global::set_meter_provider(meters::provider());
        app.layer(LayerBuilder::builder().build().expect("a layer"))
    }));
    cases.extend(server::layered_in("metrics", TOWER_OTEL, &RECORDED, |app, mode| {
        subscriber(mode);
        let meter = meters::provider().meter("bench");
        app.layer(tower_otel::metrics::HttpLayer::server(&meter))
            .layer(tower_otel::trace::HttpLayer::server(Level::INFO))
    }));
    cases
}

struct Sink;

impl Reporter for Sink {
    fn report(&mut self, _: Vec<SpanRecord>) {}
}

fn with_fastrace(app: Router, mode: Mode) -> Router {
    if mode != Mode::Off {
        fastrace::set_reporter(Sink, Config::default());
    }
    app.layer(fastrace_axum::FastraceLayer::default())
}
