//! A statement from the hands of sqlx: looked at, and given an operation.

use std::sync::Arc;

use opentelemetry::trace::{SpanKind, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};
use sqlx_core::database::Database;
use sqlx_core::executor::Execute;
use sqlx_core::sql_str::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use super::active::Active;
use super::analyses::analysis;
use super::config::{Config, Text};
use super::in_flight::Ticket;
use super::parts::{Parts, Query};
use super::server;
use super::sql::Analysis;
use crate::measure::Metered;
use crate::span::{Operation, Side, Start, attributes as names};

/// Begins a statement below the current context. It is `bare` where nobody records it and its
/// context is the caller's, so that the driver may have it as it is.
#[inline]
pub(super) fn begin<'q, DB, Q, S, R>(
    config: &Arc<Config>,
    source: S,
    query: Q,
    bare: impl FnOnce(S, Query<Q, DB>) -> R,
    active: impl FnOnce(S, Active, Parts<DB>) -> R,
) -> R
where
    DB: Database,
    Q: Execute<'q, DB>,
{
    let Some((parent, metered)) = wanted(config) else {
        return bare(source, Query::Whole(query));
    };
    let mut parts = Parts::of(query);
    match open(config, &parent, metered, &mut parts) {
        Some(opened) => active(source, opened, parts),
        None => bare(source, Query::Parts(parts)),
    }
}

/// The context that a statement begins below, and its measurement; `None` where it is known before
/// its text is looked at that there is nothing to do.
fn wanted(config: &Config) -> Option<(Context, Metered)> {
    if config.looks_at_text() {
        return Some((Context::current(), Metered::default()));
    }
    let metered = config.measurement();
    let parent = if metered.is_on() {
        Context::current()
    } else {
        config.telemetry.parent_unless(|parent| config.ignores(parent))?
    };
    Some((parent, metered))
}

/// Starts the operation of a statement, unless there is nothing to do for it.
fn open<DB: Database>(
    config: &Arc<Config>,
    parent: &Context,
    mut metered: Metered,
    parts: &mut Parts<DB>,
) -> Option<Active> {
    let is_skipped = config.has_filters() && parts.is_skipped(config);
    if config.looks_at_text() && !is_skipped {
        metered = config.measurement();
    }
    let mut operation = if is_skipped || config.ignores(parent) {
        Operation::only_measured(parent.clone(), Side::Caller, metered)
    } else {
        config.telemetry.start_metered(metered, SpanKind::Client, parent, |start| {
            parts.describe(config, start);
        })
    };
    operation.be_call();
    operation.label(|labels| parts.label(config, labels));
    parts.comment(config, &operation);
    let ticket = Ticket::of(parts.sql.as_str());
    if ticket.is_none() && is_callers(&operation, parent) {
        return None;
    }
    let (raw, changes) = (!parts.is_prepared(), parts.changes);
    Some(Active::statement::<DB>(operation, config, ticket, raw, changes))
}

/// Whether an operation has nothing to record and no context of its own.
fn is_callers(operation: &Operation, parent: &Context) -> bool {
    let id = |context: &Context| context.span().span_context().span_id();
    !operation.is_watched() && id(operation.context()) == id(parent)
}

/// Starts the operation of an explicit `prepare`.
pub(super) fn begin_prepare<DB: Database>(config: &Arc<Config>, sql: &SqlStr) -> Active {
    let parent = Context::current();
    let metered = config.measurement();
    let analysis = || analysis(sql.as_str(), config.dialect(DB::NAME));
    let summary = |analysis: &Analysis| format!("PREPARE {}", analysis.summary());
    let mut operation = if config.ignores(&parent) {
        Operation::only_measured(parent, Side::Caller, metered)
    } else {
        config.telemetry.start_metered(metered, SpanKind::Client, &parent, |start| {
            let analysis = analysis();
            let summary = summary(&analysis).trim_end().to_owned();
            start.reserve(server::ATTRIBUTES + 2);
            start.name(summary.clone());
            config.server.describe(DB::NAME, start);
            start.set(KeyValue::new(names::DB_QUERY_SUMMARY, summary));
            set_text(config, &analysis, false, start);
        })
    };
    operation.label(|labels| {
        config.server.label(DB::NAME, summary(&analysis()).trim_end(), labels);
    });
    Active::step(operation, config, DB::NAME, None)
}

/// The text of a statement with the tags that are the same for all.
pub(super) fn tagged<DB: Database>(config: &Config, sql: SqlStr) -> SqlStr {
    let Some(comment) = &config.comment else { return sql };
    let text = comment.append(sql.as_str(), config.dialect(DB::NAME), None);
    text.map_or(sql, |text| AssertSqlSafe(text).into_sql_str())
}

/// Other statements say nothing about it, or repeat what an earlier one changed.
pub(super) fn changes_rows(summary: &str) -> bool {
    let first = summary.split(' ').next().unwrap_or_default();
    ["INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE"]
        .iter()
        .any(|it| first.eq_ignore_ascii_case(it))
}

/// Sets `db.query.text`, according to whether values are known to travel apart from the text.
pub(super) fn set_text(
    config: &Config,
    analysis: &Analysis,
    parameterized: bool,
    start: &mut Start,
) {
    let text = match config.text {
        Text::Nothing => return,
        Text::Sanitized => analysis.sanitized(),
        Text::Conventional if parameterized => analysis.parameterized(),
        Text::Conventional => analysis.query_text(),
    };
    if !text.is_empty() {
        start.set(KeyValue::new(names::DB_QUERY_TEXT, text.clone()));
    }
}
