//! Any executor, with spans.

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx_core::Either;
use sqlx_core::database::Database;
use sqlx_core::describe::Describe;
use sqlx_core::error::Error;
use sqlx_core::executor::{Execute, Executor};
use sqlx_core::sql_str::SqlStr;

use super::config::Config;
use super::execute;
use super::executor::executor;
use super::settings::Settings;
use super::source::{Direct, Source};

/// An executor whose statements have spans.
///
/// It wraps every executor there is: `&mut` connections of any driver, sqlx's own pools, the
/// listener of PostgreSQL. Made by [`ExecutorExt::traced`]; knows the product, and where the server
/// is if its settings are those of a [`Pool`](super::Pool).
#[derive(Clone, Debug)]
pub struct Traced<E> {
    executor: E,
    settings: Settings,
}

/// Adds spans to any executor.
///
/// ```
/// use sqlx_core::executor::Executor;
/// use tracewire::sqlx::ExecutorExt as _;
///
/// async fn count<'c, E>(executor: E) -> Result<u64, sqlx_core::Error>
/// where
///     E: Executor<'c>,
/// {
///     let rows = executor.traced().fetch_all("SELECT id FROM orders").await?;
///     Ok(rows.len() as u64)
/// }
/// ```
pub trait ExecutorExt<'c>: Executor<'c> {
    /// The same executor, with spans.
    fn traced(self) -> Traced<Self> {
        Traced { executor: self, settings: Settings { config: Config::standard().clone() } }
    }

    /// The same executor, with spans according to these settings; those of a pool are
    /// [`Pool::settings`](super::Pool::settings).
    fn traced_with(self, settings: &Settings) -> Traced<Self> {
        Traced { executor: self, settings: settings.clone() }
    }
}

impl<'c, E: Executor<'c>> ExecutorExt<'c> for E {}

impl<E> Traced<E> {
    /// The executor itself.
    pub fn into_inner(self) -> E {
        self.executor
    }
}

impl<'c, E: Executor<'c>> Executor<'c> for Traced<E> {
    type Database = E::Database;

    executor!('c, this => (&this.settings.config, Direct(this.executor)));
}
