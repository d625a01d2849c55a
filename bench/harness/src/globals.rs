//! What libraries find in the process: OpenTelemetry's globals, and a subscriber of `tracing`.

use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::{Mode, spans};

/// For libraries on OpenTelemetry's API. Without a provider when the SDK is off.
pub fn provider(mode: Mode) {
    global::set_text_map_propagator(TraceContextPropagator::new());
    if mode != Mode::Off {
        global::set_tracer_provider(spans::provider(mode == Mode::Sampled));
    }
}

/// For libraries on `tracing`. Without a subscriber when the SDK is off, which is the cheapest that they can be.
pub fn subscriber(mode: Mode) {
    provider(mode);
    if mode != Mode::Off {
        let tracer = spans::provider(mode == Mode::Sampled).tracer("bench");
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::set_global_default(subscriber).expect("no other subscriber");
    }
}
