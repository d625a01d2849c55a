//! Collectors, what they have received, and a network that comes and goes, for tests of the whole way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "this is test code"
)]

mod collector;
mod proxy;
mod received;
pub mod soak;

pub use collector::{Collector, Setup};
pub use proxy::{Mode, Proxy};
pub use received::{Received, Record, Span};

use sdk_tests::Wire;
use test_support::service;

/// Variables that hold wherever only spans are looked at.
pub const SPANS_ALONE: (&str, &str) = ("OTEL_METRICS_EXPORTER", "none");

/// Where the Collector that tests share listens, and what it receives from now on.
pub fn shared(wire: Wire) -> (String, Received) {
    let endpoint = service(match wire {
        Wire::Grpc => "TRACEWIRE_COLLECTOR_GRPC_URL",
        Wire::Http | Wire::Json => "TRACEWIRE_COLLECTOR_HTTP_URL",
    });
    (endpoint, Received::from_now_on(service("TRACEWIRE_COLLECTOR_FILE")))
}
