//! NATS as it is used, against a real server.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod core;
mod faults;
mod jetstream;
mod support;
