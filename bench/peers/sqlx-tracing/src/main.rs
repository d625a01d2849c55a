//! What sqlx-tracing costs. Its spans are those of `tracing`.

use std::hint::black_box;
use std::sync::LazyLock;

use bench_harness::{Case, Mode, Operation, parent, spans};
use opentelemetry::trace::TracerProvider as _;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Sqlite, SqlitePool};
use sqlx_tracing::Pool;
use tokio::runtime::{Builder, Runtime};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;

const VARIANT: &str = "sqlx-tracing 0.2";
const STATEMENT: &str = "SELECT 7 WHERE 7 = ?";

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));

fn main() {
    let mut cases = Vec::new();
    for (scenario, members) in [("traceparent", 0), ("tracestate", 2)] {
        cases.push(Case::bare("sqlite", scenario, move || select_bare(members)));
        cases.extend([Mode::Sampled, Mode::Unsampled, Mode::Off].map(|mode| {
            Case::new("sqlite", scenario, VARIANT, mode, move || select(mode, members))
        }));
    }
    bench_harness::run(&cases);
}

/// As the harness's, for another sqlx.
fn pool() -> SqlitePool {
    let options = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false);
    RUNTIME.block_on(options.connect("sqlite::memory:")).expect("a pool")
}

// Not one function for both pools: for one with the bound that this needs, the compiler does not come to an end.

fn select_bare(members: usize) -> Operation {
    let (pool, parent) = (pool(), parent::context(true, members));
    Box::new(move || {
        RUNTIME.block_on(async {
            let _parent = parent.clone().attach();
            let query = sqlx::query::<Sqlite>(STATEMENT).bind(7_i64);
            black_box(query.fetch_one(&pool).await.expect("a row"));
        });
    })
}

fn select(mode: Mode, members: usize) -> Operation {
    if mode != Mode::Off {
        let tracer = spans::provider(mode == Mode::Sampled).tracer("bench");
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        // Without what sqlx itself says of each statement when somebody debugs.
        let subscriber = tracing_subscriber::registry().with(LevelFilter::INFO).with(layer);
        tracing::subscriber::set_global_default(subscriber).expect("no other subscriber");
    }
    let pool: Pool<Sqlite> = Pool::from(pool());
    let parent = parent::context(mode != Mode::Unsampled, members);
    Box::new(move || {
        RUNTIME.block_on(async {
            let _parent = parent.clone().attach();
            let query = sqlx::query::<Sqlite>(STATEMENT).bind(7_i64);
            black_box(query.fetch_one(&pool).await.expect("a row"));
        });
    })
}
