//! Distributed tracing for axum and tower.

#[cfg(feature = "axum")]
pub mod axum;
pub mod context;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "hyper")]
pub mod hyper;
mod propagate;
#[cfg(feature = "reqwest")]
pub mod reqwest;
pub mod span;
#[cfg(feature = "sqlx")]
pub mod sqlx;
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
