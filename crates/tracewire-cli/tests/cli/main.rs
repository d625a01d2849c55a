//! The library through its front door: real senders over loopback, whole traces, whole drawings.

// Clippy's own exception reaches only into functions marked as tests, not into their helpers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod diagnose;
mod receive;
mod refuse;
mod store;
mod support;
mod trace;
mod waterfall;
