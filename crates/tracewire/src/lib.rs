#![doc = include_str!("../README.md")]
// What features share is unused while only one of them is on; with all of them nothing may be.
#![cfg_attr(not(feature = "full"), allow(dead_code, unreachable_pub, unused_imports))]

#[cfg(feature = "amqp")]
pub mod amqp;
#[cfg(feature = "axum")]
pub mod axum;
pub mod context;
#[cfg(feature = "sdk")]
pub mod doctor;
#[cfg(feature = "sdk")]
mod error;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "hyper")]
pub mod hyper;
#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(feature = "logs")]
pub mod logs;
#[cfg(feature = "metrics")]
mod measure;
#[cfg(not(feature = "metrics"))]
#[path = "measure/off.rs"]
mod measure;
#[cfg(feature = "messaging")]
pub mod messaging;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(all(feature = "metrics", feature = "http"))]
#[path = "metrics/http.rs"]
mod metrics_http;
#[cfg(all(feature = "metrics", feature = "sdk"))]
#[path = "metrics/sdk.rs"]
mod metrics_sdk;
#[cfg(all(feature = "metrics", feature = "tonic"))]
#[path = "metrics/tonic.rs"]
mod metrics_tonic;
#[cfg(feature = "nats")]
pub mod nats;
#[cfg(feature = "prometheus")]
pub mod prometheus;
#[cfg(all(feature = "prometheus", feature = "axum"))]
#[path = "prometheus/axum.rs"]
mod prometheus_axum;
#[cfg(all(feature = "prometheus", feature = "sdk"))]
#[path = "prometheus/sdk.rs"]
mod prometheus_sdk;
#[cfg(all(not(feature = "prometheus"), feature = "sdk"))]
#[path = "prometheus/absent.rs"]
mod prometheus_sdk;
mod propagate;
#[cfg(all(feature = "metrics", any(feature = "prometheus", feature = "test")))]
#[path = "sdk/readings.rs"]
mod readings;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "reqwest")]
pub mod reqwest;
#[cfg(all(feature = "prometheus", feature = "sdk"))]
#[path = "sdk/meters/scraped.rs"]
mod scraped;
#[cfg(all(not(feature = "prometheus"), feature = "sdk"))]
#[path = "sdk/meters/unscraped.rs"]
mod scraped;
#[cfg(feature = "sdk")]
pub mod sdk;
pub mod span;
#[cfg(feature = "sqlx")]
pub mod sqlx;
mod telemetry;
#[cfg(feature = "test")]
pub mod test;
#[cfg(all(feature = "metrics", feature = "test"))]
#[path = "test/metrics.rs"]
mod test_metrics;
#[cfg(all(not(feature = "metrics"), feature = "test"))]
#[path = "test/unmeasured.rs"]
mod test_metrics;
#[cfg(feature = "sdk-tls")]
mod tls;
#[cfg(all(feature = "sdk", not(feature = "sdk-tls")))]
#[path = "tls/absent.rs"]
mod tls;
#[cfg(feature = "tonic")]
pub mod tonic;
#[cfg(feature = "sdk-config")]
mod yaml;
#[cfg(all(feature = "sdk", not(feature = "sdk-config")))]
#[path = "yaml/absent.rs"]
mod yaml;

#[cfg(feature = "sdk")]
pub use error::Error;
#[cfg(feature = "messaging")]
pub use messaging::spawn;
pub use propagate::{Format, Propagator};
pub use span::{ResultExt, current};
pub use telemetry::{Sampling, Telemetry};

/// OpenTelemetry's API in the version that tracewire is built on.
///
/// Everything passed to tracewire or got from it is of these types, so that a program with another
/// version of OpenTelemetry gets a compile error instead of silence.
pub use opentelemetry as otel;
