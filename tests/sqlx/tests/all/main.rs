//! What sqlx's users write, and the traces that come of it.
#![allow(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod any;
mod call_sites;
mod comments;
mod context;
mod errors;
mod macros;
mod mariadb;
mod migrations;
mod pools;
mod postgres;
mod recording;
mod statements;
mod streams;
mod transactions;
