//! Tracing for [sqlx](https://docs.rs/sqlx): what its adapter knows about a statement lives in [`sql`].

mod acquire;
mod active;
mod affected;
mod comment;
mod connection;
mod control;
mod driver;
mod error;
mod execute;
mod generator;
mod in_flight;
mod layer;
mod options;
mod pool;
mod pool_connection;
mod run;
mod server;
mod settings;
mod source;
pub mod sql;
mod statement;
mod traced;
mod transaction;

pub use connection::Connection;
pub use driver::Driver;
pub use layer::QueryLayer;
pub use pool::Pool;
pub use pool_connection::PoolConnection;
pub use settings::{CommentContext, Settings, Statement, Step};
pub use traced::{ExecutorExt, Traced};
pub use transaction::Transaction;
