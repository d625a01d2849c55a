//! A statement from the hands of sqlx: taken apart, described, put together again.

use std::sync::{Arc, LazyLock};

use opentelemetry::trace::{SpanKind, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};
use sqlx_core::arguments::Arguments as _;
use sqlx_core::database::Database;
use sqlx_core::error::BoxDynError;
use sqlx_core::executor::Execute;
use sqlx_core::sql_str::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use super::active::Active;
use super::in_flight::Ticket;
use super::server;
use super::settings::{Config, Statement, Text};
use super::sql::{Analysis, AnalysisCache};
use crate::span::{Operation, Start, attributes as names};

/// The texts that were seen lately.
pub(super) static ANALYSES: LazyLock<AnalysisCache> = LazyLock::new(AnalysisCache::default);

/// The parts of a statement, which drivers take in this order.
pub(super) struct Parts<DB: Database> {
    statement: Option<DB::Statement>,
    arguments: Option<Result<Option<DB::Arguments>, BoxDynError>>,
    persistent: bool,
    sql: SqlStr,
    /// Whether it is one that says how many rows it changed; known once it was described.
    changes: bool,
}

/// A statement on its way to the driver: as it came, or in parts that were looked at.
pub(super) enum Query<Q, DB: Database> {
    Whole(Q),
    Parts(Parts<DB>),
}

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
    let parent = Context::current();
    let mut whole = Some(query);
    let mut parts = None;
    if config.has_filters() || config.comment.is_some() {
        parts = whole.take().map(Parts::of);
    }
    let skipped = config.ignores(&parent)
        || parts.as_ref().is_some_and(|parts| config.has_filters() && parts.is_skipped(config));
    let operation = if skipped {
        Operation::untraced(&parent)
    } else {
        config.telemetry.start(SpanKind::Client, &parent, |start| {
            if let Some(query) = whole.take() {
                parts = Some(Parts::of(query));
            }
            if let Some(parts) = &mut parts {
                parts.describe(config, start);
            }
        })
    };
    if let Some(parts) = &mut parts {
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
    !operation.is_recording() && id(operation.context()) == id(parent)
}

/// Starts the operation of an explicit `prepare`.
pub(super) fn begin_prepare<DB: Database>(config: &Arc<Config>, sql: &SqlStr) -> Active {
    let parent = Context::current();
    let operation = if config.ignores(&parent) {
        Operation::untraced(&parent)
    } else {
        config.telemetry.start(SpanKind::Client, &parent, |start| {
            let analysis = ANALYSES.get(sql.as_str(), config.dialect(DB::NAME));
            let summary = format!("PREPARE {}", analysis.summary()).trim_end().to_owned();
            start.reserve(server::ATTRIBUTES + 2);
            start.name(summary.clone());
            config.server.describe(DB::NAME, start);
            start.set(KeyValue::new(names::DB_QUERY_SUMMARY, summary));
            set_text(config, &analysis, false, start);
        })
    };
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

// === impl Parts ===

impl<DB: Database> Parts<DB> {
    /// Takes a query apart in the order in which drivers do: a mapped query is persistent only as
    /// long as it has its arguments.
    fn of<'q>(mut query: impl Execute<'q, DB>) -> Self {
        let statement = query.statement().cloned();
        let arguments = Some(query.take_arguments());
        let persistent = query.persistent();
        Self { statement, arguments, persistent, sql: query.sql(), changes: false }
    }

    fn empty() -> Self {
        let sql = SqlStr::from_static("");
        Self { statement: None, arguments: None, persistent: false, sql, changes: false }
    }

    fn is_prepared(&self) -> bool {
        matches!(self.arguments, Some(Ok(Some(_)) | Err(_)))
    }

    /// Whether values travel apart from the text.
    fn is_parameterized(&self) -> bool {
        match &self.arguments {
            Some(Ok(Some(arguments))) => arguments.len() > 0,
            _ => false,
        }
    }

    fn analysis(&self, config: &Config) -> Arc<Analysis> {
        ANALYSES.get(self.sql.as_str(), config.dialect(DB::NAME))
    }

    fn view<'a>(&'a self, analysis: &'a Analysis) -> Statement<'a> {
        Statement { text: self.sql.as_str(), analysis, prepared: self.is_prepared() }
    }

    fn is_skipped(&self, config: &Config) -> bool {
        config.skips(&self.view(&self.analysis(config)))
    }

    /// What a span has at its start (database client spans, "Name" and "Attributes").
    fn describe(&mut self, config: &Config, start: &mut Start) {
        let analysis = self.analysis(config);
        let summary = analysis.summary();
        self.changes = config.affected_rows && changes_rows(summary);
        start.reserve(server::ATTRIBUTES + 2 + config.counts());
        config.server.describe(DB::NAME, start);
        if summary.is_empty() {
            start.name(config.server.fallback_name(DB::NAME));
        } else {
            start.name(summary.to_string());
            start.set(KeyValue::new(names::DB_QUERY_SUMMARY, summary.clone()));
        }
        set_text(config, &analysis, self.is_parameterized(), start);
        config.hook(&self.view(&analysis), start);
    }

    fn comment(&mut self, config: &Config, operation: &Operation) {
        let Some(comment) = &config.comment else { return };
        let context = operation.context();
        let kept = self.persistent && self.is_prepared();
        let sampled = context.span().span_context().is_sampled();
        let with_context = comment.wants_context(kept, sampled);
        let context = with_context.then_some((&config.telemetry, context));
        let dialect = config.dialect(DB::NAME);
        if let Some(text) = comment.append(self.sql.as_str(), dialect, context) {
            self.sql = AssertSqlSafe(text).into_sql_str();
            // A text that never comes again must not take a place in a cache.
            self.persistent &= !with_context;
        }
    }
}

impl<DB: Database> Execute<'_, DB> for Parts<DB> {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&DB::Statement> {
        self.statement.as_ref()
    }

    fn take_arguments(&mut self) -> Result<Option<DB::Arguments>, BoxDynError> {
        self.arguments.take().unwrap_or(Ok(None))
    }

    fn persistent(&self) -> bool {
        self.persistent
    }
}

// === impl Query ===

impl<'q, Q: Execute<'q, DB>, DB: Database> Execute<'q, DB> for Query<Q, DB> {
    fn sql(self) -> SqlStr {
        match self {
            Self::Whole(query) => query.sql(),
            Self::Parts(parts) => parts.sql(),
        }
    }

    fn statement(&self) -> Option<&DB::Statement> {
        match self {
            Self::Whole(query) => query.statement(),
            Self::Parts(parts) => parts.statement(),
        }
    }

    fn take_arguments(&mut self) -> Result<Option<DB::Arguments>, BoxDynError> {
        match self {
            Self::Whole(query) => query.take_arguments(),
            Self::Parts(parts) => parts.take_arguments(),
        }
    }

    fn persistent(&self) -> bool {
        match self {
            Self::Whole(query) => query.persistent(),
            Self::Parts(parts) => parts.persistent(),
        }
    }
}
