//! The statements of transactions, which sqlx runs by itself: their spans.

use std::sync::Arc;

use opentelemetry::trace::{SpanKind, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};
use sqlx_core::sql_str::{AssertSqlSafe, SqlSafeStr as _, SqlStr};
use sqlx_core::transaction::{
    begin_ansi_transaction_sql, commit_ansi_transaction_sql, rollback_ansi_transaction_sql,
};

use super::active::Active;
use super::analyses::analysis;
use super::config::Config;
use super::in_flight::Ticket;
use super::server;
use super::settings::Step;
use crate::context::trace_parent;
use crate::measure::Metered;
use crate::span::{Operation, Side, attributes as names};

/// A statement that sqlx runs by itself.
pub(super) struct Control {
    /// What to call it, unless its text has to be asked.
    name: Option<&'static str>,
    sql: SqlStr,
}

impl Control {
    /// Inside so many transactions and savepoints.
    pub(super) fn begin(depth: usize, statement: Option<&SqlStr>) -> Self {
        match statement {
            Some(statement) => Self { name: None, sql: statement.clone() },
            None => Self {
                name: Some(if depth == 0 { "BEGIN" } else { "SAVEPOINT" }),
                sql: begin_ansi_transaction_sql(depth),
            },
        }
    }

    /// Of the one inside so many others.
    pub(super) fn commit(depth: usize) -> Self {
        Self {
            name: Some(if depth == 0 { "COMMIT" } else { "RELEASE SAVEPOINT" }),
            sql: commit_ansi_transaction_sql(depth + 1),
        }
    }

    /// Of the one inside so many others.
    pub(super) fn rollback(depth: usize) -> Self {
        Self {
            name: Some(if depth == 0 { "ROLLBACK" } else { "ROLLBACK TO SAVEPOINT" }),
            sql: rollback_ansi_transaction_sql(depth + 1),
        }
    }

    /// Starts its operation below the current context.
    pub(super) fn start(self, config: &Arc<Config>, driver: &'static str) -> Active {
        let parent = Context::current();
        let is_recorded = config.records(Step::Transaction);
        let metered = if is_recorded { config.measurement() } else { Metered::default() };
        let mut operation = if is_recorded && !config.ignores(&parent) {
            config.telemetry.start_metered(metered, SpanKind::Client, &parent, |start| {
                start.reserve(server::ATTRIBUTES + 2);
                config.server.describe(driver, start);
                match self.name {
                    Some(name) => {
                        start.name(name);
                        start.set(KeyValue::new(names::DB_QUERY_SUMMARY, name));
                        start
                            .set(KeyValue::new(names::DB_QUERY_TEXT, self.sql.as_str().to_owned()));
                    }
                    None => {
                        let analysis = analysis(self.sql.as_str(), config.dialect(driver));
                        start.name(String::from(&**analysis.summary()));
                        start.set(KeyValue::new(
                            names::DB_QUERY_SUMMARY,
                            analysis.summary().clone(),
                        ));
                        start.set(KeyValue::new(
                            names::DB_QUERY_TEXT,
                            analysis.query_text().clone(),
                        ));
                    }
                }
            })
        } else {
            Operation::only_measured(parent, Side::Caller, metered)
        };
        operation.label(|labels| match self.name {
            Some(name) => config.server.label(driver, name, labels),
            None => {
                let analysis = analysis(self.sql.as_str(), config.dialect(driver));
                config.server.label(driver, analysis.summary(), labels);
            }
        });
        Active::step(operation, config, driver, Ticket::of(self.sql.as_str()))
    }
}

/// The statement that tells PostgreSQL which trace a transaction belongs to. The name goes with the
/// transaction; 55 of the 63 bytes that PostgreSQL keeps of it are used.
pub(super) fn application_name(
    config: &Config,
    driver: &'static str,
    operation: &Operation,
) -> Option<SqlStr> {
    let context = operation.context().span().span_context().clone();
    if !config.application_name || driver != "PostgreSQL" || !context.is_sampled() {
        return None;
    }
    let name = trace_parent(&context);
    Some(AssertSqlSafe(format!("SET LOCAL application_name = '{name}'")).into_sql_str())
}
