//! A pool of one connection to SQLite in memory.

use std::hint::black_box;
use std::sync::LazyLock;

use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Executor, Sqlite, SqlitePool};
use tokio::runtime::{Builder, Runtime};

use crate::{Operation, parent};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));

/// A pool of its own.
pub fn pool() -> SqlitePool {
    let options = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false);
    RUNTIME.block_on(options.connect("sqlite::memory:")).expect("a pool")
}

/// One row from this pool below a caller with a `tracestate` of as many members.
pub fn select<P>(pool: P, sampled: bool, members: usize) -> Operation
where
    P: 'static,
    for<'p> &'p P: Executor<'p, Database = Sqlite>,
{
    let parent = parent::context(sampled, members);
    repeat(async move || {
        let _parent = parent.clone().attach();
        let query = sqlx::query("SELECT 7 WHERE 7 = ?").bind(7_i64);
        black_box(query.fetch_one(&pool).await.expect("a row"));
    })
}

/// An operation on the runtime that the pools are on.
pub fn repeat(operation: impl AsyncFn() + 'static) -> Operation {
    Box::new(move || RUNTIME.block_on(operation()))
}
