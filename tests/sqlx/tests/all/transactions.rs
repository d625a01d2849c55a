//! Transactions and savepoints, ended by hand and by dropping.

use sqlx::{Executor as _, Sqlite};
use tracewire::sqlx::{Connection, Pool, Step};
use tracewire::test::{Capture, expect};
use tracewire_sqlx_tests::{below_a_span, settings, sqlite};

const INSERT: &str = "INSERT INTO items (name) VALUES ('a')";

/// Checks the spans of some work, and how many items there are afterwards.
async fn check(
    work: impl AsyncFnOnce(&Pool<Sqlite>) -> Result<(), sqlx::Error>,
    expected: &[(&'static str, &'static str)],
    items: i64,
) {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture)).await;
    below_a_span(&capture, work(&db)).await.expect("success");
    let trace = expected.iter().fold(expect::span("work"), |trace, (name, text)| {
        let span = expect::span(*name).client().attribute("db.query.summary", *name);
        trace.child(span.attribute("db.query.text", *text))
    });
    capture.assert(trace);
    let count = sqlx::query_scalar("SELECT count(*) FROM items").fetch_one(db.inner()).await;
    assert_eq!(count.ok(), Some(items), "{}", capture.trace());
}

const SHOWN: (&str, &str) = ("INSERT items", "INSERT INTO items (name) VALUES (?)");
const BEGIN: (&str, &str) = ("BEGIN", "BEGIN");
const COMMIT: (&str, &str) = ("COMMIT", "COMMIT");
const ROLLBACK: (&str, &str) = ("ROLLBACK", "ROLLBACK");
const SAVEPOINT: (&str, &str) = ("SAVEPOINT", "SAVEPOINT _sqlx_savepoint_1");
const RELEASE: (&str, &str) = ("RELEASE SAVEPOINT", "RELEASE SAVEPOINT _sqlx_savepoint_1");
const BACK: (&str, &str) = ("ROLLBACK TO SAVEPOINT", "ROLLBACK TO SAVEPOINT _sqlx_savepoint_1");

#[tokio::test]
async fn committed() {
    let work = async |db: &Pool<Sqlite>| {
        let mut tx = db.begin().await?;
        tx.execute(INSERT).await?;
        tx.commit().await
    };
    check(work, &[BEGIN, SHOWN, COMMIT], 1).await;
}

#[tokio::test]
async fn rolled_back() {
    let work = async |db: &Pool<Sqlite>| {
        let mut tx = db.begin().await?;
        tx.execute(INSERT).await?;
        tx.rollback().await
    };
    check(work, &[BEGIN, SHOWN, ROLLBACK], 0).await;
}

#[tokio::test]
async fn dropped() {
    let work = async |db: &Pool<Sqlite>| {
        let mut tx = db.begin().await?;
        tx.execute(INSERT).await?;
        Ok(())
    };
    check(work, &[BEGIN, SHOWN, ROLLBACK], 0).await;
}

#[tokio::test]
async fn savepoints() {
    let work = async |db: &Pool<Sqlite>| {
        let mut tx = db.begin().await?;
        let mut released = tx.begin().await?;
        released.execute(INSERT).await?;
        released.commit().await?;
        let undone = tx.begin().await?;
        undone.rollback().await?;
        drop(tx.begin().await?);
        let mut outer = tx.begin().await?;
        let inner = outer.begin().await?;
        inner.commit().await?;
        outer.commit().await?;
        tx.commit().await
    };
    let inner = [
        ("SAVEPOINT", "SAVEPOINT _sqlx_savepoint_2"),
        ("RELEASE SAVEPOINT", "RELEASE SAVEPOINT _sqlx_savepoint_2"),
    ];
    let expected = [
        &[BEGIN, SAVEPOINT, SHOWN, RELEASE, SAVEPOINT, BACK, SAVEPOINT, BACK, SAVEPOINT][..],
        &inner,
        &[RELEASE, COMMIT],
    ];
    check(work, &expected.concat(), 1).await;
}

