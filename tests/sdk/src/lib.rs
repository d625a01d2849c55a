//! Receivers, faulty networks and a traced child process, for the tests of start-up and shutdown.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "this is test code"
)]

mod authority;
mod child;
mod inbox;
mod network;
mod receiver;
mod traced;
mod zipkin;

pub use authority::{Authority, TlsProxy};
pub use child::Child;
pub use inbox::{Inbox, text};
pub use network::{Gate, black_hole, cut_once, garbage, page, refused, slammed, slow};
pub use receiver::{Received, Receiver, Reply, Wire};
pub use traced::trace;
pub use zipkin::Zipkin;

/// How long anything in a test may take before it is a failure.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
