//! What recording costs in allocations, over the bare connection.

use std::time::Duration;

use futures_util::FutureExt as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor};
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};
use tracewire::otel::Context;
use tracewire::otel::trace::{SpanContext, SpanKind, TraceContextExt as _, TraceFlags};
use tracewire::redis::{Config, Connection, QueryText};
use tracewire::span::{Operation, Outcome};
use tracewire::{Sampling, Telemetry};

/// Answers at once, at the price that a driver pays: the box.
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

/// An exporter that costs nothing.
#[derive(Debug)]
struct Forget;

impl SpanProcessor for Forget {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, _: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn telemetry(sampler: Sampler) -> Telemetry {
    let provider =
        SdkTracerProvider::builder().with_sampler(sampler).with_span_processor(Forget).build();
    Telemetry::new(&provider)
}

fn config(telemetry: &Telemetry) -> Config {
    Config::new().telemetry(telemetry).server_address("cache.internal", 6380)
}

/// Sends one command below `parent`, or below none.
fn send(connection: &mut impl ConnectionLike, command: &Cmd, parent: &Context) {
    let _attached = parent.clone().attach();
    let reply = connection.req_packed_command(command).now_or_never();
    assert_eq!(reply, Some(Ok(Value::Okay)));
}

/// Allocations for each of many commands that are all alike.
fn allocations(connection: &mut impl ConnectionLike, command: &Cmd, parent: &Context) -> u64 {
    const TIMES: u64 = 100;
    // What is built on first use is not the command's.
    send(connection, command, parent);
    let counted = allocation_counter::measure(|| {
        for _ in 0..TIMES {
            send(connection, command, parent);
        }
    });
    assert_eq!(counted.count_total % TIMES, 0, "some commands cost more than others");
    counted.count_total / TIMES
}

/// The same without what the bare connection needs.
fn over_bare(config: &Config, command: &Cmd, parent: &Context) -> u64 {
    let mut connection = Connection::with_config(Instant, config);
    let traced = allocations(&mut connection, command, parent);
    traced - allocations(&mut Instant, command, parent)
}

fn command(words: &[&str]) -> Cmd {
    let mut command = Cmd::new();
    command.arg(words);
    command
}

fn request(telemetry: &Telemetry) -> Operation {
    telemetry.start(SpanKind::Server, &Context::new(), |span| {
        span.name("request");
    })
}

fn unsampled_parent() -> Context {
    let flags = TraceFlags::NOT_SAMPLED;
    let span = SpanContext::new(1.into(), 1.into(), flags, true, Default::default());
    Context::new().with_remote_span_context(span)
}

/// The attributes, the span, its context, and a second box for the future: the driver's own lies
/// in one already, and nothing can be added to it there.
#[test]
fn a_sampled_command_costs_four() {
    let telemetry = telemetry(Sampler::AlwaysOn);
    let request = request(&telemetry);
    for words in
        [&["GET", "k"][..], &["get", "k"], &["CLUSTER", "INFO"], &["SET", "k", "v", "EX", "10"]]
    {
        let cost = over_bare(&config(&telemetry), &command(words), request.context());
        assert_eq!(cost, 4, "{words:?}");
    }
    request.finish(Outcome::Success);
}

#[test]
fn choices_cost_what_they_hold() {
    let telemetry = telemetry(Sampler::AlwaysOn);
    let request = request(&telemetry);
    let config = config(&telemetry);
    for (config, words, cost) in [
        (config.clone().cache_hit(), &["GET", "k"][..], 4),
        (config.clone().require_parent().rate_limit(u16::MAX), &["GET", "k"], 4),
        (config.clone().skip(["PING"]), &["GET", "k"], 4),
        // The name of a command that is not known, twice: for the span and for its attribute.
        (config.clone(), &["MY.COMMAND", "k"], 6),
        (config.clone(), &["FCALL", "name", "0"], 5),
        // The text, and once more to fit it.
        (config.query_text(QueryText::Keys), &["GET", "k"], 6),
    ] {
        let found = over_bare(&config, &command(words), request.context());
        assert_eq!(found, cost, "{words:?} with {config:?}");
    }
    request.finish(Outcome::Success);
}

#[test]
fn a_command_that_nobody_samples_costs_nothing() {
    let telemetry = telemetry(Sampler::AlwaysOn).sampling(Sampling::FollowsParent);
    let get = command(&["GET", "k"]);
    assert_eq!(over_bare(&config(&telemetry), &get, &unsampled_parent()), 0);
    let guarded = config(&telemetry).require_parent().rate_limit(1000).cache_hit();
    assert_eq!(over_bare(&guarded, &get, &unsampled_parent()), 0);
}

/// A sampler that reads attributes gets them, and its decision needs a span context of its own.
#[test]
fn a_sampler_that_is_asked_costs_three() {
    let telemetry = telemetry(Sampler::AlwaysOff);
    let get = command(&["GET", "k"]);
    assert_eq!(over_bare(&config(&telemetry), &get, &unsampled_parent()), 3);
}

#[test]
fn telemetry_that_is_off_costs_nothing() {
    let get = command(&["GET", "k"]);
    let off = config(&Telemetry::propagate_only());
    assert_eq!(over_bare(&off, &get, &Context::new()), 0);
    let skipped = config(&telemetry(Sampler::AlwaysOn)).skip(["GET"]);
    assert_eq!(over_bare(&skipped, &get, &Context::new()), 0);
    let orphan = config(&telemetry(Sampler::AlwaysOn)).require_parent();
    assert_eq!(over_bare(&orphan, &get, &Context::new()), 0);
}
