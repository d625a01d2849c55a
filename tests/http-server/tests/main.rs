//! The server layers behind real servers on loopback sockets, and clients that misbehave.

mod attributes;
mod ending;
mod support;
