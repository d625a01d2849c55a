//! How long processing lasts, what is current in it, and how it ends.

use std::time::Duration;

use futures_util::FutureExt as _;
use tracewire::messaging::{About, Client, Process};
use tracewire::otel::Context;
use tracewire::otel::trace::{SpanId, TraceContextExt as _};
use tracewire::span::Outcome;
use tracewire::test::{Capture, expect};
use tracewire_messaging_tests::config;

use crate::{Headers, foreign};

fn begin(client: &Client) -> Process {
    client.process("process", &foreign(), |about: &mut About| about.destination("orders"))
}

fn current() -> SpanId {
    Context::map_current(|context| context.span().span_context().span_id())
}

#[tokio::test]
async fn it_is_current_in_every_poll_and_in_the_drop() {
    struct Note<'a>(&'a mut Vec<SpanId>);
    impl Drop for Note<'_> {
        fn drop(&mut self) {
            self.0.push(current());
        }
    }
    let capture = Capture::new();
    let process = begin(&Client::new("pigeon_post", &config(&capture)));
    let mut seen = Vec::new();
    let work = process.run(async {
        let note = Note(&mut seen);
        note.0.push(current());
        tokio::task::yield_now().await;
        note.0.push(current());
        std::future::pending::<()>().await;
    });
    tokio::select! {
        biased;
        () = work => {}
        () = async { tokio::task::yield_now().await; tokio::task::yield_now().await } => {}
    }
    let own = process.context().span().span_context().span_id();
    assert_eq!(seen, [own; 3]);
    assert_eq!(current(), SpanId::INVALID);
    process.finish(Outcome::Success);
}

#[tokio::test]
async fn it_ends_once_however_it_ends() {
    type End = fn(Process);
    let cases: [(End, Option<&str>); 5] = [
        (|process| process.finish(Outcome::Success), None),
        (|process| process.finish(Outcome::error("poison")), Some("poison")),
        (drop, Some("cancelled")),
        (
            |process| {
                process.end(Outcome::Success);
                process.end(Outcome::error("late"));
            },
            None,
        ),
        (
            |process| {
                let panics = || {
                    let process = process;
                    let _entered = process.enter();
                    panic!("the work")
                };
                let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics));
                assert!(caught.is_err());
            },
            Some("panic"),
        ),
    ];
    for (end, error) in cases {
        let capture = Capture::new();
        end(begin(&Client::new("pigeon_post", &config(&capture))));
        let expected = expect::span("process orders").consumer();
        capture.assert(match error {
            Some(error) => expected.error(error),
            None => expected,
        });
        assert_eq!(capture.open(), 0);
    }
}

#[tokio::test]
async fn a_panic_in_the_work_is_one_on_the_span() {
    let capture = Capture::new();
    let client = Client::new("pigeon_post", &config(&capture));
    let work = async {
        let process = begin(&client);
        process.run(async { panic!("the work") }).await
    };
    assert!(std::panic::AssertUnwindSafe(work).catch_unwind().await.is_err());
    capture.assert(expect::span("process orders").consumer().error("panic"));
}

#[tokio::test(start_paused = true)]
async fn a_message_nobody_settles_times_out() {
    let capture = Capture::new();
    let config = config(&capture).process_timeout(Duration::from_secs(60));
    let client = Client::new("pigeon_post", &config);
    let process = begin(&client);
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(capture.open(), 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    capture.assert(expect::span("process orders").consumer().error("timeout"));
    // It stays current for the work that still runs, and does not end again.
    let mut next = Headers::new();
    process.run(async { client.send("publish", &mut next, |_| {}).finish(Outcome::Success) }).await;
    process.finish(Outcome::error("late"));
    let late = expect::span("publish").producer();
    capture.assert(expect::span("process orders").consumer().error("timeout").child(late));
}

#[tokio::test(start_paused = true)]
async fn what_is_settled_in_time_does_not_time_out() {
    let capture = Capture::new();
    let config = config(&capture).process_timeout(Duration::from_secs(60));
    let process = begin(&Client::new("pigeon_post", &config));
    tokio::time::sleep(Duration::from_secs(59)).await;
    process.finish(Outcome::Success);
    tokio::time::sleep(Duration::from_secs(59)).await;
    capture.assert(expect::span("process orders").consumer());
}

#[test]
fn without_a_runtime_there_is_no_time_out() {
    let capture = Capture::new();
    let config = config(&capture).process_timeout(Duration::ZERO);
    begin(&Client::new("pigeon_post", &config)).finish(Outcome::Success);
    capture.assert(expect::span("process orders").consumer());
}

#[test]
fn the_handles_go_between_threads() {
    fn goes<T: Send + Sync>() {}
    goes::<Process>();
    goes::<Client>();
    goes::<tracewire::messaging::Config>();
    goes::<tracewire::messaging::Envelope<u8>>();
}
