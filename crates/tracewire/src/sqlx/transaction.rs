//! Transactions and savepoints.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use futures_core::future::BoxFuture;
use sqlx_core::acquire::Acquire;
use sqlx_core::database::Database;
use sqlx_core::error::Error;
use sqlx_core::executor::Executor;
use sqlx_core::pool::MaybePoolConnection;
use sqlx_core::sql_str::SqlStr;
use sqlx_core::transaction as sqlx;

use super::config::Config;
use super::connection::{Connection, Inner};
use super::control::{Control, application_name};
use super::driver::{Bare, Driver};
use super::settings::Settings;
use crate::measure::InUse;

/// A transaction or a savepoint, with spans for its beginning, its end and all that runs in it.
///
/// `&mut *tx` is the executor, as with sqlx. Dropped before it was committed, it is rolled back by
/// the next use of its connection; the span of that `ROLLBACK` has no length and stands where the
/// transaction was dropped.
#[must_use = "a transaction is rolled back when it is dropped"]
pub struct Transaction<'c, DB: Database> {
    // In this order: first the rollback is sent, then its span is made.
    connection: Connection<'c, DB>,
    open: Open,
}

/// Makes the span of a rollback when it is dropped.
struct Open {
    armed: bool,
    /// How many transactions and savepoints are open around this one.
    depth: usize,
    driver: &'static str,
    config: Arc<Config>,
}

impl<'c, DB: Database> Transaction<'c, DB> {
    pub(super) async fn open(
        connection: impl Into<MaybePoolConnection<'c, DB>>,
        in_use: InUse,
        settings: Settings,
        depth: usize,
        statement: Option<SqlStr>,
    ) -> Result<Self, Error>
    where
        DB: Driver,
    {
        let connection = connection.into();
        let config = settings.config.clone();
        let mut active = Control::begin(depth, statement.as_ref()).start(&config, DB::NAME);
        let name =
            if depth == 0 { application_name(&config, DB::NAME, active.operation()) } else { None };
        let begun = async {
            let mut transaction = sqlx::Transaction::begin(connection, statement).await?;
            if let Some(name) = name {
                Bare::<DB>(&mut transaction).execute(name).await?;
            }
            Ok(transaction)
        };
        let result = active.operation().run(begun).await;
        active.end(result.as_ref().map(drop));
        let connection =
            Connection { inner: Inner::Transaction(result?), settings, depth: depth + 1, in_use };
        Ok(Self { connection, open: Open { armed: true, depth, driver: DB::NAME, config } })
    }

    /// Begins a savepoint.
    pub async fn begin(&mut self) -> Result<Transaction<'_, DB>, Error>
    where
        DB: Driver,
    {
        self.connection.begin().await
    }

    /// Commits the transaction, or releases the savepoint.
    pub async fn commit(self) -> Result<(), Error> {
        let Self { connection, mut open } = self;
        let Inner::Transaction(transaction) = connection.inner else { return Ok(()) };
        let mut active = Control::commit(open.depth).start(&open.config, open.driver);
        let result = active.operation().run(transaction.commit()).await;
        active.end(result.as_ref().copied());
        open.armed = result.is_err();
        result
    }

    /// Undoes what was done in the transaction, or since the savepoint.
    pub async fn rollback(self) -> Result<(), Error> {
        let Self { connection, mut open } = self;
        let Inner::Transaction(transaction) = connection.inner else { return Ok(()) };
        let mut active = Control::rollback(open.depth).start(&open.config, open.driver);
        let result = active.operation().run(transaction.rollback()).await;
        active.end(result.as_ref().copied());
        open.armed = result.is_err();
        result
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.armed {
            Control::rollback(self.depth).start(&self.config, self.driver).end(Ok(()));
        }
    }
}

impl<'c, DB: Database> Deref for Transaction<'c, DB> {
    type Target = Connection<'c, DB>;

    fn deref(&self) -> &Connection<'c, DB> {
        &self.connection
    }
}

impl<'c, DB: Database> DerefMut for Transaction<'c, DB> {
    fn deref_mut(&mut self) -> &mut Connection<'c, DB> {
        &mut self.connection
    }
}

impl<DB: Database> AsMut<DB::Connection> for Transaction<'_, DB> {
    fn as_mut(&mut self) -> &mut DB::Connection {
        &mut self.connection
    }
}

impl<DB: Database> fmt::Debug for Transaction<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("depth", &self.open.depth).finish_non_exhaustive()
    }
}

/// As for [`Connection`], without spans.
impl<'t, DB: Database> Acquire<'t> for &'t mut Transaction<'_, DB> {
    type Database = DB;
    type Connection = &'t mut DB::Connection;

    fn acquire(self) -> BoxFuture<'t, Result<Self::Connection, Error>> {
        Acquire::acquire(&mut self.connection)
    }

    fn begin(self) -> BoxFuture<'t, Result<sqlx::Transaction<'t, DB>, Error>> {
        Acquire::begin(&mut self.connection)
    }
}
