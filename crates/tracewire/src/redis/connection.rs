//! Connections whose commands are recorded.

use std::ops::{Deref, DerefMut};

use opentelemetry::trace::{SpanKind, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};

use super::call::Call;
use super::commands::Command;
use super::config::Config;
use super::future::InFlight;
use super::rate::Room;
use super::reply::Reply;
use crate::measure::Family;
use crate::span::attributes::LIMIT_REACHED;
use crate::span::{Domain, Operation, Side};

/// An asynchronous connection whose commands are spans.
///
/// It is a [`ConnectionLike`] itself, so everything that takes one takes it: `AsyncCommands`,
/// `Cmd::query_async`, `Pipeline::query_async`, `Script::invoke_async`, scans. What the connection
/// has beyond that is reached through [`Deref`] and is not recorded: `subscribe`,
/// `send_packed_command`, `route_command`.
#[derive(Clone, Debug)]
pub struct Connection<C> {
    inner: C,
    config: Config,
}

/// Something that dereferences to a connection without being one, as the objects of `bb8` do, or a
/// `&mut` borrow.
///
/// ```
/// use tracewire::redis::{Connection, Pooled};
///
/// async fn price<C: redis::aio::ConnectionLike + Send + Sync + 'static>(
///     borrowed: &mut C,
/// ) -> redis::RedisResult<Option<i64>> {
///     let mut connection = Connection::new(Pooled(borrowed));
///     redis::AsyncCommands::get(&mut connection, "price").await
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Pooled<D>(pub D);

/// One call that is to be recorded.
pub(super) struct Opened {
    pub(super) operation: Operation,
    pub(super) is_read: bool,
}

// === impl Connection ===

impl<C> Connection<C> {
    /// Records all commands on the process-wide telemetry.
    pub fn new(connection: C) -> Self
    where
        C: ConnectionLike,
    {
        Self::with_config(connection, &Config::new())
    }

    /// Records what `config` says.
    pub fn with_config(connection: C, config: &Config) -> Self
    where
        C: ConnectionLike,
    {
        Self { inner: connection, config: config.clone() }
    }

    /// The connection without the spans.
    pub fn into_inner(self) -> C {
        self.inner
    }
}

impl<C: ConnectionLike> ConnectionLike for Connection<C> {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        let Self { inner, config } = self;
        let opened = config.open(Call::Command(cmd), || inner.get_db());
        send(opened, move || inner.req_packed_command(cmd))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let Self { inner, config } = self;
        let opened = config.open(Call::Pipeline(pipeline), || inner.get_db());
        send(opened, move || inner.req_packed_commands(pipeline, offset, count))
    }

    fn get_db(&self) -> i64 {
        self.inner.get_db()
    }
}

impl<C> Deref for Connection<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.inner
    }
}

impl<C> DerefMut for Connection<C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.inner
    }
}

/// Lets the driver begin, with the operation current if there is one.
fn send<'a, T: Reply + 'a>(
    opened: Option<Opened>,
    driver: impl FnOnce() -> RedisFuture<'a, T>,
) -> RedisFuture<'a, T> {
    match opened {
        Some(opened) => InFlight::start(opened, driver),
        None => driver(),
    }
}

// === impl Config ===

impl Config {
    /// Opens the operation of a call, or `None` when the driver can work as if we were not there:
    /// nothing is recorded, and what is current is already right.
    pub(super) fn open(&self, call: Call<'_>, database: impl Fn() -> i64) -> Option<Opened> {
        let telemetry = self.telemetry_in_use();
        let mut metered = telemetry.measurement(Family::Database);
        let parent = if metered.is_on() {
            Context::current()
        } else {
            telemetry.parent_unless(|_| false)?
        };
        let mut summary = None;
        if self.asks_for_names() {
            let named = call.summary();
            if !self.keeps(&named.name) {
                return None;
            }
            summary = Some(named);
        }
        let room = self.room(&parent);
        if metered.is_on() {
            let summary = summary.get_or_insert_with(|| call.summary());
            metered.label(|labels| summary.label(self, database(), labels));
        }
        if room == Room::None && !metered.is_on() {
            return None;
        }
        if room == Room::None {
            let mut operation = Operation::only_measured(parent, Side::Caller, metered);
            operation.set_domain(Domain::Database);
            operation.be_call();
            return Some(Opened { operation, is_read: false });
        }
        let mut is_read = false;
        let mut operation = telemetry.start_metered(metered, SpanKind::Client, &parent, |start| {
            let summary = summary.unwrap_or_else(|| call.summary());
            is_read = self.records_hits() && summary.command.is_some_and(Command::is_read);
            call.describe(summary, self, database(), start);
            if room == Room::Last {
                start.set(KeyValue::new(LIMIT_REACHED, true));
            }
        });
        let stands_aside = !operation.is_watched() && is_same_span(operation.context(), &parent);
        operation.set_domain(Domain::Database);
        operation.be_call();
        (!stands_aside).then_some(Opened { operation, is_read })
    }
}

fn is_same_span(one: &Context, other: &Context) -> bool {
    let (one, other) = (one.span(), other.span());
    let (one, other) = (one.span_context(), other.span_context());
    one.span_id() == other.span_id() && one.trace_id() == other.trace_id()
}

// === impl Pooled ===

impl<D> ConnectionLike for Pooled<D>
where
    D: DerefMut<Target: ConnectionLike + 'static>,
{
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        self.0.req_packed_command(cmd)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.0.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.0.get_db()
    }
}
