//! Tracing for [sqlx](https://docs.rs/sqlx): what its adapter knows about a statement lives in [`sql`].

pub mod sql;
