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
use super::statement::{begin, begin_prepare, tagged};

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
    let traced = |source: S, active, query| -> BoxFuture<'e, _> {
        let add = |total: &mut QueryResult<S::Database>, step: Item<S::Database>| {
            total.extend(step.left());
        };
        Box::pin(Collected::<_, S::Database, _>::new(source.steps(config, query), active, add))
    };
    begin(config, source, query, |source, query| source.bare().execute(query), traced)
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
    let traced = |source: S, active, query| -> BoxStream<'e, _> {
        Box::pin(Picked::<_, S::Database, _>::new(
            source.steps(config, query),
            active,
            Either::left,
        ))
    };
    begin(config, source, query, |source, query| source.bare().execute_many(query), traced)
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
    let traced = |source: S, active, query| -> BoxStream<'e, _> {
        Box::pin(Picked::<_, S::Database, _>::new(
            source.steps(config, query),
            active,
            Either::right,
        ))
    };
    begin(config, source, query, |source, query| source.bare().fetch(query), traced)
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
    let traced = |source: S, active, query| -> BoxStream<'e, _> {
        Box::pin(Picked::<_, S::Database, _>::new(source.steps(config, query), active, Some))
    };
    begin(config, source, query, |source, query| source.bare().fetch_many(query), traced)
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
    let traced = |source: S, active, query| -> BoxFuture<'e, _> {
        let add = |rows: &mut Vec<_>, step: Item<S::Database>| rows.extend(step.right());
        Box::pin(Collected::<_, S::Database, _>::new(source.steps(config, query), active, add))
    };
    begin(config, source, query, |source, query| source.bare().fetch_all(query), traced)
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
    let traced = |source: S, active, query| -> BoxFuture<'e, _> {
        let or_none = |row: Option<_>| row.ok_or(Error::RowNotFound);
        Box::pin(One::new(source.row(config, query), active, count, or_none))
    };
    begin(config, source, query, |source, query| source.bare().fetch_one(query), traced)
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
    let traced = |source: S, active, query| -> BoxFuture<'e, _> {
        Box::pin(One::new(source.row(config, query), active, count, Ok))
    };
    begin(config, source, query, |source, query| source.bare().fetch_optional(query), traced)
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
