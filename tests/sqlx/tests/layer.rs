//! Spans by way of the subscriber: out of sqlx's log, beside those of wrapped pools, and those of
//! wrapped pools themselves.
//!
//! SQLite logs, and lets go of its callers' spans, on threads of its own, so the subscriber is that
//! of the whole process, and one test runs at a time.
#![allow(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::sync::LazyLock;

use futures_util::TryStreamExt as _;
use opentelemetry::trace::TracerProvider as _;
use sqlx::{Executor as _, Sqlite, SqlitePool};
use tokio::sync::{Mutex, MutexGuard};
use tracewire::Telemetry;
use tracewire::sqlx::{Pool, QueryLayer, Settings, Step};
use tracewire::test::{Capture, expect};
use tracewire_sqlx_tests::{below_a_span, mariadb, postgres, settings, sqlite};
use tracing::Instrument as _;
use tracing_subscriber::layer::SubscriberExt as _;

struct Watched {
    capture: Capture,
    alone: Mutex<()>,
}

static WATCHED: LazyLock<Watched> = LazyLock::new(|| {
    let capture = Capture::new();
    let tracer = capture.provider().tracer("application");
    let spans = tracing_opentelemetry::layer().with_tracer(tracer);
    let queries = QueryLayer::new(&layer_settings(&capture));
    let subscriber = tracing_subscriber::registry().with(spans).with(queries);
    tracing::subscriber::set_global_default(subscriber).expect("no other subscriber");
    Watched { capture, alone: Mutex::new(()) }
});

/// What the layer records. Statements of the set-up are not of interest.
fn layer_settings(capture: &Capture) -> Settings {
    settings(capture)
        .system("sqlite")
        .returned_rows()
        .affected_rows()
        .skip(|statement| {
            ["PRAGMA", "SET", "CREATE"].iter().any(|it| statement.text().starts_with(it))
        })
        .skip(|statement| statement.text().contains("pg_catalog"))
}

async fn watched() -> (Capture, MutexGuard<'static, ()>) {
    let alone = WATCHED.alone.lock().await;
    WATCHED.capture.clear();
    (WATCHED.capture.clone(), alone)
}

/// A pool that nobody wraps.
async fn unwrapped() -> SqlitePool {
    sqlite(&Settings::new()).await.inner().clone()
}

#[tokio::test]
async fn statements_of_unwrapped_pools_have_spans() {
    let pool = {
        let (_capture, _alone) = watched().await;
        unwrapped().await
    };
    let (capture, _alone) = watched().await;
    let work = async {
        sqlx::query("INSERT INTO items VALUES (1, 'a'), (2, 'b')").execute(&pool).await?;
        sqlx::query("SELECT name FROM items WHERE id > ? AND id < ?")
            .bind(0_i64)
            .bind(9_i64)
            .fetch_all(&pool)
            .await?;
        // sqlx logs short texts in another way.
        sqlx::query("SELECT * FROM items").fetch_all(&pool).await?;
        let mut tx = pool.begin().await?;
        tx.execute("DELETE FROM items").await?;
        tx.commit().await
    };
    work.instrument(tracing::info_span!("work")).await.expect("success");
    capture.ended(5).await;
    let (returned, affected) = ("db.response.returned_rows", "db.response.affected_rows");
    let span = |name: &'static str, text: &'static str| {
        let span = expect::span(name).client().attribute("db.system.name", "sqlite");
        span.attribute("db.query.summary", name).attribute("db.query.text", text)
    };
    capture.assert(
        expect::span("work")
            .child(
                span("INSERT items", "INSERT INTO items VALUES (?, ?), (?, ?)")
                    .attribute(affected, 2)
                    .attribute(returned, 0),
            )
            .child(
                span("SELECT items", "SELECT name FROM items WHERE id > ? AND id < ?")
                    .attribute(returned, 2)
                    .without(affected),
            )
            .child(span("SELECT items", "SELECT * FROM items").attribute(returned, 2))
            .child(span("DELETE items", "DELETE FROM items").attribute(affected, 2)),
    );
    for span in capture.spans() {
        assert!(span.end_time > span.start_time, "{span:?}");
    }
}

#[tokio::test]
async fn statements_of_wrapped_pools_have_one_span() {
    let (capture, _alone) = watched().await;
    let db = sqlite(&settings(&capture)).await;
    capture.clear();
    for _ in 0..20 {
        below_a_span(&capture, async {
            sqlx::query("INSERT INTO items (name) VALUES ('x')").execute(&db).await.expect("done");
            sqlx::query("SELECT 1").fetch_all(&db).await.expect("rows");
            sqlx::query("SELECT 2").fetch_one(&db).await.expect("a row");
            sqlx::query("SELECT 3").fetch_optional(&db).await.expect("a row");
            sqlx::raw_sql("SELECT 4; SELECT 5").execute(&db).await.expect("a result");
            sqlx::query("SELECT 6").fetch(&db).try_collect::<Vec<_>>().await.expect("rows");
            sqlx::query("SELECT * FROM nowhere").execute(&db).await.expect_err("an error");
            let mut tx = db.begin().await.expect("a transaction");
            sqlx::query("DELETE FROM items").execute(&mut *tx).await.expect("a result");
            tx.begin().await.expect("a savepoint").commit().await.expect("a release");
            tx.rollback().await.expect("a rollback");
            sqlx::query("DELETE FROM items").execute(&db).await.expect("a result");
        })
        .await;
    }
    // The connection's thread has logged everything else before this.
    db.fetch_all("SELECT 'last'").await.expect("a row");
    let names = [
        "INSERT items",
        "SELECT",
        "SELECT",
        "SELECT",
        "SELECT SELECT",
        "SELECT",
        "!",
        "BEGIN",
        "DELETE items",
        "SAVEPOINT",
        "RELEASE SAVEPOINT",
        "ROLLBACK",
        "DELETE items",
    ];
    let traces = capture.traces();
    assert_eq!(traces.len(), 21);
    for trace in &traces[..20] {
        trace.assert(names.into_iter().fold(expect::span("work"), |work, name| {
            work.child(match name {
                "!" => expect::span("SELECT nowhere").error("1"),
                name => expect::span(name),
            })
        }));
    }
}

