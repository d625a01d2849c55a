//! What the servers and clients that are written by hand with every trick share.
//!
//! They do all that the conventions and W3C Trace Context ask for, on OpenTelemetry's own SDK, at the lowest price that
//! was found: no settings, no hooks, no metrics, one kind of sampler. What is dearer than they are is a library's to
//! explain; what they cost themselves is the SDK's, axum's and the allocator's.

mod fields;
pub mod http;
mod in_flight;
mod inject;
mod kept;
pub mod redact;
pub mod server;
mod span;
pub mod traceparent;
pub mod tracestate;

pub use fields::Fields;
pub use in_flight::InFlight;
pub use inject::inject;
pub use kept::Kept;
pub use span::{Described, Side, Span, Tracing, checked};
