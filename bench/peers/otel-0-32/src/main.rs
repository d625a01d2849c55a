//! What libraries cost that are made for OpenTelemetry 0.32, whose current context and globals are its own: sqlx-otel
//! and reqwest-tracing.

use std::hint::black_box;

use bench_harness::{Case, Mode, Operation, client, sql};
use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use reqwest_tracing::TracingMiddleware;
use sqlx::{Sqlite, SqlitePool};
use sqlx_otel::{Pool, PoolBuilder};
use tracing_subscriber::layer::SubscriberExt as _;

mod spans;

const STATEMENT: &str = "SELECT 7 WHERE 7 = ?";

fn main() {
    let mut cases = Vec::new();
    for (scenario, members) in [("traceparent", 0), ("tracestate", 2)] {
        cases.push(Case::bare("sqlite", scenario, move || select_bare(members)));
        cases.push(Case::bare("reqwest client", scenario, move || {
            let parent = spans::parent(true, members);
            client::middleware_below(|builder| builder, move || parent.clone().attach())
        }));
        for mode in [Mode::Sampled, Mode::Unsampled, Mode::Off] {
            cases.push(Case::new("sqlite", scenario, "sqlx-otel 0.5", mode, move || {
                select(mode, members)
            }));
            cases.push(Case::new("reqwest client", scenario, "reqwest-tracing 0.7", mode, {
                move || attempt(mode, members)
            }));
        }
    }
    bench_harness::run(&cases);
}

// Not one function for both pools: for one with the bound that this needs, the compiler does not come to an end.

fn select_bare(members: usize) -> Operation {
    let (pool, parent): (SqlitePool, _) = (sql::pool(), spans::parent(true, members));
    sql::repeat(async move || {
        let _parent = parent.clone().attach();
        let query = sqlx::query::<Sqlite>(STATEMENT).bind(7_i64);
        black_box(query.fetch_one(&pool).await.expect("a row"));
    })
}

fn select(mode: Mode, members: usize) -> Operation {
    if mode != Mode::Off {
        global::set_tracer_provider(spans::provider());
    }
    let pool: Pool<Sqlite> = PoolBuilder::from(sql::pool()).build();
    let parent = spans::parent(mode != Mode::Unsampled, members);
    sql::repeat(async move || {
        let _parent = parent.clone().attach();
        let query = sqlx::query::<Sqlite>(STATEMENT).bind(7_i64);
        black_box(query.fetch_one(&pool).await.expect("a row"));
    })
}

/// Its spans are those of `tracing`, and so is the context that it hands on.
fn attempt(mode: Mode, members: usize) -> Operation {
    global::set_text_map_propagator(TraceContextPropagator::new());
    if mode != Mode::Off {
        let layer = tracing_opentelemetry::layer().with_tracer(spans::provider().tracer("bench"));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::set_global_default(subscriber).expect("no other subscriber");
    }
    let parent = spans::parent(mode != Mode::Unsampled, members);
    client::middleware_below(
        |builder| builder.with(TracingMiddleware::default()),
        move || parent.clone().attach(),
    )
}
