//! A connection that goes back to its pool.

use std::fmt;
use std::ops::{Deref, DerefMut};

use futures_core::future::BoxFuture;
use sqlx_core::acquire::Acquire;
use sqlx_core::database::Database;
use sqlx_core::error::Error;
use sqlx_core::pool as sqlx;

use super::Transaction;
use super::connection::{Connection, Inner};
use super::driver::Driver;
use super::pool_metrics::Held;
use super::settings::Settings;

/// A connection with spans that goes back to its pool when it is dropped.
///
/// `&mut *connection` is the executor, as with sqlx.
pub struct PoolConnection<DB: Database> {
    connection: Connection<'static, DB>,
}

impl<DB: Database> PoolConnection<DB> {
    pub(super) fn new(held: Held<DB>, settings: Settings) -> Self {
        let Held { connection, in_use } = held;
        let inner = Inner::Pool(connection);
        Self { connection: Connection { inner, settings, depth: 0, in_use } }
    }

    /// Begins a transaction.
    pub async fn begin(&mut self) -> Result<Transaction<'_, DB>, Error>
    where
        DB: Driver,
    {
        self.connection.begin().await
    }

    /// Closes the connection, so that the pool may open another one.
    pub async fn close(self) -> Result<(), Error> {
        self.connection.close().await
    }

    /// Closes the connection when it is dropped, in place of giving it back.
    pub fn close_on_drop(&mut self) {
        if let Inner::Pool(connection) = &mut self.connection.inner {
            connection.close_on_drop();
        }
    }

    /// Takes the connection out of its pool, which may open another one.
    pub fn detach(self) -> Connection<'static, DB> {
        self.connection.owned(sqlx::PoolConnection::detach)
    }

    /// Takes the connection out of its pool, which goes on counting it.
    pub fn leak(self) -> Connection<'static, DB> {
        self.connection.owned(sqlx::PoolConnection::leak)
    }
}

impl<DB: Database> Deref for PoolConnection<DB> {
    type Target = Connection<'static, DB>;

    fn deref(&self) -> &Connection<'static, DB> {
        &self.connection
    }
}

impl<DB: Database> DerefMut for PoolConnection<DB> {
    fn deref_mut(&mut self) -> &mut Connection<'static, DB> {
        &mut self.connection
    }
}

impl<DB: Database> AsMut<DB::Connection> for PoolConnection<DB> {
    fn as_mut(&mut self) -> &mut DB::Connection {
        &mut self.connection
    }
}

impl<DB: Database> fmt::Debug for PoolConnection<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PoolConnection").field(&self.connection).finish()
    }
}

/// As for [`Connection`], without spans.
impl<'t, DB: Database> Acquire<'t> for &'t mut PoolConnection<DB> {
    type Database = DB;
    type Connection = &'t mut DB::Connection;

    fn acquire(self) -> BoxFuture<'t, Result<Self::Connection, Error>> {
        Acquire::acquire(&mut self.connection)
    }

    fn begin(self) -> BoxFuture<'t, Result<sqlx_core::transaction::Transaction<'t, DB>, Error>> {
        Acquire::begin(&mut self.connection)
    }
}
