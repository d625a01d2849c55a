//! What otel-instrumentation-redis costs. A package of its own, as it is made for an older redis. Its spans are those of
//! `tracing`.

use std::hint::black_box;

use bench_harness::{Case, Mode, Operation, globals, parent};
use futures_executor::block_on;
use otel_instrumentation_redis::aio::InstrumentedAsyncConnection;
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value, cmd};

const VARIANT: &str = "otel-instrumentation-redis 0.1";

fn main() {
    let mut cases = Vec::new();
    for (scenario, members) in [("traceparent", 0), ("tracestate", 2)] {
        cases.push(Case::bare("redis", scenario, move || bare(members)));
        cases.extend([Mode::Sampled, Mode::Unsampled, Mode::Off].map(|mode| {
            Case::new("redis", scenario, VARIANT, mode, move || {
                globals::subscriber(mode);
                traced(mode != Mode::Unsampled, members)
            })
        }));
    }
    bench_harness::run(&cases);
}

fn bare(members: usize) -> Operation {
    let (get, parent) = (get(), parent::context(true, members));
    Box::new(move || {
        let _parent = parent.clone().attach();
        assert!(black_box(block_on(Instant.req_packed_command(&get))).is_ok());
    })
}

fn traced(sampled: bool, members: usize) -> Operation {
    let (get, parent) = (get(), parent::context(sampled, members));
    let mut connection = InstrumentedAsyncConnection::new(Instant);
    Box::new(move || {
        let _parent = parent.clone().attach();
        assert!(black_box(block_on(connection.req_command(&get))).is_ok());
    })
}

fn get() -> Cmd {
    let mut get = cmd("GET");
    get.arg("user:7");
    get
}

/// Answers at once, as the harness's connection does.
struct Instant;

impl ConnectionLike for Instant {
    fn req_packed_command<'a>(&'a mut self, _: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(std::future::ready(Ok(Value::Okay)))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        _: &'a Pipeline,
        _: usize,
        _: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn get_db(&self) -> i64 {
        0
    }
}
