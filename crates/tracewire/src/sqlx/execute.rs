//! The methods of an executor, with spans.

use std::sync::Arc;

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx_core::Either;
use sqlx_core::database::Database;
use sqlx_core::error::Error;
use sqlx_core::executor::{Execute, Executor as _};
use sqlx_core::sql_str::SqlStr;

use super::config::Config;
use super::driver::Item;
use super::run::{Collected, One, Picked};
use super::settings::Step;
use super::source::Source;
use super::statement::{Begun, begin, begin_prepare, tagged};

type Row<DB> = <DB as Database>::Row;
type QueryResult<DB> = <DB as Database>::QueryResult;

pub(super) fn execute<'c: 'e, 'e, 'q: 'e, S, Q>(
    config: &Arc<Config>,
    source: S,
    query: Q,
) -> BoxFuture<'e, Result<QueryResult<S::Database>, Error>>
where
    S: Source<'c>,
    Q: 'q + Execute<'q, S::Database>,
{
    match begin(config, query) {
        Begun::Bare(query) => source.bare().execute(query),
        Begun::Active(active, query) => {
            let steps = source.steps(config, query);
            Box::pin(Collected::<_, S::Database, QueryResult<S::Database>>::new(
                steps,
                active,
                |total, step| total.extend(step.left()),
            ))
        }
    }
}

pub(super) fn execute_many<'c: 'e, 'e, 'q: 'e, S, Q>(
    config: &Arc<Config>,
    source: S,
    query: Q,
) -> BoxStream<'e, Result<QueryResult<S::Database>, Error>>
where
    S: Source<'c>,
    Q: 'q + Execute<'q, S::Database>,
{
    match begin(config, query) {
        Begun::Bare(query) => source.bare().execute_many(query),
        Begun::Active(active, query) => {
            let steps = source.steps(config, query);
            Box::pin(Picked::<_, S::Database, _>::new(steps, active, Either::left))
        }
    }
}

pub(super) fn fetch<'c: 'e, 'e, 'q: 'e, S, Q>(
    config: &Arc<Config>,
    source: S,
    query: Q,
) -> BoxStream<'e, Result<Row<S::Database>, Error>>
where
    S: Source<'c>,
    Q: 'q + Execute<'q, S::Database>,
{
    match begin(config, query) {
        Begun::Bare(query) => source.bare().fetch(query),
        Begun::Active(active, query) => {
            let steps = source.steps(config, query);
            Box::pin(Picked::<_, S::Database, _>::new(steps, active, Either::right))
        }
    }
}

pub(super) fn fetch_many<'c: 'e, 'e, 'q: 'e, S, Q>(
    config: &Arc<Config>,
    source: S,
    query: Q,
) -> BoxStream<'e, Result<Item<S::Database>, Error>>
where
    S: Source<'c>,
    Q: 'q + Execute<'q, S::Database>,
{
    match begin(config, query) {
        Begun::Bare(query) => source.bare().fetch_many(query),
        Begun::Active(active, query) => {
            let steps = source.steps(config, query);
            Box::pin(Picked::<_, S::Database, _>::new(steps, active, Some))
        }
    }
}

pub(super) fn fetch_all<'c: 'e, 'e, 'q: 'e, S, Q>(
    config: &Arc<Config>,
    source: S,
    query: Q,
) -> BoxFuture<'e, Result<Vec<Row<S::Database>>, Error>>
where
    S: Source<'c>,
    Q: 'q + Execute<'q, S::Database>,
{
    match begin(config, query) {
        Begun::Bare(query) => source.bare().fetch_all(query),
        Begun::Active(active, query) => {
            let steps = source.steps(config, query);
            Box::pin(Collected::<_, S::Database, Vec<Row<S::Database>>>::new(
                steps,
                active,
                |rows, step| rows.extend(step.right()),
            ))
        }
    }
}

pub(super) fn fetch_one<'c: 'e, 'e, 'q: 'e, S, Q>(
    config: &Arc<Config>,
    source: S,
    query: Q,
) -> BoxFuture<'e, Result<Row<S::Database>, Error>>
where
    S: Source<'c>,
    Q: 'q + Execute<'q, S::Database>,
{
    match begin(config, query) {
        Begun::Bare(query) => source.bare().fetch_one(query),
        Begun::Active(active, query) => {
            let row = source.row(config, query);
            let or_none = |row: Option<_>| row.ok_or(Error::RowNotFound);
            Box::pin(One::new(row, active, count, or_none))
        }
    }
}

pub(super) fn fetch_optional<'c: 'e, 'e, 'q: 'e, S, Q>(
    config: &Arc<Config>,
    source: S,
    query: Q,
) -> BoxFuture<'e, Result<Option<Row<S::Database>>, Error>>
where
    S: Source<'c>,
    Q: 'q + Execute<'q, S::Database>,
{
    match begin(config, query) {
        Begun::Bare(query) => source.bare().fetch_optional(query),
        Begun::Active(active, query) => {
            Box::pin(One::new(source.row(config, query), active, count, Ok))
        }
    }
}

pub(super) fn prepare<'c: 'e, 'e, S>(
    config: &Arc<Config>,
    source: S,
    sql: SqlStr,
    parameters: &'e [<S::Database as Database>::TypeInfo],
) -> BoxFuture<'e, Result<<S::Database as Database>::Statement, Error>>
where
    S: Source<'c>,
{
    let sql = tagged::<S::Database>(config, sql);
    if !config.records(Step::Prepare) {
        return source.bare().prepare_with(sql, parameters);
    }
    let active = begin_prepare::<S::Database>(config, &sql);
    Box::pin(One::new(source.prepare(config, sql, parameters), active, |_| 0, Ok))
}

fn count<T>(row: &Option<T>) -> i64 {
    i64::from(row.is_some())
}