#[tokio::test]
async fn spans_may_come_out_of_tracing() {
    let (capture, _alone) = watched().await;
    let db = sqlite(&settings(&capture).telemetry(&Telemetry::from_tracing())).await;
    capture.clear();
    let span = |name| expect::span(name).client().attribute("db.system.name", "sqlite");
    for _ in 0..20 {
        let work = async {
            let mut tx = db.begin().await.expect("a transaction");
            tx.fetch_all("SELECT id FROM items").await.expect("rows");
            tx.rollback().await.expect("the end of it");
        };
        work.instrument(tracing::info_span!("work")).await;
        // The thread of the connection may be the last to leave a span, and then ends `work`.
        capture.ended(4).await;
        capture.assert(
            expect::span("work")
                .child(span("BEGIN"))
                .child(
                    span("SELECT items")
                        .attribute("db.query.text", "SELECT id FROM items")
                        .without("db.response.returned_rows"),
                )
                .child(span("ROLLBACK")),
        );
        capture.clear();
    }
}

#[tokio::test]
async fn statements_cut_short_have_one_span() {
    const MANY: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i FROM n";
    let (capture, _alone) = watched().await;
    let db = sqlite(&settings(&capture)).await;
    capture.clear();
    for _ in 0..20 {
        let mut rows = sqlx::query(MANY).fetch(&db);
        rows.try_next().await.expect("a row");
        drop(rows);
        let mut work = Box::pin(sqlx::query(MANY).fetch_all(&db));
        assert!(futures_util::poll!(&mut work).is_pending());
        drop(work);
        // The connection goes back, and its thread has logged, before this one runs.
        db.fetch_all("SELECT 'next'").await.expect("a row");
    }
    assert_eq!(capture.spans().len(), 60);
    assert_eq!(capture.open(), 0);
}

#[tokio::test]
async fn servers_log_on_the_task_that_asked() {
    let (capture, _alone) = watched().await;
    let postgres = postgres(&settings(&capture), 1).await;
    let mariadb = mariadb(&settings(&capture), 1).await;
    capture.clear();
    below_a_span(&capture, async {
        let text = "SELECT 1 AS of_an_unwrapped_pool";
        postgres.inner().fetch_all(text).await.expect("rows");
        mariadb.inner().fetch_all(text).await.expect("rows");
        let text = "SELECT 1 AS of_a_wrapped_pool";
        postgres.fetch_all(text).await.expect("rows");
        mariadb.fetch_all(text).await.expect("rows");
        for _ in 0..2 {
            let tx = postgres.begin().await.expect("a transaction");
            tx.commit().await.expect("a commit");
            drop(mariadb.begin().await.expect("a transaction"));
        }
        postgres.inner().begin().await.expect("a transaction").commit().await.expect("a commit");
        mariadb.inner().fetch_all("SELECT 2").await.expect("rows");
    })
    .await;
    let logged = || expect::span("SELECT").client().attribute("db.response.returned_rows", 1);
    let wrapped = |system: &'static str| {
        expect::span("SELECT")
            .attribute("db.system.name", system)
            .without("db.response.returned_rows")
    };
    let names = ["BEGIN", "COMMIT", "BEGIN", "ROLLBACK"];
    let work = expect::span("work")
        .child(logged())
        .child(logged())
        .child(wrapped("postgresql"))
        .child(wrapped("mysql"));
    let work = [names, names].concat().into_iter().fold(work, |work, name| {
        work.child(expect::span(name).without("db.response.returned_rows"))
    });
    let commit = expect::span("COMMIT").attribute("db.response.returned_rows", 0);
    capture.assert(work.child(commit).child(logged()));
}

#[tokio::test]
async fn waiting_for_a_connection_is_logged_too() {
    let (capture, _alone) = watched().await;
    let wants =
        || settings(&capture).record(Step::Acquire).acquire_threshold(std::time::Duration::ZERO);
    let layer = tracing_subscriber::registry().with(QueryLayer::new(&wants()));
    let options = sqlx::pool::PoolOptions::<Sqlite>::new()
        .max_connections(1)
        .acquire_time_level("info".parse().expect("a level"));
    let pool = options.connect("sqlite::memory:").await.expect("a pool");
    let db = Pool::new(pool.clone(), &wants());
    let _default = tracing::subscriber::set_default(layer);
    capture.clear();
    drop(pool.acquire().await.expect("a connection"));
    capture.assert(expect::span("acquire").internal());
    capture.clear();
    drop(db.acquire().await.expect("a connection"));
    capture.assert(expect::span("acquire").attribute("db.namespace", ":memory:"));
}

#[tokio::test]
async fn below_no_span_a_statement_is_a_trace_of_its_own() {
    let (capture, _alone) = watched().await;
    let pool = unwrapped().await;
    capture.clear();
    pool.fetch_all("SELECT 1").await.expect("rows");
    pool.fetch_all("SELECT 2").await.expect("rows");
    capture.ended(2).await;
    assert_eq!(capture.traces().len(), 2);
}
