//! What tests of several packages need: the servers that are there, servers of their own, patience.
#![allow(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod files;
mod server;
mod services;
mod unique;
mod wait;

pub use files::Files;
pub use server::Server;
pub use services::service;
pub use unique::{free_ports, unique};
pub use wait::{PATIENCE, soon, until};
