//! Client spans for [sqlx](https://docs.rs/sqlx) 0.9: every statement of every driver, with call
//! sites unchanged.
//!
//! ```no_run
//! use sqlx_core::executor::Executor as _;
//! use tracewire::sqlx::{Driver, Pool};
//!
//! async fn sell<DB: Driver>(db: &Pool<DB>) -> Result<(), sqlx_core::Error> {
//!     let mut tx = db.begin().await?;
//!     tx.execute("UPDATE stock SET left = left - 1").await?;
//!     (&mut *tx).execute("INSERT INTO sales DEFAULT VALUES").await?;
//!     tx.commit().await
//! }
//!
//! # async fn example<DB: Driver>(pool: sqlx_core::pool::Pool<DB>) -> Result<(), sqlx_core::Error>
//! # where
//! #     DB::QueryResult: std::fmt::Debug,
//! # {
//! // `PgPool::connect(&url).await?` or any other pool.
//! let db = Pool::from(pool);
//! sell(&db).await
//! # }
//! ```
//!
//! `query`, `query_as`, `query_scalar`, the macros, `QueryBuilder`, `raw_sql`, prepared statements
//! and streams take `&db`, `&mut *tx` and `&mut *connection` as before. Where a function names a
//! type, that changes:
//!
//! | sqlx | here |
//! |---|---|
//! | `Pool<DB>` | [`Pool<DB>`](Pool); `&Pool<DB>` of sqlx is still what it dereferences to |
//! | `Transaction<'_, DB>` | [`Transaction<'_, DB>`](Transaction) |
//! | `PoolConnection<DB>` | [`PoolConnection<DB>`](PoolConnection) |
//! | `&mut PgConnection` | [`&mut Connection<'_, Postgres>`](Connection), which transactions and connections dereference to; without the change it compiles and has no spans |
//! | `impl Executor<'c>` | the same |
//! | `impl Acquire<'c>` | the same, but see below |
//! | any other executor | [`executor.traced_with(db.settings())`](ExecutorExt::traced_with) |
//! | `MIGRATOR.run(&pool)` | [`db.migrate(&MIGRATOR)`](Pool::migrate), in one span |
//!
//! # Spans
//!
//! A statement has a client span from the call until the last row was taken, the stream failed, or
//! whoever waited went away, which is no error. It is current while the driver works. Waiting for a
//! connection is part of it, and a span of its own below it when it takes long. Its name is
//! `db.query.summary`.
//!
//! | attribute | from |
//! |---|---|
//! | `db.system.name` | the driver, or [`Settings::system`]; MariaDB is `mysql` unless the URL given to [`Pool::connect`] or the settings say otherwise |
//! | `db.namespace` | the connect options: the database, for PostgreSQL with the first schema of a `search_path` among its options (`shop\|public`) or the user if no database is named, for SQLite the name of the file or `:memory:`; what a session changes later is not seen |
//! | `server.address`, `server.port` | the connect options; the port unless it is the product's own |
//! | `db.query.summary` | operations and targets of the text, see [`sql`] |
//! | `db.query.text` | the text as it is if its values travel apart from it, else without literals; never with a password |
//! | `db.operation.batch.size` | how many statements of one text came to their end, if more than one |
//! | `db.response.status_code` | SQLSTATE, the number of MySQL and MariaDB, the extended result code of SQLite |
//! | `db.response.returned_rows` | by choice: [`Settings::returned_rows`] |
//! | `db.response.affected_rows` | by choice: [`Settings::affected_rows`] |
//! | `error.type` | the status code, or one of the list below |
//!
//! `RowNotFound` is no error, nor are the SQLSTATE classes 00 and 01. Other values of `error.type`:
//! `pool_timeout`, `pool_closed`, `timeout`, `connection_refused`, `connection_reset`,
//! `connection_aborted`, `broken_pipe`, `unexpected_eof`, `unreachable`, `dns`, `io`, `tls`,
//! `configuration`, `protocol`, `argument`, `encode`, `decode`, `begin_failed`, `worker_crashed`,
//! `migrate`, `panic`, `_OTHER`.
//!
//! [`Step`] lists what else can have spans, and what of it has them without being asked.
//!
//! SQLite's driver holds the caller's `tracing` span on a thread of its own while that works. When
//! that thread is the last to let go of it, the registry of `tracing-subscriber` lets go of the span
//! above through the subscriber of that thread, which is that of the process. With a subscriber of one
//! thread (`set_default`, as in tests) the `#[instrument]` spans above then never end, with this
//! adapter or without it; use `set_global_default` there.
//!
//! # What Rust does not allow
//!
//! - The connection that a generic function gets out of `impl Acquire` is the driver's own, because
//!   the trait says so, and has no spans. In the function, `(&mut *connection).traced()` gives each
//!   executor its spans; [`QueryLayer`] gives them to functions that cannot be changed.
//! - The same holds for whatever takes the driver's connection or sqlx's pool by their names:
//!   `PgListener`, `COPY`, advisory locks, `Connection::transaction` of the driver. They work through
//!   `Deref`, without spans.
//! - A `&mut sqlx::Transaction` cannot be had from ours; `Acquire::begin(&mut tx)` gives one that is a
//!   savepoint.
//!
//! # Context into the database
//!
//! Off unless asked for. [`Settings::comment`] appends tags to each text as SQLCommenter does, always
//! the same, so that caches of prepared statements keep one entry for each statement.
//! [`Settings::comment_context`] adds the `traceparent`, and only to texts that no cache keeps, or
//! that it keeps out of caches. [`Settings::application_name`] tells PostgreSQL without touching the
//! text.

mod acquire;
mod active;
mod affected;
mod analyses;
mod comment;
mod config;
mod connection;
mod control;
mod driver;
mod error;
mod execute;
mod executor;
mod generator;
mod in_flight;
mod layer;
mod options;
mod parts;
mod pool;
mod pool_connection;
mod pool_metrics;
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
