//! A pool whose statements have spans.

use std::fmt::{self, Debug};
use std::ops::Deref;

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use opentelemetry::trace::SpanKind;
use sqlx_core::Either;
use sqlx_core::acquire::Acquire;
use sqlx_core::database::Database;
use sqlx_core::describe::Describe;
use sqlx_core::error::Error;
use sqlx_core::executor::{Execute, Executor};
use sqlx_core::migrate::{Migrate, MigrateError, Migrator};
use sqlx_core::pool::{self as sqlx, PoolOptions};
use sqlx_core::sql_str::{SqlSafeStr, SqlStr};

use super::acquire::{acquire, step};
use super::affected::affected;
use super::driver::Driver;
use super::execute;
use super::executor::executor;
use super::pool_metrics::{Held, held, watch};
use super::server::Server;
use super::settings::{Settings, Step};
use super::source::{Pooled, Source};
use super::{PoolConnection, Transaction};
use crate::measure::Pool as Watched;

/// A pool whose statements have spans. Cheap to clone; clones share the pool.
///
/// `&pool` is an executor like that of sqlx, and everything else of sqlx's pool is there through
/// `Deref`: `close`, `size`, `options`. Where `&sqlx::Pool` is asked for, `&pool` will do.
///
/// ```no_run
/// # async fn example<DB>(pool: sqlx_core::pool::Pool<DB>) -> Result<(), sqlx_core::Error>
/// # where
/// #     DB: tracewire::sqlx::Driver,
/// #     DB::QueryResult: std::fmt::Debug,
/// # {
/// use sqlx_core::executor::Executor as _;
///
/// let db = tracewire::sqlx::Pool::from(pool);
/// let rows = db.fetch_all("SELECT id FROM orders").await?;
///
/// let mut tx = db.begin().await?;
/// tx.execute("UPDATE stock SET left = left - 1").await?;
/// tx.commit().await
/// # }
/// ```
pub struct Pool<DB: Database> {
    inner: sqlx::Pool<DB>,
    settings: Settings,
    watched: Watched,
}

type Options<DB> = <<DB as Database>::Connection as sqlx_core::connection::Connection>::Options;

impl<DB> Pool<DB>
where
    DB: Database,
    DB::QueryResult: Debug,
{
    /// A pool with settings. What they do not say about the server, the pool's connect options do.
    pub fn new(pool: sqlx::Pool<DB>, settings: &Settings) -> Self {
        let server = Server::of::<DB>(&pool.connect_options());
        let settings = settings.clone().with(|config| {
            config.server.complete(server);
            config.affected = Some(affected::<DB::QueryResult>);
        });
        let watched = watch(&pool, &settings.config);
        watched.meter().tie(settings.config.telemetry.pools());
        let settings = settings.with(|config| config.pool = watched.meter().clone());
        Self { inner: pool, settings, watched }
    }

    /// Connects a pool with these options and settings.
    pub async fn open(
        pool: PoolOptions<DB>,
        options: Options<DB>,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let server = Server::of::<DB>(&options);
        let known = settings.clone().with(|config| config.server.complete(server));
        if !known.config.records(Step::Connect) {
            return Ok(Self::new(pool.connect_with(options).await?, &known));
        }
        let mut active = step(&known.config, DB::NAME, SpanKind::Client, "connect", None);
        let result = active.operation().run(pool.connect_with(options)).await;
        active.end(result.as_ref().map(drop));
        Ok(Self::new(result?, &known))
    }

    /// Connects a pool with sqlx's defaults.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::open(PoolOptions::new(), url.parse()?, &of_url(url)).await
    }

    /// Connects a pool with sqlx's defaults.
    pub async fn connect_with(options: Options<DB>) -> Result<Self, Error> {
        Self::open(PoolOptions::new(), options, &Settings::new()).await
    }

    /// Makes a pool with sqlx's defaults that connects when it is used.
    pub fn connect_lazy(url: &str) -> Result<Self, Error> {
        Ok(Self::new(sqlx::Pool::connect_lazy(url)?, &of_url(url)))
    }

    /// Makes a pool with sqlx's defaults that connects when it is used.
    pub fn connect_lazy_with(options: Options<DB>) -> Self {
        Self::from(sqlx::Pool::connect_lazy_with(options))
    }
}

impl<DB: Database> Pool<DB> {
    /// sqlx's pool, whose statements have no spans.
    pub fn inner(&self) -> &sqlx::Pool<DB> {
        &self.inner
    }

