//! A pool of one connection to SQLite in memory, and a database that answers at once.

use std::hint::black_box;
use std::sync::LazyLock;

use futures_util::FutureExt as _;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Executor, Sqlite, SqlitePool};
use tokio::runtime::{Builder, Runtime};

pub use crate::answering::Answering;
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

/// A statement for a database that answers at once.
pub const UPDATE: &str = "UPDATE users SET seen = seen + 1 WHERE id = ?";

/// It on this executor.
pub fn execute<'c>(executor: impl Executor<'c, Database = Sqlite>) {
    let done = sqlx::query(UPDATE).bind(7_i64).execute(executor).now_or_never();
    assert!(black_box(done).is_some_and(|it| it.is_ok()));
}

/// What is done at once, below a caller with a `tracestate` of as many members.
pub fn answered(sampled: bool, members: usize, execute: impl Fn() + 'static) -> Operation {
    let parent = parent::context(sampled, members);
    Box::new(move || {
        let _parent = parent.clone().attach();
        execute();
    })
}
