//! Distributed tracing for axum and tower.

pub mod context;
mod propagate;
#[cfg(feature = "redis")]
pub mod redis;
pub mod span;
mod telemetry;
#[cfg(feature = "test")]
pub mod test;

pub use propagate::{Format, Propagator};
pub use telemetry::{Sampling, Telemetry};

/// OpenTelemetry's API in the version that tracewire is built on.
///
/// Everything passed to tracewire or got from it is of these types, so that a program with another
/// version of OpenTelemetry gets a compile error instead of silence.
pub use opentelemetry as otel;
