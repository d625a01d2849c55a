//! Where a statement runs: on an executor as it is, or on a connection that is taken from a pool
//! first.

use std::future::poll_fn;
use std::ops::DerefMut;
use std::sync::Arc;

use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx_core::database::Database;
use sqlx_core::describe::Describe;
use sqlx_core::error::Error;
use sqlx_core::executor::{Execute, Executor};
use sqlx_core::pool::Pool;
use sqlx_core::sql_str::SqlStr;

use super::acquire::acquire;
use super::config::Config;
use super::driver::{Driver, Item};
use super::generator::Generator;

/// Where a statement runs.
pub(super) trait Source<'c>: Send + Sized {
    type Database: Database;
    type Executor: Executor<'c, Database = Self::Database>;

    /// sqlx's own executor, for statements without a span.
    fn bare(self) -> Self::Executor;

    /// All steps of a statement.
    fn steps<'e, 'q: 'e, Q>(
        self,
        config: &Arc<Config>,
        query: Q,
    ) -> impl Stream<Item = Result<Item<Self::Database>, Error>> + Send + 'e
    where
        'c: 'e,
        Q: 'q + Execute<'q, Self::Database>;

    /// The first row.
    fn row<'e, 'q: 'e, Q>(
        self,
        config: &Arc<Config>,
        query: Q,
    ) -> impl Future<Output = Result<Option<<Self::Database as Database>::Row>, Error>> + Send + 'e
    where
        'c: 'e,
        Q: 'q + Execute<'q, Self::Database>;

    /// A statement to look at and run later.
    fn prepare<'e>(
        self,
        config: &Arc<Config>,
        sql: SqlStr,
        parameters: &'e [<Self::Database as Database>::TypeInfo],
    ) -> impl Future<Output = Result<<Self::Database as Database>::Statement, Error>> + Send + 'e
    where
        'c: 'e;
}

/// An executor.
pub(super) struct Direct<E>(pub(super) E);

impl<'c, E: Executor<'c>> Source<'c> for Direct<E> {
    type Database = E::Database;
    type Executor = E;

    fn bare(self) -> E {
        self.0
    }

    fn steps<'e, 'q: 'e, Q>(
        self,
        _: &Arc<Config>,
        query: Q,
    ) -> impl Stream<Item = Result<Item<E::Database>, Error>> + Send + 'e
    where
        'c: 'e,
        Q: 'q + Execute<'q, E::Database>,
    {
        self.0.fetch_many(query)
    }

    fn row<'e, 'q: 'e, Q>(
        self,
        _: &Arc<Config>,
        query: Q,
    ) -> impl Future<Output = Result<Option<<E::Database as Database>::Row>, Error>> + Send + 'e
    where
        'c: 'e,
        Q: 'q + Execute<'q, E::Database>,
    {
        self.0.fetch_optional(query)
    }

    fn prepare<'e>(
        self,
        _: &Arc<Config>,
        sql: SqlStr,
        parameters: &'e [<E::Database as Database>::TypeInfo],
    ) -> impl Future<Output = Result<<E::Database as Database>::Statement, Error>> + Send + 'e
    where
        'c: 'e,
    {
        self.0.prepare_with(sql, parameters)
    }
}

/// A pool.
pub(super) struct Pooled<'p, DB: Database>(pub(super) &'p Pool<DB>);

impl<'c, 'p, DB: Driver> Source<'c> for Pooled<'p, DB> {
    type Database = DB;
    type Executor = Self;

    fn bare(self) -> Self {
        self
    }

    fn steps<'e, 'q: 'e, Q>(
        self,
        config: &Arc<Config>,
        query: Q,
    ) -> impl Stream<Item = Result<Item<DB>, Error>> + Send + 'e
    where
        'c: 'e,
        Q: 'q + Execute<'q, DB>,
    {
        let (config, pool) = (config.clone(), self.0.clone());
        steps(async move { acquire(&config, &pool).await }, query)
    }

    fn row<'e, 'q: 'e, Q>(
        self,
        config: &Arc<Config>,
        query: Q,
    ) -> impl Future<Output = Result<Option<DB::Row>, Error>> + Send + 'e
    where
        'c: 'e,
        Q: 'q + Execute<'q, DB>,
    {
        let (config, pool) = (config.clone(), self.0.clone());
        async move {
            let mut connection = acquire(&config, &pool).await?;
            DB::fetch_optional(&mut connection, query).await
        }
    }

    fn prepare<'e>(
        self,
        config: &Arc<Config>,
        sql: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> impl Future<Output = Result<DB::Statement, Error>> + Send + 'e
    where
        'c: 'e,
    {
        let (config, pool) = (config.clone(), self.0.clone());
        async move {
            let mut connection = acquire(&config, &pool).await?;
            DB::prepare_with(&mut connection, sql, parameters).await
        }
    }
}

/// The steps of a statement on a connection that is still to be taken, and goes back when they are
/// over.
fn steps<'e, 'q: 'e, DB, Q, C>(
    connection: impl Future<Output = Result<C, Error>> + Send + 'e,
    query: Q,
) -> impl Stream<Item = Result<Item<DB>, Error>> + Send + 'e
where
    DB: Driver,
    Q: 'q + Execute<'q, DB>,
    C: DerefMut<Target = DB::Connection> + Send + 'e,
{
    Generator::new(async move |slot| {
        let mut connection = connection.await?;
        let mut steps = DB::fetch_many(&mut connection, query);
        while let Some(step) = poll_fn(|task| steps.as_mut().poll_next(task)).await {
            slot.put(step?).await;
        }
        Ok(())
    })
}

/// What sqlx does for its pool.
impl<'c, DB: Driver> Executor<'c> for Pooled<'_, DB> {
    type Database = DB;

    fn fetch_many<'e, 'q: 'e, Q>(self, query: Q) -> BoxStream<'e, Result<Item<DB>, Error>>
    where
        'c: 'e,
        Q: 'q + Execute<'q, DB>,
    {
        Box::pin(steps(self.0.acquire(), query))
    }

    fn fetch_optional<'e, 'q: 'e, Q>(
        self,
        query: Q,
    ) -> BoxFuture<'e, Result<Option<DB::Row>, Error>>
    where
        'c: 'e,
        Q: 'q + Execute<'q, DB>,
    {
        let pool = self.0.clone();
        Box::pin(async move {
            let mut connection = pool.acquire().await?;
            DB::fetch_optional(&mut connection, query).await
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> BoxFuture<'e, Result<DB::Statement, Error>>
    where
        'c: 'e,
    {
        let pool = self.0.clone();
        Box::pin(async move {
            let mut connection = pool.acquire().await?;
            DB::prepare_with(&mut connection, sql, parameters).await
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<DB>, Error>>
    where
        'c: 'e,
    {
        let pool = self.0.clone();
        Box::pin(async move {
            let mut connection = pool.acquire().await?;
            DB::describe(&mut connection, sql).await
        })
    }
}

impl<DB: Database> std::fmt::Debug for Pooled<'_, DB> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pooled")
    }
}
