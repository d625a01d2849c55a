//! The tonic layers between real servers and clients on loopback sockets, and peers that misbehave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod attributes;
mod calls;
mod codes;
mod counting;
mod ending;
mod filters;
mod interop;
mod methods;
mod nesting;
mod propagation;
mod resets;
mod support;
mod types;
mod web;
