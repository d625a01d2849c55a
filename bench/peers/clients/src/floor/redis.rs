//! A connection to Redis.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::context::FutureExt as _;
use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::trace::{Status, TraceContextExt as _};
use redis::aio::ConnectionLike;
use redis::{Arg, Cmd, Pipeline, RedisFuture, Value};

use super::start;

pub(crate) struct ByHand<C> {
    inner: C,
    tracer: Arc<BoxedTracer>,
}

impl<C> ByHand<C> {
    pub(crate) fn new(inner: C) -> Self {
        Self { inner, tracer: Arc::new(global::tracer("by hand")) }
    }
}

impl<C: ConnectionLike + Send> ConnectionLike for ByHand<C> {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        let name = match command.args_iter().next() {
            Some(Arg::Simple(name)) => String::from_utf8_lossy(name).into_owned(),
            _ => String::from("redis"),
        };
        let attributes = vec![
            KeyValue::new("db.system.name", "redis"),
            KeyValue::new("db.operation.name", name.clone()),
            KeyValue::new("db.namespace", self.inner.get_db().to_string()),
            KeyValue::new("server.address", "cache.internal"),
            KeyValue::new("server.port", 6380),
        ];
        let context = start(&self.tracer, name, attributes);
        Box::pin(async move {
            let reply = self.inner.req_packed_command(command).with_context(context.clone()).await;
            let span = context.span();
            if let Err(error) = &reply {
                span.set_status(Status::error(error.to_string()));
            }
            span.end();
            reply
        })
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
