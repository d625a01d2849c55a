//! Distributed tracing for axum and tower.

pub mod context;
mod propagate;

pub use propagate::{Format, Propagator};
