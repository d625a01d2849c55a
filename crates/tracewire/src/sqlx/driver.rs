//! Databases whose connections run statements, which is all of them.

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx_core::Either;
use sqlx_core::database::Database;
use sqlx_core::describe::Describe;
use sqlx_core::error::Error;
use sqlx_core::executor::{Execute, Executor};
use sqlx_core::sql_str::SqlStr;

/// What a statement gives, one after the other: rows, and a result at the end of each statement.
pub(super) type Item<DB> = Either<<DB as Database>::QueryResult, <DB as Database>::Row>;

/// A database whose connections are executors. Every driver of sqlx is one; nobody implements it by
/// hand.
///
/// sqlx says the same with a bound on references to the connection. Implementations on references
/// to our own connections must not repeat that bound, because the compiler would try them on
/// themselves without end; this trait cuts the circle.
#[diagnostic::on_unimplemented(
    message = "the connections of `{Self}` are no executors",
    note = "`tracewire::sqlx` works with every sqlx driver of the same sqlx version"
)]
pub trait Driver: Database {
    #[doc(hidden)]
    fn fetch_many<'e, 'q: 'e, Q>(
        connection: &'e mut Self::Connection,
        query: Q,
    ) -> BoxStream<'e, Result<Item<Self>, Error>>
    where
        Q: 'q + Execute<'q, Self>;

    #[doc(hidden)]
    fn fetch_optional<'e, 'q: 'e, Q>(
        connection: &'e mut Self::Connection,
        query: Q,
    ) -> BoxFuture<'e, Result<Option<Self::Row>, Error>>
    where
        Q: 'q + Execute<'q, Self>;

    #[doc(hidden)]
    fn prepare_with<'e>(
        connection: &'e mut Self::Connection,
        sql: SqlStr,
        parameters: &'e [Self::TypeInfo],
    ) -> BoxFuture<'e, Result<Self::Statement, Error>>;

    #[doc(hidden)]
    fn describe<'e>(
        connection: &'e mut Self::Connection,
        sql: SqlStr,
    ) -> BoxFuture<'e, Result<Describe<Self>, Error>>;
}

impl<DB> Driver for DB
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    fn fetch_many<'e, 'q: 'e, Q>(
        connection: &'e mut DB::Connection,
        query: Q,
    ) -> BoxStream<'e, Result<Item<DB>, Error>>
    where
        Q: 'q + Execute<'q, DB>,
    {
        connection.fetch_many(query)
    }

    fn fetch_optional<'e, 'q: 'e, Q>(
        connection: &'e mut DB::Connection,
        query: Q,
    ) -> BoxFuture<'e, Result<Option<DB::Row>, Error>>
    where
        Q: 'q + Execute<'q, DB>,
    {
        connection.fetch_optional(query)
    }

    fn prepare_with<'e>(
        connection: &'e mut DB::Connection,
        sql: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> BoxFuture<'e, Result<DB::Statement, Error>> {
        connection.prepare_with(sql, parameters)
    }

    fn describe<'e>(
        connection: &'e mut DB::Connection,
        sql: SqlStr,
    ) -> BoxFuture<'e, Result<Describe<DB>, Error>> {
        connection.describe(sql)
    }
}

/// sqlx's own connection as an executor, by what its driver promises.
pub(super) struct Bare<'c, DB: Database>(pub(super) &'c mut DB::Connection);

impl<DB: Database> std::fmt::Debug for Bare<'_, DB> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bare")
    }
}

impl<'c, DB: Driver> Executor<'c> for Bare<'c, DB> {
    type Database = DB;

    fn fetch_many<'e, 'q: 'e, Q>(self, query: Q) -> BoxStream<'e, Result<Item<DB>, Error>>
    where
        'c: 'e,
        Q: 'q + Execute<'q, DB>,
    {
        DB::fetch_many(self.0, query)
    }

    fn fetch_optional<'e, 'q: 'e, Q>(
        self,
        query: Q,
    ) -> BoxFuture<'e, Result<Option<DB::Row>, Error>>
    where
        'c: 'e,
        Q: 'q + Execute<'q, DB>,
    {
        DB::fetch_optional(self.0, query)
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> BoxFuture<'e, Result<DB::Statement, Error>>
    where
        'c: 'e,
    {
        DB::prepare_with(self.0, sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<DB>, Error>>
    where
        'c: 'e,
    {
        DB::describe(self.0, sql)
    }
}
