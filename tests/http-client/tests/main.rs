//! The client layers through the front door: real clients, real sockets, servers that misbehave.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod attributes;
mod body;
mod cancel;
mod context;
mod destinations;
mod errors;
mod hooks;
mod hostile;
mod pairs;
mod reqwest_api;
mod resend;
mod support;
mod types;
mod upgrade;
