//! Jobs in channels, and tasks.

use tokio::sync::mpsc;
use tracewire::messaging::Envelope;
use tracewire::otel::Context;
use tracewire::otel::trace::{SpanKind, TraceContextExt as _};
use tracewire::span::Outcome;
use tracewire::test::{Capture, expect};
use tracewire_messaging_tests::{config, links_to, named, request};

/// Hands a job from a request to a worker.
async fn hand_over(capture: &Capture, seal: impl FnOnce() -> Envelope<u32>) -> u32 {
    let (jobs, mut inbox) = mpsc::channel(1);
    let telemetry = capture.telemetry();
    let worker = tokio::spawn(async move {
        let envelope: Envelope<u32> = inbox.recv().await.unwrap();
        let work = async |number| {
            telemetry
                .start(SpanKind::Internal, &Context::current(), |span| span.name("work"))
                .finish(Outcome::Success);
            number * 2
        };
        envelope.process(work).await
    });
    request(capture, async { jobs.send(seal()).await.unwrap() }).await;
    worker.await.unwrap()
}

#[tokio::test]
async fn a_worker_links_to_the_sender() {
    let capture = Capture::new();
    let config = config(&capture);
    let seal = || Envelope::with_config(21, &config).destination("numbers");
    assert_eq!(hand_over(&capture, seal).await, 42);
    let traces = capture.traces();
    traces[0].assert(expect::span("request").server());
    let process = expect::span("process numbers")
        .consumer()
        .links(1)
        .attribute("messaging.system", "in_process")
        .attribute("messaging.destination.name", "numbers");
    traces[1].assert(process.child(expect::span("work").internal()));
    assert!(links_to(&named(&capture, "process numbers")[0], &[&named(&capture, "request")[0]]));
}

#[tokio::test]
async fn a_worker_is_below_the_sender_by_choice() {
    let capture = Capture::new();
    let config = config(&capture).producer_as_parent();
    let seal = || Envelope::with_config(21, &config).destination("numbers").sent();
    assert_eq!(hand_over(&capture, seal).await, 42);
    let process = expect::span("process numbers").consumer().links(1);
    let process = process.child(expect::span("work").internal());
    let sent = expect::span("send numbers").producer().child(process);
    capture.assert(expect::span("request").server().child(sent));
}

#[tokio::test]
async fn an_error_of_the_work_is_one_of_the_span() {
    let capture = Capture::new();
    let envelope = Envelope::with_config("x", &config(&capture));
    let parsed = envelope.try_process(async |text| text.parse::<u32>()).await;
    assert!(parsed.is_err());
    let error = "core::num::error::ParseIntError";
    capture.assert(expect::span("process").consumer().error(error));
}

#[tokio::test]
async fn an_envelope_that_nobody_opens_records_nothing() {
    let capture = Capture::new();
    let envelope = Envelope::with_config(1, &config(&capture));
    assert_eq!(*envelope.value(), 1);
    drop(envelope);
    assert!(capture.spans().is_empty());
    let (value, process) = Envelope::with_config(2, &config(&capture)).into_parts();
    assert_eq!(value, 2);
    drop(process);
    capture.assert(expect::span("process").consumer().links(0).error("cancelled"));
}

#[tokio::test]
async fn a_task_is_in_the_trace_of_whoever_spawned_it() {
    let capture = Capture::new();
    let telemetry = capture.telemetry();
    let (task,) = request(&capture, async {
        let later = async move {
            tokio::task::yield_now().await;
            let work =
                telemetry.start(SpanKind::Internal, &Context::current(), |span| span.name("later"));
            assert!(work.context().has_active_span());
            work.finish(Outcome::Success);
        };
        (tracewire::spawn(later),)
    })
    .await;
    task.await.unwrap();
    let later = expect::span("later").internal();
    capture.assert(expect::span("request").server().child(later));
}
