//! The server layers behind real servers on loopback sockets, and clients that misbehave.

mod attributes;
mod children;
mod connections;
mod dropping;
mod ending;
mod hooks;
mod layers;
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
