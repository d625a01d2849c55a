//! What other layers for axum cost, and one written by hand on OpenTelemetry's API.
//!
//! Each is set up as its documentation says. In the mode "off" there is no provider, and for layers on `tracing` no
//! subscriber, which is the cheapest that they can be; those do not hand on the caller's context then.

use axum::Router;
use axum_tracing_opentelemetry::middleware::{OtelAxumLayer, OtelInResponseLayer};
use bench_harness::{Mode, server, spans};
use fastrace::collector::{Config, Reporter, SpanRecord};
use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_instrumentation_tower::http::server::LayerBuilder;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tower_http::trace::TraceLayer;
use tracing_subscriber::layer::SubscriberExt as _;

mod floor;

const MODES: [Mode; 3] = [Mode::Sampled, Mode::Unsampled, Mode::Off];

fn main() {
    let mut cases = server::bare();
    cases.extend(server::layered("by hand on the OpenTelemetry API", &MODES, |app, mode| {
        global_provider(mode);
        app.layer(floor::ByHandLayer::new())
    }));
    cases.extend(server::layered(
        "opentelemetry-instrumentation-tower 0.19",
        &MODES,
        |app, mode| {
            global_provider(mode);
            let layer = LayerBuilder::builder().with_metrics(false).build().expect("a layer");
            app.layer(layer)
        },
    ));
    cases.extend(server::layered("axum-tracing-opentelemetry 0.42", &MODES, |app, mode| {
        global_subscriber(mode);
        app.layer(OtelInResponseLayer).layer(OtelAxumLayer::default())
    }));
    cases.extend(server::layered("tower-otel 0.12", &MODES, |app, mode| {
        global_subscriber(mode);
        app.layer(tower_otel::trace::HttpLayer::server(tracing::Level::INFO))
    }));
    cases.extend(server::layered("tower-http 0.7 TraceLayer", &MODES, |app, mode| {
        global_subscriber(mode);
        app.layer(TraceLayer::new_for_http())
    }));
    cases.extend(server::layered("fastrace-axum 0.2", &MODES, with_fastrace));
    bench_harness::run(&cases);
}

fn global_provider(mode: Mode) {
    global::set_text_map_propagator(TraceContextPropagator::new());
    if mode != Mode::Off {
        global::set_tracer_provider(spans::provider(mode == Mode::Sampled));
    }
}

fn global_subscriber(mode: Mode) {
    global_provider(mode);
    if mode != Mode::Off {
        let tracer = spans::provider(mode == Mode::Sampled).tracer("bench");
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::set_global_default(subscriber).expect("no other subscriber");
    }
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
