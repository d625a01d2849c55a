//! What sqlx's users write, and the traces that come of it.

mod any;
mod call_sites;
mod comments;
mod context;
mod errors;
mod macros;
mod mariadb;
mod migrations;
mod postgres;
mod recording;
mod statements;
mod streams;
mod transactions;
