//! What is written by hand on OpenTelemetry's API, and needed for servers and for clients: gRPC in plain ([`rpc`]), and all
//! that the variants "with every trick" share.
//!
//! Those do all that the conventions and W3C Trace Context ask for, on OpenTelemetry's own SDK, at the lowest price that
//! was found: no settings, no hooks, no metrics, one kind of sampler. What is dearer than they are is a library's to
//! explain; what they cost themselves is the SDK's, axum's and the allocator's.

pub mod call;
mod fields;
pub mod grpc;
pub mod http;
mod in_flight;
mod inject;
mod kept;
pub mod redact;
pub mod rpc;
pub mod server;
mod span;
pub mod traceparent;
pub mod tracestate;

pub use fields::Fields;
pub use in_flight::InFlight;
pub use inject::inject;
pub use kept::Kept;
pub use span::{Described, Side, Span, Tracing, checked};
