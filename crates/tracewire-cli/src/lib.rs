//! Receive OTLP, keep the last traces, find their breaks, draw their waterfall.
//!
//! | piece | does |
//! |---|---|
//! | [`Receiver`] | listens for OTLP over gRPC and HTTP |
//! | [`Store`] | keeps the last traces within [`Limits`], and tells who waits for one |
//! | [`Trace`] | a trace as a tree: services, errors, bottleneck, critical path |
//! | [`diagnose()`] | where trace context was lost, and by whom, as far as spans tell |
//! | [`Waterfall`] | a trace as text for the terminal |
//!
//! ```
//! use std::time::Duration;
//! use tracewire_cli::{Listen, Receiver, Store, Waterfall, diagnose};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let receiver = Receiver::bind(Listen::any_port(), Store::default()).await?;
//! let endpoint = receiver.grpc_endpoint(); // for the OTEL_EXPORTER_OTLP_ENDPOINT of the processes to watch
//!
//! # let span = tracewire_cli::Span::new(1.into(), 1.into(), "GET /").service("gateway");
//! # receiver.store().add([span]);
//! // ... a request later:
//! let arrived = receiver.store().wait_for(
//!     |store| store.traces().into_iter().find(|trace| trace.services().contains(&"gateway")),
//!     Duration::from_secs(10),
//! );
//! if let Some(trace) = arrived.await {
//!     print!("{}", Waterfall::for_output(&std::io::stdout()).render(&trace));
//! }
//! for finding in diagnose(&receiver.store().traces()) {
//!     println!("{finding}");
//! }
//! receiver.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod attributes;
mod diagnose;
mod receive;
mod span;
mod store;
mod text;
mod trace;
mod units;
mod waterfall;

pub use attributes::{Attributes, Value};
pub use diagnose::{Evidence, Finding, FindingKind, Suspect, diagnose};
pub use receive::{Listen, MAX_BODY, Receiver};
pub use span::{Event, Link, Resource, Span, SpanId, SpanKind, Status, TraceId};
pub use store::{Limits, Stats, Store};
pub use trace::{Linked, Node, Root, Segment, Step, Trace};
pub use waterfall::Waterfall;
