//! Distributed tracing for axum and tower.

#[cfg(feature = "sqlx")]
pub mod sqlx;
