//! The server layers behind real servers on loopback sockets, and clients that misbehave.

mod attributes;
mod dropping;
mod ending;
mod panics;
mod support;
mod upgrades;
