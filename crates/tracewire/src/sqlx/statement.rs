//! A statement from the hands of sqlx: looked at, and given an operation.

use std::sync::{Arc, LazyLock};

use opentelemetry::trace::{SpanKind, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};
use sqlx_core::database::Database;
use sqlx_core::executor::Execute;
use sqlx_core::sql_str::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use super::active::Active;
use super::config::{Config, Text};
use super::in_flight::Ticket;
use super::parts::{Parts, Query};
use super::server;
use super::sql::{Analysis, AnalysisCache};
use crate::measure::Metered;
use crate::span::{Operation, Side, Start, attributes as names};

/// The texts that were seen lately.
pub(super) static ANALYSES: LazyLock<AnalysisCache> = LazyLock::new(AnalysisCache::default);

/// What became of a statement.
pub(super) enum Begun<Q, DB: Database> {
    /// Nobody records it and its context is the caller's, so the driver may have it as it is.
    Bare(Query<Q, DB>),
    Active(Active, Parts<DB>),
}

/// Starts the operation of a statement, below the current context.
pub(super) fn begin<'q, DB, Q>(config: &Arc<Config>, query: Q) -> Begun<Q, DB>
where
    DB: Database,
    Q: Execute<'q, DB>,
{
    let looks_at_text = config.has_filters() || config.comment.is_some();
    let mut metered = Metered::default();
    if !looks_at_text {
        metered = config.measurement();
        if !metered.is_on() && config.telemetry.ignores_current() {
            return Begun::Bare(Query::Whole(query));
        }
    }
    let parent = Context::current();
    let mut whole = Some(query);
    let mut parts = None;
    if looks_at_text {
        parts = whole.take().map(Parts::of);
    }
    let is_skipped =
        parts.as_ref().is_some_and(|parts| config.has_filters() && parts.is_skipped(config));
    if looks_at_text && !is_skipped {
        metered = config.measurement();
    }
    if metered.is_on() {
        parts = parts.or_else(|| whole.take().map(Parts::of));
    }
    let operation = if is_skipped || config.ignores(&parent) {
        Operation::only_measured(parent.clone(), Side::Caller, metered)
    } else {
        config.telemetry.start_metered(metered, SpanKind::Client, &parent, |start| {
            if let Some(query) = whole.take() {
                parts = Some(Parts::of(query));
            }
            if let Some(parts) = &mut parts {
                parts.describe(config, start);
            }
        })
    };
    let mut operation = operation.below_current();
    if let Some(parts) = &mut parts {
        operation.label(|labels| parts.label(config, labels));
        parts.comment(config, &operation);
    }
    match (whole, parts) {
        (Some(query), _) => Begun::Bare(Query::Whole(query)),
        (None, Some(parts)) => {
            let ticket = Ticket::of(parts.sql.as_str());
            if ticket.is_none() && is_callers(&operation, &parent) {
                return Begun::Bare(Query::Parts(parts));
            }
            let (raw, changes) = (!parts.is_prepared(), parts.changes);
            let active = Active::statement::<DB>(operation, config, ticket, raw, changes);
            Begun::Active(active, parts)
        }
        // A statement is whole or in parts.
        (None, None) => Begun::Bare(Query::Parts(Parts::empty())),
    }
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
    let analysis = || ANALYSES.get(sql.as_str(), config.dialect(DB::NAME));
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
