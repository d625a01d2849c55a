//! Log lines and log records of one process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod current;
mod events;
mod exceptions;
mod formats;
mod requests;
mod support;
