//! A connection to Redis.

use std::borrow::Cow;

use bench_by_hand::{Described, InFlight, Kept, Tracing};
use bench_harness::Mode;
use opentelemetry::{KeyValue, StringValue};
use redis::aio::ConnectionLike;
use redis::{Arg, Cmd, Pipeline, RedisFuture, RedisResult, Value};

/// What a span of the harness's command has.
pub(crate) const ATTRIBUTES: [&str; 5] =
    ["db.namespace", "db.operation.name", "db.system.name", "server.address", "server.port"];
/// Those and a failure's.
const MOST: usize = 6;

/// Names of commands in capitals.
static NAMES: Kept<&str> = Kept::new();

pub(crate) struct Tricks<C> {
    inner: C,
    tracing: Tracing,
}

impl<C> Tricks<C> {
    pub(crate) fn new(inner: C, mode: Mode) -> Self {
        Self { inner, tracing: Tracing::of(mode) }
    }
}

impl<C: ConnectionLike + Send> ConnectionLike for Tricks<C> {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        let Self { inner, tracing } = self;
        let span = tracing.call(|| describe(command, inner.get_db()));
        if !span.is_recorded() {
            return inner.req_packed_command(command);
        }
        Box::pin(InFlight::new(span, error_of, || inner.req_packed_command(command)))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.inner.req_packed_commands(commands, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.inner.get_db()
    }
}

fn describe(command: &Cmd, database: i64) -> Described {
    let word = match command.args_iter().next() {
        Some(Arg::Simple(word)) => word,
        _ => b"",
    };
    let name =
        NAMES.get(word, |word| Some(String::from_utf8_lossy(word).to_ascii_uppercase().leak()));
    let copied = || Cow::Owned(String::from_utf8_lossy(word).to_ascii_uppercase());
    let name = name.map_or_else(copied, Cow::Borrowed);
    let mut attributes = Vec::with_capacity(MOST);
    attributes.push(KeyValue::new("db.system.name", "redis"));
    attributes.push(KeyValue::new("server.address", "cache.internal"));
    attributes.push(KeyValue::new("server.port", 6380));
    attributes.push(KeyValue::new("db.namespace", namespace(database)));
    attributes.push(KeyValue::new("db.operation.name", name.clone()));
    (name, attributes)
}

fn namespace(database: i64) -> StringValue {
    match database {
        0 => StringValue::from("0"),
        _ => database.to_string().into(),
    }
}

fn error_of(reply: &RedisResult<Value>) -> Option<StringValue> {
    let error = reply.as_ref().err()?;
    let code = error.code().map(str::to_owned);
    Some(code.unwrap_or_else(|| format!("{:?}", error.kind())).into())
}
