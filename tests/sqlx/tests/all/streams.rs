//! Streams end their span at their end, with an error, or when they are dropped.

use futures_util::{StreamExt as _, TryStreamExt as _};
use sqlx::{Connection as _, Executor as _};
use tracewire::sqlx::Pool;
use tracewire::test::{Capture, expect};
use tracewire_sqlx_tests::{settings, sqlite};

const MILLION: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT i FROM n";
const ROWS: &str = "db.response.returned_rows";

async fn db(capture: &Capture) -> Pool<sqlx::Sqlite> {
    sqlite(&settings(capture).returned_rows()).await
}

#[tokio::test]
async fn a_stream_read_to_its_end() {
    let capture = Capture::new();
    let db = db(&capture).await;
    let mut rows = sqlx::raw_sql("SELECT 1 UNION SELECT 2").fetch(&db);
    assert!(rows.next().await.is_some() && rows.next().await.is_some());
    assert_eq!(capture.open(), 1);
    assert!(rows.next().await.is_none());
    assert_eq!(capture.open(), 0);
    assert!(rows.next().await.is_none());
    // The connection went back with the last row, though the stream is still there.
    assert_eq!(db.fetch_all("SELECT 3").await.expect("rows").len(), 1);
    drop(rows);
    assert_eq!(capture.spans().len(), 2);
    assert_eq!(
        capture.traces()[0].roots()[0].attribute(ROWS).map(ToString::to_string).as_deref(),
        Some("2")
    );
}

#[tokio::test]
async fn a_huge_stream_left_half_way_is_no_error() {
    let capture = Capture::new();
    let db = db(&capture).await;
    let mut rows = sqlx::query(MILLION).fetch(&db);
    for _ in 0..1_000 {
        rows.try_next().await.expect("a row").expect("one more");
    }
    assert_eq!(capture.open(), 1);
    drop(rows);
    capture.assert(expect::span("SELECT SELECT SELECT").client().attribute(ROWS, 1000));
    capture.clear();
    // The connection has to be usable again.
    assert_eq!(db.fetch_all("SELECT 1").await.expect("rows").len(), 1);
}

#[tokio::test]
async fn a_huge_stream_read_to_its_end() {
    let capture = Capture::new();
    let db = db(&capture).await;
    let count = sqlx::query(MILLION).fetch(&db).try_fold(0_u64, async |count, _| Ok(count + 1));
    assert_eq!(count.await.expect("rows"), 1_000_000);
    capture.assert(expect::span("SELECT SELECT SELECT").attribute(ROWS, 1_000_000));
}

#[tokio::test]
async fn a_stream_that_is_never_polled() {
    let capture = Capture::new();
    let db = db(&capture).await;
    drop(sqlx::query("SELECT 1").fetch(&db));
    capture.assert(expect::span("SELECT").attribute(ROWS, 0));
}

#[tokio::test]
async fn a_stream_that_fails_after_rows() {
    let capture = Capture::new();
    let db = db(&capture).await;
    let text = "SELECT 1; SELECT 2; SELECT * FROM nowhere";
    let mut steps = sqlx::raw_sql(text).fetch_many(&db);
    let mut seen = 0;
    let error = loop {
        match steps.next().await {
            Some(Ok(_)) => seen += 1,
            Some(Err(error)) => break error,
            None => panic!("no error"),
        }
    };
    assert_eq!((seen, capture.open()), (4, 0));
    assert!(error.to_string().contains("nowhere"), "{error}");
    assert!(steps.next().await.is_none());
    drop(steps);
    capture.assert(
        expect::span("SELECT SELECT SELECT nowhere")
            .error("1")
            .attribute("db.response.status_code", "1")
            .attribute(ROWS, 2)
            .attribute("db.operation.batch.size", 2),
    );
}

#[tokio::test]
async fn futures_dropped_half_way_are_no_errors() {
    let capture = Capture::new();
    let db = db(&capture).await;
    {
        let mut work = Box::pin(sqlx::query(MILLION).fetch_all(&db));
        assert!(futures_util::poll!(&mut work).is_pending());
        assert_eq!(capture.open(), 1);
    }
    capture.assert(expect::span("SELECT SELECT SELECT").client());
    capture.clear();
    let mut connection = db.acquire().await.expect("a connection");
    {
        let mut work = Box::pin(sqlx::query(MILLION).execute(&mut *connection));
        assert!(futures_util::poll!(&mut work).is_pending());
    }
    capture.assert(expect::span("SELECT SELECT SELECT").client());
    (**connection).ping().await.expect("a pong");
}
