//! The server layers behind real servers on loopback sockets, and clients that misbehave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod attributes;
mod captured;
mod children;
mod connections;
mod dropping;
mod ending;
mod hooks;
mod layers;
mod leaving;
mod methods;
mod origin;
mod panics;
mod routes;
mod sampling;
mod sources;
mod support;
mod trust;
mod types;
mod upgrades;
mod w3c;
