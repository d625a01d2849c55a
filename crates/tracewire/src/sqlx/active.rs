//! The operation of a statement while it runs, and what is counted meanwhile.

use std::any::Any;
use std::sync::Arc;

use opentelemetry::KeyValue;
use sqlx_core::Either;
use sqlx_core::database::Database;
use sqlx_core::error::Error;

use super::config::Config;
use super::driver::Item;
use super::error::Failure;
use super::in_flight::Ticket;
use crate::measure::Slot;
use crate::span::{Domain, Entered, Operation, Outcome, attributes as names};

/// An operation on a database. Dropped before its end it ends as cancelled, with what was counted.
#[derive(Debug)]
pub(super) struct Active {
    operation: Operation,
    config: Arc<Config>,
    driver: &'static str,
    ticket: Option<Ticket>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    told: bool,
    /// Whether several statements may be in one text.
    raw: bool,
    /// Whether results say how many rows were changed.
    changes: bool,
    /// Statements that are over.
    statements: u32,
    rows: i64,
    affected: Option<u64>,
}

/// Counts what a statement gives.
pub(super) struct Counter<'a> {
    counts: &'a mut Counts,
    /// How to read the count of affected rows out of a driver's result.
    affected: Option<fn(&dyn Any) -> Option<u64>>,
}

// === impl Active ===

impl Active {
    /// A statement; `raw` if it is not prepared.
    pub(super) fn statement<DB: Database>(
        mut operation: Operation,
        config: &Arc<Config>,
        ticket: Option<Ticket>,
        raw: bool,
        changes: bool,
    ) -> Self {
        operation.set_domain(Domain::Database);
        let counts = Counts { raw, changes, ..Counts::default() };
        Self { operation, config: config.clone(), driver: DB::NAME, ticket, counts }
    }

    /// Other work on a database.
    pub(super) fn step(
        operation: Operation,
        config: &Arc<Config>,
        driver: &'static str,
        ticket: Option<Ticket>,
    ) -> Self {
        let operation = operation.in_domain(Domain::Database);
        let counts = Counts { told: true, ..Counts::default() };
        Self { operation, config: config.clone(), driver, ticket, counts }
    }

    /// Makes the operation current until the guard goes, with its counter at hand.
    pub(super) fn enter(&mut self) -> (Entered<'_>, Counter<'_>) {
        let counter = Counter { counts: &mut self.counts, affected: self.config.affected };
        (self.operation.enter(), counter)
    }

    pub(super) fn operation(&self) -> &Operation {
        &self.operation
    }

    /// Ends the operation. Does nothing the second time.
    pub(super) fn end(&mut self, result: Result<(), &Error>) {
        self.tell();
        if let Some(ticket) = &mut self.ticket
            && matches!(result, Ok(()) | Err(Error::RowNotFound))
        {
            ticket.complete();
        }
        self.ticket = None;
        if !self.operation.is_watched() {
            return self.operation.end(Outcome::Success);
        }
        let failure = result.err().and_then(|error| {
            let system = self.config.server.system_or(self.driver);
            Failure::of(error, system.as_str(), self.config.error_messages)
        });
        let Some(Failure { outcome, code }) = failure else {
            return self.operation.end(Outcome::Success);
        };
        if let Some(code) = code {
            self.operation.label(|labels| labels.text(names::DB_RESPONSE_STATUS_CODE, &code));
            self.operation.set_one(KeyValue::new(names::DB_RESPONSE_STATUS_CODE, code));
        }
        self.operation.end(outcome);
    }

    /// Ends the operation as failed for a reason that is no error of a database.
    pub(super) fn fail(&mut self, error_type: &'static str) {
        self.operation.end(Outcome::error(error_type));
    }

    /// Sets what was counted, once.
    fn tell(&mut self) {
        if std::mem::replace(&mut self.counts.told, true) {
            return;
        }
        let Counts { raw, rows, statements, affected, .. } = self.counts;
        self.operation.measurement().count(Slot::ROWS, u64::try_from(rows).unwrap_or_default());
        let has_more = self.config.returned_rows || affected.is_some() || (raw && statements > 1);
        if !has_more || !self.operation.is_recording() {
            return;
        }
        let rows = self.config.returned_rows.then_some((names::DB_RESPONSE_RETURNED_ROWS, rows));
        let affected = affected.and_then(|rows| i64::try_from(rows).ok());
        let affected = affected.map(|rows| (names::DB_RESPONSE_AFFECTED_ROWS, rows));
        let batch = (raw && statements > 1).then_some(i64::from(statements));
        let batch = batch.map(|size| (names::DB_OPERATION_BATCH_SIZE, size));
        let attribute = |(name, value)| KeyValue::new(name, value);
        self.operation.set([rows, affected, batch].into_iter().flatten().map(attribute));
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.tell();
    }
}

// === impl Counter ===

impl Counter<'_> {
    pub(super) fn returned(&mut self, rows: i64) {
        self.counts.rows += rows;
    }

    pub(super) fn saw<DB: Database>(&mut self, step: &Item<DB>) {
        match step {
            Either::Left(result) => self.is_over(result),
            Either::Right(_) => self.returned(1),
        }
    }

    /// Counts what a statement says when it is over: how many rows it changed.
    fn is_over<R: 'static>(&mut self, result: &R) {
        self.counts.statements = self.counts.statements.saturating_add(1);
        if self.counts.changes
            && let Some(affected) = self.affected.and_then(|read| read(result as &dyn Any))
        {
            *self.counts.affected.get_or_insert(0) += affected;
        }
    }
}
