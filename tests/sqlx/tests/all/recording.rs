//! When there are spans, and when there are none.

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use opentelemetry_sdk::trace::Sampler;
use sqlx::Executor as _;
use tracewire::span::Outcome;
use tracewire::sqlx::{ExecutorExt as _, Pool};
use tracewire::test::{Capture, expect};
use tracewire::{Sampling, Telemetry};
use tracewire_sqlx_tests::{below_a_span, settings, sqlite};

fn parent(flags: TraceFlags) -> Context {
    let (trace, span) = (TraceId::from(7), SpanId::from(7));
    let parent = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    Context::new().with_remote_span_context(parent)
}

#[tokio::test]
async fn nothing_is_recorded_below_an_unsampled_parent() {
    let sampler = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
    for follows in [true, false] {
        let capture = Capture::with_sampler(sampler.clone());
        let telemetry = if follows {
            capture.telemetry().sampling(Sampling::FollowsParent)
        } else {
            capture.telemetry()
        };
        let db = sqlite(&settings(&capture).telemetry(&telemetry)).await;
        for (flags, spans) in [(TraceFlags::NOT_SAMPLED, 0), (TraceFlags::SAMPLED, 8)] {
            let _current = parent(flags).attach();
            db.execute("SELECT 1").await.expect("a result");
            db.fetch_all("SELECT 1").await.expect("rows");
            db.fetch_one("SELECT 1").await.expect("a row");
            db.fetch_optional("SELECT 1").await.expect("a row");
            let stream = db.fetch("SELECT 1");
            futures_util::TryStreamExt::try_collect::<Vec<_>>(stream).await.expect("rows");
            let mut tx = db.begin().await.expect("a transaction");
            tx.execute("SELECT 1").await.expect("a result");
            tx.commit().await.expect("a commit");
            assert_eq!((capture.spans().len(), capture.open()), (spans, 0));
        }
    }
}

#[tokio::test]
async fn a_telemetry_that_only_propagates_records_nothing() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture).telemetry(&Telemetry::propagate_only())).await;
    db.execute("SELECT 1").await.expect("a result");
    assert_eq!(db.fetch_all("SELECT 1").await.expect("rows").len(), 1);
    assert!(capture.spans().is_empty());
}

#[tokio::test]
async fn nothing_is_recorded_where_telemetry_is_suppressed() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture)).await;
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    db.execute("SELECT 1").await.expect("a result");
    db.begin().await.expect("a transaction").rollback().await.expect("a rollback");
    assert!(capture.spans().is_empty());
}

#[tokio::test]
async fn statements_are_skipped_by_choice() {
    let capture = Capture::new();
    let mine = settings(&capture).skip(|statement| statement.summary() == "SELECT");
    let db = sqlite(&mine).await;
    assert_eq!(db.fetch_all("SELECT 1").await.expect("rows").len(), 1);
    db.fetch_all("SELECT * FROM items").await.expect("rows");
    capture.assert(expect::span("SELECT items"));
}

#[tokio::test]
async fn work_without_a_caller_is_left_out_by_choice() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture).only_below_a_parent()).await;
    let work = async || {
        db.execute("SELECT 1").await.expect("a result");
        let mut tx = db.begin().await.expect("a transaction");
        tx.prepare(sqlx::SqlSafeStr::into_sql_str("SELECT 1")).await.expect("a statement");
        drop(tx);
    };
    work().await;
    assert!(capture.spans().is_empty());
    below_a_span(&capture, work()).await;
    let names = ["SELECT", "BEGIN", "PREPARE SELECT", "ROLLBACK"];
    capture.assert(
        names
            .into_iter()
            .fold(expect::span("work"), |work, name| work.child(expect::span(name).client())),
    );
}

#[tokio::test]
async fn an_executor_without_settings_uses_what_is_process_wide() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture)).await;
    db.inner().traced().execute("SELECT 1").await.expect("a result");
    assert!(capture.spans().is_empty());
    capture.telemetry().install();
    db.inner().traced().execute("SELECT id FROM items").await.expect("a result");
    let spans = capture.spans();
    assert_eq!(spans.iter().filter(|span| span.name == "SELECT items").count(), 1);
}

#[tokio::test]
async fn many_statements_at_once_keep_to_their_traces() {
    let capture = Capture::new();
    let options = sqlx::pool::PoolOptions::new().max_connections(8);
    let pool = options.connect("sqlite:file:many?mode=memory&cache=shared").await.expect("a pool");
    let db = Pool::<sqlx::Sqlite>::new(pool, &settings(&capture));
    let tasks: Vec<_> = (0..64_i64)
        .map(|number| {
            let (db, telemetry) = (db.clone(), capture.telemetry());
            tokio::spawn(async move {
                let task = telemetry.start(SpanKind::Internal, &Context::new(), |span| {
                    span.name(format!("task {number}"));
                });
                task.run(async {
                    let mut tx = db.begin().await.expect("a transaction");
                    let echo = sqlx::query_scalar("SELECT ?").bind(number).fetch_one(&mut *tx);
                    assert_eq!(echo.await.ok(), Some(number));
                    tx.rollback().await.expect("a rollback");
                })
                .await;
                task.finish(Outcome::Success);
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    let traces = capture.traces();
    assert_eq!((traces.len(), capture.open()), (64, 0));
    for trace in traces {
        let name = trace.roots()[0].span.name.clone();
        let names = ["BEGIN", "SELECT", "ROLLBACK"];
        trace.assert(
            names
                .into_iter()
                .fold(expect::span(name), |task, name| task.child(expect::span(name).client())),
        );
    }
}
