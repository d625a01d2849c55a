//! What the benches of every library share: requests, routers, and the counting of what they cost.
//!
//! A bench is a list of [`Case`]s, handed to [`run`] by a program's `main`.

mod allocations;
#[cfg(feature = "sql")]
mod answering;
mod case;
#[cfg(feature = "client")]
pub mod client;
mod clock;
#[cfg(feature = "globals")]
pub mod globals;
mod instructions;
#[cfg(feature = "metrics")]
pub mod meters;
pub mod parent;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "server")]
pub mod server;
pub mod spans;
#[cfg(feature = "sql")]
pub mod sql;
#[cfg(feature = "tonic")]
pub mod tonic;

pub use case::{Case, Mode, Operation, run};