    /// The settings, and what is known of the server: for executors and connections that come from
    /// elsewhere.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes a connection.
    pub fn acquire(
        &self,
    ) -> impl Future<Output = Result<PoolConnection<DB>, Error>> + Send + 'static + use<DB> {
        let (pool, settings) = (self.inner.clone(), self.settings.clone());
        async move {
            let connection = acquire(&settings.config, &pool).await?;
            Ok(PoolConnection::new(connection, settings))
        }
    }

    /// Takes a connection if one is idle.
    pub fn try_acquire(&self) -> Option<PoolConnection<DB>> {
        let held = held(&self.settings.config, self.inner.try_acquire()?);
        Some(PoolConnection::new(held, self.settings.clone()))
    }

    /// Brings the schema up to date, in one span.
    pub async fn migrate(&self, migrator: &Migrator) -> Result<(), MigrateError>
    where
        DB::Connection: Migrate,
    {
        let config = &self.settings.config;
        if !config.records(Step::Migrate) {
            return migrator.run(&self.inner).await;
        }
        let mut active = step(config, DB::NAME, SpanKind::Client, "migrate", None);
        let result = active.operation().run(migrator.run(&self.inner)).await;
        match &result {
            Ok(()) => active.end(Ok(())),
            Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
                active.end(Err(error));
            }
            Err(_) => active.fail("migrate"),
        }
        result
    }
}

impl<DB> Pool<DB>
where
    DB: Driver,
{
    /// Begins a transaction.
    pub async fn begin(&self) -> Result<Transaction<'static, DB>, Error> {
        let held = acquire(&self.settings.config, &self.inner).await?;
        self.transaction(held, None).await
    }

    /// Begins a transaction with a statement of your own.
    pub async fn begin_with(
        &self,
        statement: impl SqlSafeStr,
    ) -> Result<Transaction<'static, DB>, Error> {
        let statement = Some(statement.into_sql_str());
        let held = acquire(&self.settings.config, &self.inner).await?;
        self.transaction(held, statement).await
    }

    /// Begins a transaction if a connection is idle.
    pub async fn try_begin(&self) -> Result<Option<Transaction<'static, DB>>, Error> {
        let Some(connection) = self.inner.try_acquire() else { return Ok(None) };
        let held = held(&self.settings.config, connection);
        self.transaction(held, None).await.map(Some)
    }

    /// Begins a transaction with a statement of your own if a connection is idle.
    pub async fn try_begin_with(
        &self,
        statement: impl SqlSafeStr,
    ) -> Result<Option<Transaction<'static, DB>>, Error> {
        let statement = Some(statement.into_sql_str());
        let Some(connection) = self.inner.try_acquire() else { return Ok(None) };
        let held = held(&self.settings.config, connection);
        self.transaction(held, statement).await.map(Some)
    }
}

impl<DB: Driver> Pool<DB> {
    async fn transaction(
        &self,
        held: Held<DB>,
        statement: Option<SqlStr>,
    ) -> Result<Transaction<'static, DB>, Error> {
        let Held { connection, in_use } = held;
        Transaction::open(connection, in_use, self.settings.clone(), 0, statement).await
    }
}

impl<DB> From<sqlx::Pool<DB>> for Pool<DB>
where
    DB: Database,
    DB::QueryResult: Debug,
{
    fn from(pool: sqlx::Pool<DB>) -> Self {
        Self::new(pool, &Settings::new())
    }
}

impl<DB: Database> Clone for Pool<DB> {
    fn clone(&self) -> Self {
        let (settings, watched) = (self.settings.clone(), self.watched.clone());
        Self { inner: self.inner.clone(), settings, watched }
    }
}

impl<DB: Database> Deref for Pool<DB> {
    type Target = sqlx::Pool<DB>;

    fn deref(&self) -> &sqlx::Pool<DB> {
        &self.inner
    }
}

impl<DB: Database> Debug for Pool<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("inner", &self.inner)
            .field("settings", &self.settings)
            .finish()
    }
}

impl<'p, DB> Executor<'p> for &Pool<DB>
where
    DB: Driver,
{
    type Database = DB;

    executor!('p, this => (&this.settings.config, Pooled(&this.inner)));
}

/// The connection and the transactions that come out of it are sqlx's own, without spans: the trait
/// names them. [`traced_with`](super::ExecutorExt::traced_with) gives each executor its spans back.
impl<'c, DB: Database> Acquire<'c> for &Pool<DB> {
    type Database = DB;
    type Connection = sqlx::PoolConnection<DB>;

    fn acquire(self) -> BoxFuture<'c, Result<Self::Connection, Error>> {
        Acquire::acquire(&self.inner)
    }

    fn begin(self) -> BoxFuture<'c, Result<sqlx_core::transaction::Transaction<'c, DB>, Error>> {
        Acquire::begin(&self.inner)
    }
}

/// The driver is the same for MySQL and MariaDB, but the URL may tell.
fn of_url(url: &str) -> Settings {
    let is_mariadb = url.starts_with("mariadb:");
    if is_mariadb { Settings::new().system("mariadb") } else { Settings::new() }
}
