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
mod services;
pub mod soak;

pub use collector::{Collector, Setup};
pub use proxy::{Mode, Proxy};
pub use received::{Received, Record, Span};
pub use services::address;

/// Variables that hold wherever only spans are looked at.
pub const SPANS_ALONE: (&str, &str) = ("OTEL_METRICS_EXPORTER", "none");