#[tokio::test]
async fn by_a_statement_of_ones_own() {
    let text = "BEGIN IMMEDIATE";
    let work = async |db: &Pool<Sqlite>| {
        let mut tx = db.begin_with(text).await?;
        tx.execute(INSERT).await?;
        tx.commit().await?;
        let mut connection = db.acquire().await?;
        connection.begin_with(text).await?.commit().await
    };
    let begin = (text, text);
    check(work, &[begin, SHOWN, COMMIT, begin, COMMIT], 1).await;
}

#[tokio::test]
async fn around_a_function() {
    let work = async |db: &Pool<Sqlite>| {
        let mut connection = db.acquire().await?;
        connection.transaction(|tx| Box::pin(async { tx.execute(INSERT).await })).await?;
        let fails = connection.transaction(|tx| {
            Box::pin(async {
                tx.execute("INSERT INTO items (name) VALUES ('b')").await?;
                Err::<(), _>(sqlx::Error::WorkerCrashed)
            })
        });
        assert!(matches!(fails.await, Err(sqlx::Error::WorkerCrashed)));
        Ok(())
    };
    check(work, &[BEGIN, SHOWN, COMMIT, BEGIN, SHOWN, ROLLBACK], 1).await;
}

#[tokio::test]
async fn a_begin_that_fails() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture)).await;
    let error = db.begin_with("BEGIN nonsense").await.expect_err("no transaction");
    assert!(error.to_string().contains("syntax error"), "{error}");
    let [span] = &capture.spans()[..] else { panic!("{}", capture.trace()) };
    let trace = capture.trace();
    let kind = trace.roots()[0].attribute("error.type").map(ToString::to_string);
    assert_eq!((kind.as_deref(), span.name.starts_with("BEGIN")), (Some("1"), true), "{trace}");
}

#[tokio::test]
async fn a_rollback_by_dropping_stands_below_the_span_in_which_it_was_dropped() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture)).await;
    let tx = db.begin().await.expect("a transaction");
    capture.clear();
    below_a_span(&capture, async { drop(tx) }).await;
    capture.assert(expect::span("work").child(expect::span("ROLLBACK").client()));
}

#[tokio::test]
async fn a_transaction_dropped_while_it_ends() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture)).await;
    let mut tx = db.begin().await.expect("a transaction");
    tx.execute(INSERT).await.expect("a result");
    capture.clear();
    let cut_short = {
        let mut commit = Box::pin(tx.commit());
        futures_util::poll!(&mut commit).is_pending()
    };
    let names: Vec<_> = capture.spans().iter().map(|span| span.name.to_string()).collect();
    let expected: &[&str] = if cut_short { &["COMMIT", "ROLLBACK"] } else { &["COMMIT"] };
    assert_eq!((names, capture.open()), (expected.iter().map(ToString::to_string).collect(), 0));
    db.fetch_all("SELECT 1").await.expect("a connection that works");
}

#[tokio::test]
async fn a_connection_counts_its_transactions() {
    let work = async |db: &Pool<Sqlite>| {
        let mut connection = db.acquire().await?;
        drop(connection.begin().await?);
        connection.begin().await?.rollback().await?;
        let mut borrowed = Connection::borrowed(&mut **connection, db.settings());
        borrowed.begin().await?.commit().await
    };
    check(work, &[BEGIN, ROLLBACK, BEGIN, ROLLBACK, BEGIN, COMMIT], 0).await;
}

#[tokio::test]
async fn without_spans_of_their_own() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture).omit(Step::Transaction)).await;
    below_a_span(&capture, async {
        let mut tx = db.begin().await.expect("a transaction");
        tx.execute(INSERT).await.expect("a result");
        tx.begin().await.expect("a savepoint").commit().await.expect("a release");
        drop(tx);
    })
    .await;
    capture.assert(expect::span("work").child(expect::span("INSERT items")));
}
