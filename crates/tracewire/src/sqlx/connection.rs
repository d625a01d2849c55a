//! A connection with spans: what transactions and pool connections dereference to.

use std::fmt;
use std::ops::{Deref, DerefMut};

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use opentelemetry::trace::SpanKind;
use sqlx_core::Either;
use sqlx_core::acquire::Acquire;
use sqlx_core::connection::Connection as _;
use sqlx_core::database::Database;
use sqlx_core::describe::Describe;
use sqlx_core::error::Error;
use sqlx_core::executor::{Execute, Executor};
use sqlx_core::pool::PoolConnection;
use sqlx_core::sql_str::{SqlSafeStr, SqlStr};
use sqlx_core::transaction::TransactionManager as _;

use super::Transaction;
use super::acquire::step;
use super::driver::{Bare, Driver};
use super::execute;
use super::executor::executor;
use super::server::Server;
use super::settings::{Settings, Step};
use super::source::{Direct, Source};
use crate::measure::InUse;

/// A connection with spans.
///
/// `&mut *tx` and `&mut *connection` are `&mut` of this type, which is an executor. A function that
/// takes `&mut Connection<'_, DB>` serves transactions and connections alike. Where sqlx's own
/// connection is wanted, `&mut` of this one will do, and has no spans.
///
/// ```
/// use sqlx_core::executor::Executor;
/// use tracewire::sqlx::{Connection, Driver};
///
/// async fn tidy<DB: Driver>(connection: &mut Connection<'_, DB>) -> Result<(), sqlx_core::Error> {
///     connection.execute("DELETE FROM carts WHERE expired").await?;
///     Ok(())
/// }
/// ```
pub struct Connection<'c, DB: Database> {
    pub(super) inner: Inner<'c, DB>,
    pub(super) settings: Settings,
    /// How many transactions and savepoints are open. Drivers count too, but some notice late that
    /// one was dropped.
    pub(super) depth: usize,
    /// If it came out of a pool.
    pub(super) in_use: InUse,
}

/// What holds the connection.
pub(super) enum Inner<'c, DB: Database> {
    Own(Box<DB::Connection>),
    Borrowed(&'c mut DB::Connection),
    Pool(PoolConnection<DB>),
    Transaction(sqlx_core::transaction::Transaction<'c, DB>),
}

impl<DB: Database> Connection<'static, DB> {
    /// A connection that belongs to no pool. `options` are those it was made with, which say where
    /// the server is.
    pub fn new<C>(connection: C, options: &C::Options, settings: &Settings) -> Self
    where
        C: sqlx_core::connection::Connection<Database = DB>,
        DB: Database<Connection = C>,
    {
        let server = Server::of::<DB>(options);
        let settings = settings.clone().with(|config| config.server.complete(server));
        let inner = Inner::Own(Box::new(connection));
        Self { inner, settings, depth: 0, in_use: InUse::default() }
    }
}

