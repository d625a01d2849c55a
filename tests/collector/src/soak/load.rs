//! The process that makes spans: short and long requests, failing and abandoned ones, late spans.

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::trace::SpanKind;
use opentelemetry::{Context, KeyValue};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracewire::Telemetry;
use tracewire::sdk::{self, Guard, Limits, Sampler, Stats, TailSampling};
use tracewire::span::{Operation, Outcome};

/// Requests of a tick of ten milliseconds: 4000 per second.
const PER_TICK: u64 = 40;

/// What the requests have in common.
#[derive(Debug, Default)]
struct Work {
    stopped: AtomicBool,
    requests: AtomicU64,
    /// Spans for which the sampler is asked.
    asked: AtomicU64,
}

/// Does what standard input says.
pub async fn work() {
    let work = Arc::new(Work::default());
    let mut guard = None;
    let mut running = None;
    for line in std::io::stdin().lock().lines() {
        let answer = match &*line.unwrap() {
            "id" => std::process::id().to_string(),
            "tasks" => tokio::runtime::Handle::current().metrics().num_alive_tasks().to_string(),
            "init" => {
                guard = Some(init());
                "ok".to_owned()
            }
            "start" => {
                let (send, ended) = channel(1);
                tokio::spawn(produce(work.clone(), send));
                running = Some(ended);
                "ok".to_owned()
            }
            "stop" => {
                work.stopped.store(true, Ordering::Relaxed);
                let mut running: Receiver<()> = running.take().unwrap();
                // Until nobody holds the other end any more.
                while running.recv().await.is_some() {}
                work.requests.load(Ordering::Relaxed).to_string()
            }
            "shutdown" => {
                let guard: Guard = guard.take().unwrap();
                let Stats { started, exported, dropped, sampled_out, .. } = guard.shutdown();
                let asked = work.asked.load(Ordering::Relaxed);
                format!("{started} {exported} {dropped} {sampled_out} {asked}")
            }
            other => panic!("{other}"),
        };
        println!("{answer}");
        std::io::stdout().flush().unwrap();
    }
}

/// Everything that holds something is small, so that it is full at some time.
fn init() -> Guard {
    let tail = TailSampling::new()
        .keep_errors()
        .slower_than(Duration::from_millis(600))
        .otherwise(0.1)
        .max_traces(500)
        .max_spans(2000)
        .max_bytes(4 << 20)
        .time_limit(Duration::from_millis(500))
        .remember(4096);
    let limits = Limits::new().attributes(8).attribute_value_length(64).events(2);
    let sampler = Sampler::consistent(0.5);
    sdk::builder().sampler(sampler).tail_sampling(tail).limits(limits).init().unwrap()
}

async fn produce(work: Arc<Work>, alive: Sender<()>) {
    let mut ticks = interval(Duration::from_millis(10));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while !work.stopped.load(Ordering::Relaxed) {
        ticks.tick().await;
        for _ in 0..PER_TICK {
            let number = work.requests.fetch_add(1, Ordering::Relaxed);
            let (work, alive) = (work.clone(), alive.clone());
            tokio::spawn(async move {
                let abandoned = number.is_multiple_of(53);
                let patience = Duration::from_millis(if abandoned { 5 } else { 60_000 });
                let _ = timeout(patience, request(&work, number, &alive)).await;
                drop(alive);
            });
        }
    }
}

async fn request(work: &Work, number: u64, alive: &Sender<()>) {
    let telemetry = Telemetry::default();
    let server = telemetry.start(SpanKind::Server, &Context::new(), |span| {
        span.name("GET /{number}");
        span.set(KeyValue::new("url.path", format!("/{number}")));
        for key in ["a", "b", "c", "d", "e", "f", "g", "h"] {
            span.set(KeyValue::new(key, "more than the limit of sixty-four characters ".repeat(4)));
        }
    });
    // That of `handle` is asked for only below a span that is recorded.
    let asked = 1 + u64::from(server.is_recording());
    work.asked.fetch_add(asked, Ordering::Relaxed);
    server.run(handle(work, &telemetry, number)).await;
    if number.is_multiple_of(31) {
        let late = below(work, &telemetry, server.context(), "late");
        let alive = alive.clone();
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            late.finish(Outcome::Success);
            drop(alive);
        });
    }
    server.finish(match number % 101 {
        0 => Outcome::Error { error_type: "out_of_luck".into(), description: "".into() },
        _ => Outcome::Success,
    });
}

#[tracing::instrument(skip_all)]
async fn handle(work: &Work, telemetry: &Telemetry, number: u64) {
    for event in 0..4 {
        tracing::info!(event, "an event");
    }
    let client = below(work, telemetry, &Context::current(), "client");
    match number {
        // Longer than tail sampling waits.
        _ if number.is_multiple_of(997) => sleep(Duration::from_millis(700)).await,
        _ if number.is_multiple_of(53) => sleep(Duration::from_millis(50)).await,
        _ => tokio::task::yield_now().await,
    }
    client.finish(Outcome::Success);
}

/// Starts a span below another. The sampler is asked only where that is recorded.
fn below(work: &Work, telemetry: &Telemetry, parent: &Context, name: &'static str) -> Operation {
    let span = telemetry.start(SpanKind::Client, parent, |span| span.name(name));
    work.asked.fetch_add(u64::from(span.is_recording()), Ordering::Relaxed);
    span
}
