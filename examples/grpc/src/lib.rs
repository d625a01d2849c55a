//! What the services of this example say to one another.

/// The messages, the client and the server of `payment.proto`.
///
/// Made by `tonic-prost-build` and kept here, so that the example builds without a compiler for
/// protocol buffers.
#[rustfmt::skip]
#[allow(clippy::all, missing_docs, reason = "generated")]
pub mod shop;
