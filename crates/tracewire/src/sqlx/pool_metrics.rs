//! What is measured of a pool: its numbers, and what is done with its connections.

use std::fmt;
use std::ops::{Deref, DerefMut};

use sqlx_core::database::Database;
use sqlx_core::error::Error;
use sqlx_core::pool::{self as sqlx};

use super::config::Config;
use crate::measure::{InUse, Pool, PoolNumbers, Waiting};

/// A connection out of a pool, and how long somebody has had it.
pub(super) struct Held<DB: Database> {
    // In this order: first it is given back.
    pub(super) connection: sqlx::PoolConnection<DB>,
    pub(super) in_use: InUse,
}

/// Somebody who waits for a connection.
pub(super) struct Waiter<'a, DB: Database> {
    config: &'a Config,
    pool: &'a sqlx::Pool<DB>,
    waiting: Waiting,
    /// How many connections there were when none was idle and there was room for one more.
    size: Option<u32>,
}

/// Has a pool measured.
pub(super) fn watch<DB: Database>(pool: &sqlx::Pool<DB>, config: &Config) -> Pool {
    // Two handles of the same pool have the same options, which lie where the pool does.
    let identity = std::ptr::from_ref(pool.options()).addr();
    let name = config.pool_name.clone();
    let name = name.unwrap_or_else(|| config.server.pool_name(DB::NAME).into());
    let watched = pool.clone();
    Pool::new(name, Some(identity), move || {
        let (size, idle) = (u64::from(watched.size()), watched.num_idle() as u64);
        let idle = idle.min(size);
        // sqlx has no other limit of idle connections than that of all.
        let most = u64::from(watched.options().get_max_connections());
        PoolNumbers::new(idle, size - idle)
            .max(most)
            .idle_max(most)
            .idle_min(u64::from(watched.options().get_min_connections()))
    })
}

impl<'a, DB: Database> Waiter<'a, DB> {
    pub(super) fn begin(config: &'a Config, pool: &'a sqlx::Pool<DB>) -> Self {
        let waiting = config.pool.wait(config.telemetry.pools());
        let size = waiting.so_far().and_then(|_| {
            let (size, most) = (pool.size(), pool.options().get_max_connections());
            (pool.num_idle() == 0 && size < most).then_some(size)
        });
        Self { config, pool, waiting, size }
    }

    pub(super) fn end(
        self,
        result: Result<sqlx::PoolConnection<DB>, Error>,
    ) -> Result<Held<DB>, Error> {
        match result {
            Ok(connection) => {
                let is_new = self.size.is_some_and(|size| self.pool.size() > size);
                if let Some(lasted) = self.waiting.so_far().filter(|_| is_new) {
                    self.config.pool.created(self.config.telemetry.pools(), lasted);
                }
                Ok(Held { connection, in_use: self.waiting.obtained() })
            }
            Err(error) => {
                if matches!(error, Error::PoolTimedOut) {
                    self.waiting.timed_out();
                }
                Err(error)
            }
        }
    }
}

/// A connection that was there at once.
pub(super) fn held<DB: Database>(
    config: &Config,
    connection: sqlx::PoolConnection<DB>,
) -> Held<DB> {
    let in_use = config.pool.wait(config.telemetry.pools()).obtained();
    Held { connection, in_use }
}

impl<DB: Database> Deref for Held<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.connection
    }
}

impl<DB: Database> DerefMut for Held<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.connection
    }
}

impl<DB: Database> fmt::Debug for Held<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}
