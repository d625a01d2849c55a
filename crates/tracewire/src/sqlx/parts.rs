//! A statement taken apart, and put together again for the driver.

use std::cell::OnceCell;
use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::trace::TraceContextExt as _;
use sqlx_core::arguments::Arguments as _;
use sqlx_core::database::Database;
use sqlx_core::error::BoxDynError;
use sqlx_core::executor::Execute;
use sqlx_core::sql_str::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use super::analyses::analysis;
use super::config::Config;
use super::server;
use super::settings::Statement;
use super::sql::Analysis;
use super::statement::{changes_rows, set_text};
use crate::measure::Attributes;
use crate::span::{Operation, Start, attributes as names};

/// The parts of a statement, which drivers take in this order.
pub(super) struct Parts<DB: Database> {
    statement: Option<DB::Statement>,
    arguments: Option<Result<Option<DB::Arguments>, BoxDynError>>,
    persistent: bool,
    pub(super) sql: SqlStr,
    /// What the text says, once somebody has asked.
    analysis: OnceCell<Arc<Analysis>>,
    /// Whether it is one that says how many rows it changed; known once it was described.
    pub(super) changes: bool,
}

/// A statement on its way to the driver: as it came, or in parts that were looked at.
pub(super) enum Query<Q, DB: Database> {
    Whole(Q),
    Parts(Parts<DB>),
}

// === impl Parts ===

impl<DB: Database> Parts<DB> {
    /// Takes a query apart in the order in which drivers do: a mapped query is persistent only as
    /// long as it has its arguments.
    pub(super) fn of<'q>(mut query: impl Execute<'q, DB>) -> Self {
        Self {
            statement: query.statement().cloned(),
            arguments: Some(query.take_arguments()),
            persistent: query.persistent(),
            sql: query.sql(),
            analysis: OnceCell::new(),
            changes: false,
        }
    }

    pub(super) fn is_prepared(&self) -> bool {
        matches!(self.arguments, Some(Ok(Some(_)) | Err(_)))
    }

    /// Whether values travel apart from the text.
    fn is_parameterized(&self) -> bool {
        match &self.arguments {
            Some(Ok(Some(arguments))) => arguments.len() > 0,
            _ => false,
        }
    }

    fn analysis(&self, config: &Config) -> &Analysis {
        let make = || analysis(self.sql.as_str(), config.dialect(DB::NAME));
        self.analysis.get_or_init(make)
    }

    fn view<'a>(&'a self, analysis: &'a Analysis) -> Statement<'a> {
        Statement { text: self.sql.as_str(), analysis, prepared: self.is_prepared() }
    }

    pub(super) fn is_skipped(&self, config: &Config) -> bool {
        config.skips(&self.view(self.analysis(config)))
    }

    /// What a span has at its start (database client spans, "Name" and "Attributes").
    pub(super) fn describe(&mut self, config: &Config, start: &mut Start) {
        let analysis = self.analysis(config);
        let summary = analysis.summary();
        let changes = config.affected_rows && changes_rows(summary);
        start.reserve(server::ATTRIBUTES + 2 + config.counts());
        config.server.describe(DB::NAME, start);
        if summary.is_empty() {
            start.name(config.server.fallback_name(DB::NAME));
        } else {
            start.name(analysis.name());
            start.set(KeyValue::new(names::DB_QUERY_SUMMARY, summary.clone()));
        }
        set_text(config, analysis, self.is_parameterized(), start);
        config.hook(&self.view(analysis), start);
        self.changes = changes;
    }

    /// What the metrics of a statement have at its start.
    pub(super) fn label(&self, config: &Config, labels: &mut Attributes) {
        config.server.label(DB::NAME, self.analysis(config).summary(), labels);
    }

    pub(super) fn comment(&mut self, config: &Config, operation: &Operation) {
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
