//! Taking a connection from a pool, as a span of its own where there is something to see.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use opentelemetry::Context;
use opentelemetry::trace::SpanKind;
use sqlx_core::database::Database;
use sqlx_core::error::Error;
use sqlx_core::pool::Pool;

use super::active::Active;
use super::config::Config;
use super::in_flight::{ACQUIRE, Ticket};
use super::pool_metrics::{Held, Waiter};
use super::server;
use super::settings::Step;
use crate::span::Operation;

/// Takes a connection.
pub(super) async fn acquire<DB: Database>(
    config: &Arc<Config>,
    pool: &Pool<DB>,
) -> Result<Held<DB>, Error> {
    let waiter = Waiter::begin(config, pool);
    if !config.records(Step::Acquire) {
        return waiter.end(pool.acquire().await);
    }
    let mut wait = Wait::begin(config, DB::NAME);
    let result = pool.acquire().await;
    wait.end(result.as_ref().map(drop));
    waiter.end(result)
}

/// The time spent waiting. Most often it is too short to tell, so the span is made at the end and
/// dated back; also when nobody waits any longer.
struct Wait<'a> {
    config: &'a Arc<Config>,
    driver: &'static str,
    since: Instant,
    over: bool,
    ticket: Option<Ticket>,
}

impl<'a> Wait<'a> {
    fn begin(config: &'a Arc<Config>, driver: &'static str) -> Self {
        Self { config, driver, since: Instant::now(), over: false, ticket: Ticket::of(ACQUIRE) }
    }

    fn end(&mut self, result: Result<(), &Error>) {
        self.over = true;
        if let Some(ticket) = &mut self.ticket {
            ticket.complete();
        }
        if result.is_err() || self.is_long() {
            self.span().end(result);
        }
    }

    fn is_long(&self) -> bool {
        self.since.elapsed() >= self.config.acquire_threshold
    }

    fn span(&self) -> Active {
        let began = SystemTime::now().checked_sub(self.since.elapsed());
        step(self.config, self.driver, SpanKind::Internal, "acquire", began)
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if !self.over && self.is_long() {
            // Whoever waited went away on purpose.
            self.span().end(Ok(()));
        }
    }
}

/// Starts the operation of a step that is no statement.
pub(super) fn step(
    config: &Arc<Config>,
    driver: &'static str,
    kind: SpanKind,
    name: &'static str,
    began: Option<SystemTime>,
) -> Active {
    let parent = Context::current();
    let operation = if config.ignores(&parent) {
        Operation::untraced(&parent)
    } else {
        config.telemetry.start(kind, &parent, |start| {
            start.reserve(server::ATTRIBUTES);
            start.name(name);
            if let Some(began) = began {
                start.started_at(began);
            }
            config.server.describe(driver, start);
        })
    };
    Active::step(operation, config, driver, None)
}
