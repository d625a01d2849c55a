//! The span is current while the driver works.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt as _};
use sqlx::{Database, Either, Error, Execute, Executor, SqlStr, SqliteConnection};
use tracewire::sqlx::ExecutorExt as _;
use tracewire::test::{Capture, SpanData, expect};
use tracewire_sqlx_tests::{settings, sqlite};

/// Where a driver finds itself: the current span of each step of its work.
#[derive(Clone, Debug, Default)]
struct Seen {
    spans: Arc<Mutex<Vec<SpanId>>>,
    panics: bool,
}

impl Seen {
    fn look(&self) {
        let span = Context::current().span().span_context().span_id();
        self.spans.lock().expect("no panic").push(span);
    }
}

/// Looks when it is dropped.
struct AtDrop(Seen);

impl Drop for AtDrop {
    fn drop(&mut self) {
        self.0.look();
    }
}

/// A driver that looks whenever it works.
#[derive(Debug)]
struct Looking<'c>(&'c mut SqliteConnection, Seen);

type Row = <sqlx::Sqlite as Database>::Row;
type QueryResult = <sqlx::Sqlite as Database>::QueryResult;

impl<'c> Executor<'c> for Looking<'c> {
    type Database = sqlx::Sqlite;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<QueryResult, Row>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, sqlx::Sqlite>,
    {
        let (seen, at_drop) = (self.1.clone(), AtDrop(self.1));
        let steps = self.0.fetch_many(query);
        let steps = steps.inspect(move |_| {
            let _ = &at_drop;
            seen.look();
            assert!(!seen.panics, "the driver panics");
        });
        steps.boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<Row>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, sqlx::Sqlite>,
    {
        let (seen, at_drop) = (self.1.clone(), AtDrop(self.1));
        let row = self.0.fetch_optional(query);
        async move {
            let _at_drop = at_drop;
            seen.look();
            let row = row.await;
            seen.look();
            row
        }
        .boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [<sqlx::Sqlite as Database>::TypeInfo],
    ) -> BoxFuture<'e, Result<<sqlx::Sqlite as Database>::Statement, Error>>
    where
        'c: 'e,
    {
        self.1.look();
        self.0.prepare_with(sql, parameters)
    }

    fn describe<'e>(
        self,
        sql: SqlStr,
    ) -> BoxFuture<'e, Result<sqlx_core::describe::Describe<sqlx::Sqlite>, Error>>
    where
        'c: 'e,
    {
        self.0.describe(sql)
    }
}

/// Whether all that was seen was this one span, at least so often.
fn assert_seen(seen: &Seen, span: &SpanData, least: usize) {
    let seen = std::mem::take(&mut *seen.spans.lock().expect("no panic"));
    assert!(seen.len() >= least, "{} looks", seen.len());
    assert!(seen.iter().all(|id| *id == span.span_context.span_id()), "{seen:?} {span:?}");
}

#[tokio::test]
async fn in_every_poll_and_in_the_drop() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture)).await;
    let mut connection = db.inner().acquire().await.expect("a connection");
    let seen = Seen::default();
    macro_rules! driver {
        () => {
            Looking(&mut connection, seen.clone()).traced_with(db.settings())
        };
    }
    let last = || capture.spans().pop().expect("a span");

    driver!().fetch_one("SELECT 1").await.expect("a row");
    assert_seen(&seen, &last(), 3);
    driver!().execute("SELECT 1").await.expect("a result");
    assert_seen(&seen, &last(), 3);
    driver!().fetch_all("SELECT 1").await.expect("rows");
    assert_seen(&seen, &last(), 3);
    driver!().fetch("SELECT 1").try_collect::<Vec<_>>().await.expect("rows");
    assert_seen(&seen, &last(), 3);
    drop(driver!().fetch("SELECT 1"));
    assert_seen(&seen, &last(), 1);
    drop(driver!().fetch_optional("SELECT 1"));
    assert_seen(&seen, &last(), 1);
    assert!(!Context::current().span().span_context().is_valid());
}

#[tokio::test]
async fn a_panic_in_the_driver_is_one_on_the_span() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture)).await;
    let mut connection = db.inner().acquire().await.expect("a connection");
    let seen = Seen { panics: true, ..Seen::default() };
    let driver = Looking(&mut connection, seen).traced_with(db.settings());
    let rows = AssertUnwindSafe(driver.fetch_all("SELECT 1")).catch_unwind().await;
    assert!(rows.is_err());
    capture.assert(expect::span("SELECT").client().error("panic"));
}
