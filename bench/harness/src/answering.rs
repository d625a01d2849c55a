//! A database that answers at once, on the caller's thread: SQLite has one of its own, and who waits for whom is chance.

use futures_util::future::{self, BoxFuture, FutureExt as _};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use sqlx::sqlite::{Sqlite, SqliteQueryResult, SqliteRow, SqliteStatement, SqliteTypeInfo};
use sqlx::{Either, Error, Execute, Executor, SqlStr};
use sqlx_core::describe::Describe;

/// Statements change no row and return none.
#[derive(Clone, Copy, Debug)]
pub struct Answering;

impl<'c> Executor<'c> for &'c Answering {
    type Database = Sqlite;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        _: E,
    ) -> BoxStream<'e, Result<Either<SqliteQueryResult, SqliteRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        stream::iter([Ok(Either::Left(SqliteQueryResult::default()))]).boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, _: E) -> BoxFuture<'e, Result<Option<SqliteRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        future::ready(Ok(None)).boxed()
    }

    fn prepare_with<'e>(
        self,
        _: SqlStr,
        _: &'e [SqliteTypeInfo],
    ) -> BoxFuture<'e, Result<SqliteStatement, Error>>
    where
        'c: 'e,
    {
        future::ready(Err(Error::WorkerCrashed)).boxed()
    }

    fn describe<'e>(self, _: SqlStr) -> BoxFuture<'e, Result<Describe<Sqlite>, Error>>
    where
        'c: 'e,
    {
        future::ready(Err(Error::WorkerCrashed)).boxed()
    }
}
