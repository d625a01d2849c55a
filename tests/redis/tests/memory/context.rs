//! What is current while the driver works, and how a span ends that nobody waits for.

use std::task::Poll;

use futures_util::FutureExt as _;
use opentelemetry_sdk::trace::Sampler;
use redis::aio::ConnectionLike;
use redis::{AsyncCommands, Value, cmd};
use tracewire::Telemetry;
use tracewire::otel::Context;
use tracewire::otel::trace::{SpanId, TraceContextExt as _};
use tracewire::redis::{Config, Connection};
use tracewire::test::{Capture, expect};
use tracewire_redis_tests::Moment::{Call, Drop, Poll as Polled};
use tracewire_redis_tests::{Fake, Moment, Reply, command, config, request, sent};

/// Whether the moments were these, all with this span current.
#[track_caller]
fn assert_current(fake: &Fake, span: SpanId, moments: &[Moment]) {
    let expected: Vec<_> = moments.iter().map(|moment| (*moment, span)).collect();
    assert_eq!(fake.notes(), expected);
}

#[tokio::test]
async fn the_span_is_current_in_every_call_poll_and_drop() {
    let capture = Capture::new();
    let fake = Fake::default();
    let mut connection = Connection::with_config(fake.clone(), &config(&capture));
    let after = request(&capture, async {
        let _: () = connection.set("k", "v").await.unwrap();
        Context::current().span().span_context().span_id()
    })
    .await;
    let spans = capture.spans();
    assert_current(&fake, spans[0].span_context.span_id(), &[Call, Polled, Polled, Drop]);
    assert_eq!(after, spans[1].span_context.span_id(), "the request is current again");
    capture.assert(sent([command("SET")]));
}

#[tokio::test]
async fn a_command_nobody_waits_for_ends_without_an_error() {
    let capture = Capture::new();
    let fake = Fake::new([Reply::Silence]);
    let mut connection = Connection::with_config(fake.clone(), &config(&capture));
    let get = cmd("BLPOP");
    {
        let mut future = connection.req_packed_command(&get);
        assert_eq!((&mut future).now_or_never(), None);
        assert_eq!(capture.open(), 1);
    }
    assert_eq!(capture.open(), 0);
    capture.assert(command("BLPOP"));
    let span = capture.spans()[0].span_context.span_id();
    assert_current(&fake, span, &[Call, Polled, Drop]);
}

#[tokio::test]
async fn a_future_that_is_never_polled_ends_its_span() {
    let capture = Capture::new();
    let fake = Fake::default();
    let mut connection = Connection::with_config(fake.clone(), &config(&capture));
    drop(connection.req_packed_command(&cmd("GET")));
    drop(connection.req_packed_commands(&redis::pipe(), 0, 0));
    let spans = capture.spans();
    assert_eq!(spans.len(), 2);
    let moments = spans.iter().flat_map(|span| {
        let id = span.span_context.span_id();
        [(Call, id), (Drop, id)]
    });
    assert_eq!(fake.notes(), moments.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_future_polled_after_its_end_does_no_harm() {
    let capture = Capture::new();
    let mut connection = Connection::with_config(Fake::default(), &config(&capture));
    let get = cmd("GET");
    let mut future = connection.req_packed_command(&get);
    let task = &mut std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.poll_unpin(task).is_pending());
    assert_eq!(future.poll_unpin(task), Poll::Ready(Ok(Value::Okay)));
    assert!(future.poll_unpin(task).is_pending());
    drop(future);
    assert_eq!(capture.spans().len(), 1);
}

#[tokio::test]
async fn a_panic_of_the_driver_is_on_the_span_and_goes_on() {
    let capture = Capture::new();
    let mut connection = Connection::with_config(Fake::new([Reply::Panic]), &config(&capture));
    let work = async { connection.get::<_, Value>("k").await };
    let panicked = std::panic::AssertUnwindSafe(work).catch_unwind().await;
    assert!(panicked.is_err());
    capture.assert(expect::span("GET").client().error("panic"));
}

#[tokio::test]
async fn without_spans_the_callers_context_is_current() {
    let capture = Capture::new();
    for telemetry in [
        Telemetry::propagate_only(),
        Capture::with_sampler(Sampler::AlwaysOff)
            .telemetry()
            .sampling(tracewire::Sampling::FollowsParent),
    ] {
        let fake = Fake::default();
        let config = Config::new().telemetry(&telemetry);
        let mut connection = Connection::with_config(fake.clone(), &config);
        let parent = tracewire::otel::trace::SpanContext::new(
            1.into(),
            7.into(),
            tracewire::otel::trace::TraceFlags::NOT_SAMPLED,
            true,
            Default::default(),
        );
        let _attached = Context::new().with_remote_span_context(parent).attach();
        let _: Value = connection.get("k").await.unwrap();
        assert_current(&fake, SpanId::from(7), &[Call, Polled, Polled, Drop]);
    }
    assert!(capture.spans().is_empty());
}

#[tokio::test]
async fn an_unsampled_span_of_its_own_is_current_nevertheless() {
    let capture = Capture::with_sampler(Sampler::AlwaysOff);
    let fake = Fake::default();
    let mut connection = Connection::with_config(fake.clone(), &config(&capture));
    let _: Value = connection.get("k").await.unwrap();
    let notes = fake.notes();
    assert_ne!(notes[0].1, SpanId::INVALID);
    assert_current(&fake, notes[0].1, &[Call, Polled, Polled, Drop]);
    assert!(capture.spans().is_empty());
}

#[tokio::test]
async fn suppressed_telemetry_is_left_alone() {
    let capture = Capture::new();
    let mut connection = Connection::with_config(Fake::default(), &config(&capture));
    let operation = Telemetry::propagate_only().start(
        tracewire::otel::trace::SpanKind::Internal,
        &Context::new().with_telemetry_suppressed(),
        |_| {},
    );
    let _: Value = operation.run(connection.get("k")).await.unwrap();
    assert!(capture.spans().is_empty());
    assert_eq!(capture.open(), 0);
}
