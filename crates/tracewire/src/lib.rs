//! Distributed tracing for axum and tower.
