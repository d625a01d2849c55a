//! How often statements allocate on the caller's side, over sqlx without spans.
//!
//! `cargo test -p tracewire-sqlx-tests --test allocations -- --nocapture` prints the table.
#![allow(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::hint::black_box;

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor};
use sqlx::sqlite::{Sqlite, SqlitePoolOptions};
use sqlx::{Executor, SqlitePool};
use tokio::runtime::Runtime;
use tracewire::sqlx::{Pool, Settings};
use tracewire::{Sampling, Telemetry};

/// Takes spans and lets them go.
#[derive(Debug)]
struct Sink;

impl SpanProcessor for Sink {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        black_box(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: std::time::Duration) -> OTelSdkResult {
        Ok(())
    }
}

struct Mode {
    name: &'static str,
    telemetry: Telemetry,
    flags: TraceFlags,
    /// Allocations that a statement may cost on a pool, and on a connection, where sqlx's trait
    /// demands one more box.
    budget: [i64; 2],
}

fn modes(provider: &SdkTracerProvider) -> Vec<Mode> {
    let (yes, no) = (TraceFlags::SAMPLED, TraceFlags::NOT_SAMPLED);
    let mode = |name, telemetry, flags, budget| Mode { name, telemetry, flags, budget };
    let telemetry = Telemetry::new(provider);
    let follows = telemetry.clone().sampling(Sampling::FollowsParent);
    vec![
        mode("sampled", telemetry.clone(), yes, [4, 5]),
        mode("not sampled, reads attributes", telemetry, no, [3, 4]),
        mode("not sampled, follows parent", follows, no, [0, 0]),
        mode("propagate only", Telemetry::propagate_only(), yes, [0, 0]),
    ]
}

fn parent(flags: TraceFlags) -> Context {
    let (trace, span) = (TraceId::from(7), SpanId::from(7));
    let parent = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    Context::new().with_remote_span_context(parent)
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Execute,
    FetchOne,
    FetchOptional,
    FetchAll,
}

const CALLS: [Call; 4] = [Call::Execute, Call::FetchOne, Call::FetchOptional, Call::FetchAll];

async fn call<'c>(call: Call, executor: impl Executor<'c, Database = Sqlite>) {
    let query = sqlx::query("SELECT 7 WHERE 7 = ?").bind(7_i64);
    match call {
        Call::Execute => drop(query.execute(executor).await.expect("a result")),
        Call::FetchOne => drop(query.fetch_one(executor).await.expect("a row")),
        Call::FetchOptional => drop(query.fetch_optional(executor).await.expect("a row")),
        Call::FetchAll => drop(query.fetch_all(executor).await.expect("rows")),
    }
}

/// What the race with SQLite's own thread may add to one figure and not to the other: a side that
/// has to wait registers a waker, and the least of many runs does not always miss that.
const NOISE: i64 = 4;

/// The least of many: the two threads may wait for one another or not.
fn cost(runtime: &Runtime, mut call: impl AsyncFnMut()) -> i64 {
    let mut measured = || {
        let info = allocation_counter::measure(|| runtime.block_on(call()));
        i64::try_from(info.count_total).expect("a small number")
    };
    (0..1000).map(|_| measured()).min().expect("a measure")
}

async fn connect() -> SqlitePool {
    let options = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false);
    options.connect("sqlite::memory:").await.expect("a pool")
}

#[test]
fn allocations_stay_within_budget() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let sampler = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
    let provider =
        SdkTracerProvider::builder().with_sampler(sampler).with_span_processor(Sink).build();
    let pool = runtime.block_on(connect());
    let _entered = runtime.enter();
    let mut failures = Vec::new();
    for on_pool in [true, false] {
        for kind in CALLS {
            let bare = if on_pool {
                cost(&runtime, async || call(kind, &pool).await)
            } else {
                let mut connection = runtime.block_on(pool.acquire()).expect("a connection");
                cost(&runtime, async || call(kind, &mut *connection).await)
            };
            for Mode { name, telemetry, flags, budget } in modes(&provider) {
                let db = Pool::new(pool.clone(), &Settings::new().telemetry(&telemetry));
                let _guard = parent(flags).attach();
                let traced = if on_pool {
                    cost(&runtime, async || call(kind, &db).await)
                } else {
                    let mut connection = runtime.block_on(db.acquire()).expect("a connection");
                    cost(&runtime, async || call(kind, &mut *connection).await)
                };
                let place = if on_pool { "pool" } else { "connection" };
                let line = format!(
                    "{place:10} {:13} {name:30} {bare:2} {:+}",
                    format!("{kind:?}"),
                    traced - bare
                );
                println!("{line}");
                if traced - bare > budget[usize::from(!on_pool)] + NOISE {
                    failures.push(line);
                }
            }
        }
    }
    assert!(failures.is_empty(), "over budget:\n{}", failures.join("\n"));
}
