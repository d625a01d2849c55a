//! For tests: capture spans without globals, compare whole traces.
//!
//! A [`Capture`] has a tracer provider of its own, so tests run side by side. Hand its telemetry to
//! the layers under test, let them work, and compare the trace with what it should be:
//!
//! ```
//! use opentelemetry::{Context, trace::SpanKind};
//! use tracewire::span::Outcome;
//! use tracewire::test::{Capture, expect};
//!
//! let capture = Capture::new();
//! let telemetry = capture.telemetry();
//!
//! let server = telemetry.start(SpanKind::Server, &Context::new(), |span| span.name("GET /orders/{id}"));
//! let client = telemetry.start(SpanKind::Client, server.context(), |span| span.name("GET"));
//! client.finish(Outcome::error("timeout"));
//! server.finish(Outcome::Success);
//!
//! capture.assert(
//!     expect::span("GET /orders/{id}").server().child(expect::span("GET").client().error("timeout")),
//! );
//! assert_eq!(
//!     capture.trace().to_string(),
//!     "GET /orders/{id} [server]\n  \
//!        GET [client] error\n    \
//!          error.type: timeout\n",
//! );
//! ```
//!
//! When they differ, the panic lists every difference and shows the trace that was found. Spans that
//! end on other tasks are awaited with [`Capture::ended`].
//!
//! With feature `metrics` a capture can have meters of its own, too: `Capture::with_meters`. Then
//! `Capture::metrics` tells what was measured.

mod capture;
pub mod expect;
mod tree;

pub use crate::test_metrics::*;
pub use capture::{Capture, Ended};
pub use opentelemetry_sdk::trace::SpanData;
pub use tree::{Node, Trace};
