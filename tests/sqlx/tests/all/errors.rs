//! What goes wrong, and what only looks like it.

use futures_util::TryStreamExt as _;
use opentelemetry::trace::Status;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo};
use sqlx::{Executor as _, Sqlite};
use tracewire::sqlx::{Pool, Step};
use tracewire::test::{Capture, expect};
use tracewire_sqlx_tests::{below_a_span, settings, sqlite};

#[tokio::test]
async fn databases_refuse() {
    for (text, name, code) in [
        ("SELECT * FROM nowhere", "SELECT nowhere", "1"),
        ("SELEKT 1", "", "1"),
        ("INSERT INTO items VALUES (1, 'a')", "INSERT items", "1555"),
        ("INSERT INTO items VALUES (2, 'a')", "INSERT items", "2067"),
        ("INSERT INTO items VALUES (3, NULL)", "INSERT items", "1299"),
    ] {
        let capture = Capture::new();
        let db = sqlite(&settings(&capture)).await;
        db.inner().execute("INSERT INTO items VALUES (1, 'a')").await.expect("an item");
        below_a_span(&capture, async {
            sqlx::query(text).execute(&db).await.expect_err("an error");
            sqlx::query(text).fetch_one(&db).await.expect_err("an error");
            sqlx::query(text).fetch_all(&db).await.expect_err("an error");
            sqlx::query(text).fetch(&db).try_next().await.expect_err("an error");
        })
        .await;
        let trace = capture.trace();
        let children = &trace.roots()[0].children;
        assert_eq!(children.len(), 4);
        for child in children {
            let value = |key| child.attribute(key).map(ToString::to_string);
            assert_eq!(value("error.type").as_deref(), Some(code), "{trace}");
            assert_eq!(value("db.response.status_code").as_deref(), Some(code));
            assert!(name.is_empty() || child.span.name == name, "{trace}");
            let Status::Error { description } = &child.span.status else { panic!("{trace}") };
            assert_eq!(description, "");
        }
    }
}

#[tokio::test]
async fn messages_are_told_by_choice() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture).error_messages()).await;
    db.execute("SELECT * FROM nowhere").await.expect_err("an error");
    let status = &capture.spans()[0].status;
    assert_eq!(*status, Status::error("no such table: nowhere"));
}

#[tokio::test]
async fn no_row_is_no_error() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture)).await;
    below_a_span(&capture, async {
        let none = sqlx::query("SELECT * FROM items").fetch_one(&db).await;
        assert!(matches!(none, Err(sqlx::Error::RowNotFound)));
        let none = sqlx::query_scalar::<_, i64>("SELECT id FROM items").fetch_one(&db).await;
        assert!(matches!(none, Err(sqlx::Error::RowNotFound)));
    })
    .await;
    let select = || expect::span("SELECT items").client();
    capture.assert(expect::span("work").child(select()).child(select()));
}

#[tokio::test]
async fn an_exhausted_pool() {
    let capture = Capture::new();
    let options = sqlx::pool::PoolOptions::<Sqlite>::new().max_connections(1);
    let pool = options.connect("sqlite::memory:").await.expect("a pool");
    let db = Pool::new(pool, &settings(&capture).record(Step::Acquire));
    let held = db.inner().acquire().await.expect("a connection");
    tokio::time::pause();
    below_a_span(&capture, async {
        let error = db.execute("SELECT 1").await.expect_err("no connection");
        assert!(matches!(error, sqlx::Error::PoolTimedOut), "{error}");
        db.fetch("SELECT 1").try_next().await.expect_err("no connection");
        db.begin().await.expect_err("no connection");
        db.acquire().await.expect_err("no connection");
    })
    .await;
    drop(held);
    let acquire = || expect::span("acquire").internal().error("pool_timeout");
    let select = || expect::span("SELECT").client().error("pool_timeout").child(acquire());
    capture.assert(
        expect::span("work").child(select()).child(select()).child(acquire()).child(acquire()),
    );
}

#[tokio::test]
async fn waiting_for_a_connection_given_up() {
    let capture = Capture::new();
    let always = std::time::Duration::ZERO;
    let db = sqlite(&settings(&capture).record(Step::Acquire).acquire_threshold(always)).await;
    let held = db.inner().acquire().await.expect("a connection");
    {
        let mut work = Box::pin(sqlx::query("SELECT 1").execute(&db));
        assert!(futures_util::poll!(&mut work).is_pending());
    }
    drop(held);
    assert_eq!(capture.open(), 0);
    capture.assert(expect::span("SELECT").client().child(expect::span("acquire").internal()));
}

#[tokio::test]
async fn a_closed_pool() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture).record(Step::Acquire)).await;
    db.close().await;
    db.execute("SELECT 1").await.expect_err("no connection");
    let acquire = expect::span("acquire").error("pool_closed");
    capture.assert(expect::span("SELECT").error("pool_closed").child(acquire));
}

/// A value that cannot be encoded.
struct Unspeakable;

impl sqlx::Type<Sqlite> for Unspeakable {
    fn type_info() -> SqliteTypeInfo {
        <i64 as sqlx::Type<Sqlite>>::type_info()
    }
}

impl sqlx::Encode<'_, Sqlite> for Unspeakable {
    fn encode_by_ref(&self, _: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        Err("unspeakable".into())
    }
}

#[tokio::test]
async fn values_that_cannot_be_encoded_or_decoded() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture)).await;
    sqlx::query("SELECT ?").bind(Unspeakable).execute(&db).await.expect_err("no value");
    capture.assert(expect::span("SELECT").error("encode"));
    capture.clear();
    // Rows are decoded when the statement is over.
    let text = sqlx::query_scalar::<_, i64>("SELECT 'a'").fetch_one(&db).await;
    assert!(matches!(text, Err(sqlx::Error::ColumnDecode { .. })));
    capture.assert(expect::span("SELECT"));
}

#[tokio::test]
async fn a_pool_that_does_not_connect() {
    let capture = Capture::new();
    let options = "postgres://nobody@127.0.0.1:1/nothing".parse().expect("options");
    let pool = sqlx::pool::PoolOptions::new().acquire_timeout(std::time::Duration::from_millis(20));
    let settings = settings(&capture).record(Step::Connect);
    Pool::<sqlx::Postgres>::open(pool, options, &settings).await.expect_err("no server");
    capture.assert(
        expect::span("connect")
            .client()
            .error("pool_timeout")
            .attribute("db.system.name", "postgresql")
            .attribute("db.namespace", "nothing")
            .attribute("server.address", "127.0.0.1")
            .attribute("server.port", 1),
    );
}