impl<'c, DB: Database> Connection<'c, DB> {
    /// A connection that is somebody else's. The settings of a pool are
    /// [`Pool::settings`](super::Pool::settings).
    pub fn borrowed<C>(connection: &'c mut C, settings: &Settings) -> Self
    where
        C: sqlx_core::connection::Connection<Database = DB>,
        DB: Database<Connection = C>,
    {
        let depth = DB::TransactionManager::get_transaction_depth(connection);
        let (inner, settings) = (Inner::Borrowed(connection), settings.clone());
        Self { inner, settings, depth, in_use: InUse::default() }
    }

    /// The settings, and what is known of the server.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Begins a transaction, or a savepoint within one.
    pub async fn begin(&mut self) -> Result<Transaction<'_, DB>, Error>
    where
        DB: Driver,
    {
        let (settings, depth) = (self.settings.clone(), self.depth);
        Transaction::open(&mut **self, InUse::default(), settings, depth, None).await
    }

    /// Begins a transaction with a statement of your own.
    pub async fn begin_with(
        &mut self,
        statement: impl SqlSafeStr,
    ) -> Result<Transaction<'_, DB>, Error>
    where
        DB: Driver,
    {
        let (settings, depth) = (self.settings.clone(), self.depth);
        let statement = Some(statement.into_sql_str());
        Transaction::open(&mut **self, InUse::default(), settings, depth, statement).await
    }

    /// Runs a function in a transaction, which is committed if the function succeeds and rolled back
    /// if it fails.
    pub async fn transaction<F, R, E>(&mut self, callback: F) -> Result<R, E>
    where
        for<'t> F: FnOnce(&'t mut Transaction<'_, DB>) -> BoxFuture<'t, Result<R, E>> + Send,
        DB: Driver,
        R: Send,
        E: From<Error> + Send,
    {
        let mut transaction = self.begin().await?;
        let result = callback(&mut transaction).await;
        match &result {
            Ok(_) => transaction.commit().await?,
            Err(_) => transaction.rollback().await?,
        }
        result
    }

    /// Closes the connection, unless it is borrowed.
    pub async fn close(self) -> Result<(), Error> {
        match self.inner {
            Inner::Own(connection) => connection.close().await,
            Inner::Pool(connection) => connection.close().await,
            Inner::Borrowed(_) | Inner::Transaction(_) => Ok(()),
        }
    }

    pub(super) fn owned(mut self, take: fn(PoolConnection<DB>) -> DB::Connection) -> Self {
        if let Inner::Pool(connection) = self.inner {
            self.inner = Inner::Own(Box::new(take(connection)));
            self.in_use = InUse::default();
        }
        self
    }

    /// Asks whether the connection still works.
    pub async fn ping(&mut self) -> Result<(), Error> {
        let config = self.settings.config.clone();
        if !config.records(Step::Ping) {
            return (**self).ping().await;
        }
        let mut active = step(&config, DB::NAME, SpanKind::Client, "ping", None);
        let result = active.operation().run((**self).ping()).await;
        active.end(result.as_ref().map(drop));
        result
    }
}

impl<DB: Database> Deref for Connection<'_, DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        match &self.inner {
            Inner::Own(connection) => connection,
            Inner::Borrowed(connection) => connection,
            Inner::Pool(connection) => connection,
            Inner::Transaction(transaction) => transaction,
        }
    }
}

impl<DB: Database> DerefMut for Connection<'_, DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        match &mut self.inner {
            Inner::Own(connection) => connection,
            Inner::Borrowed(connection) => connection,
            Inner::Pool(connection) => connection,
            Inner::Transaction(transaction) => transaction,
        }
    }
}

impl<DB: Database> AsMut<DB::Connection> for Connection<'_, DB> {
    fn as_mut(&mut self) -> &mut DB::Connection {
        self
    }
}

impl<DB: Database> fmt::Debug for Connection<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<'t, DB> Executor<'t> for &'t mut Connection<'_, DB>
where
    DB: Driver,
{
    type Database = DB;

    executor!('t, this => {
        let Connection { inner, settings, .. } = this;
        (&settings.config, Direct(Bare::<DB>(inner.connection())))
    });
}

impl<DB: Database> Inner<'_, DB> {
    fn connection(&mut self) -> &mut DB::Connection {
        match self {
            Self::Own(connection) => connection,
            Self::Borrowed(connection) => connection,
            Self::Pool(connection) => connection,
            Self::Transaction(transaction) => transaction,
        }
    }
}

/// The connection and the transactions that come out of it are sqlx's own, without spans: the trait
/// names them. [`traced_with`](super::ExecutorExt::traced_with) gives each executor its spans back.
impl<'t, DB: Database> Acquire<'t> for &'t mut Connection<'_, DB> {
    type Database = DB;
    type Connection = &'t mut DB::Connection;

    fn acquire(self) -> BoxFuture<'t, Result<Self::Connection, Error>> {
        Box::pin(std::future::ready(Ok(&mut **self)))
    }

    fn begin(self) -> BoxFuture<'t, Result<sqlx_core::transaction::Transaction<'t, DB>, Error>> {
        sqlx_core::transaction::Transaction::begin(&mut **self, None)
    }
}
