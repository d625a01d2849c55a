//! Comments in statements, and what they do to the caches of prepared statements.

use opentelemetry_sdk::trace::Sampler;
use sqlx::{Connection as _, Executor as _, Row as _, Statement as _};
use tracewire::sqlx::{CommentContext, Driver, Pool, Settings};
use tracewire::test::{Capture, SpanData};
use tracewire::{Format, Propagator};
use tracewire_sqlx_tests::{below_a_span, mariadb, postgres, settings, sqlite};

/// The text that PostgreSQL is running.
const RUNNING: &str = "SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()";
const TAGS: [(&str, &str); 2] = [("route", "/orders/{id}"), ("app", "shop")];
const COMMENT: &str = "/*app='shop',route='%2Forders%2F%7Bid%7D'*/";

fn trace_parent(span: &SpanData) -> String {
    let (trace, id) = (span.span_context.trace_id(), span.span_context.span_id());
    format!("00-{trace}-{id}-{:02x}", span.span_context.trace_flags().to_u8())
}

/// Runs a text as raw SQL, and as a prepared statement, and gives what the server got.
async fn received(settings: &Settings, text: &'static str) -> [String; 2] {
    let db = postgres(settings, 1).await;
    let raw = sqlx::raw_sql(text).fetch_one(&db).await.expect("a row");
    let prepared = sqlx::query(text).fetch_one(&db).await.expect("a row");
    [raw.get(0), prepared.get(0)]
}

#[tokio::test]
async fn there_are_none_unless_asked_for() {
    let capture = Capture::new();
    let received = received(&settings(&capture), RUNNING).await;
    assert_eq!(received, [RUNNING, RUNNING]);
}

#[tokio::test]
async fn tags_stand_on_all_statements() {
    let capture = Capture::new();
    let tagged = settings(&capture).comment(TAGS);
    let expected = format!("{RUNNING} {COMMENT}");
    assert_eq!(received(&tagged, RUNNING).await, [expected.clone(), expected]);
    // On the span stands what the program wrote.
    let spans = capture.spans();
    let texts: Vec<_> = spans.iter().map(text_of).collect();
    assert_eq!(texts, [RUNNING, RUNNING]);
}

fn text_of(span: &SpanData) -> String {
    let text = span.attributes.iter().find(|it| it.key.as_str() == "db.query.text");
    text.map(|it| it.value.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn tags_stand_on_statements_that_nobody_records() {
    let capture = Capture::with_sampler(Sampler::AlwaysOff);
    let expected = format!("{RUNNING} {COMMENT}");
    let received = received(&settings(&capture).comment(TAGS), RUNNING).await;
    assert_eq!(received, [expected.clone(), expected]);
    assert!(capture.spans().is_empty());
}

#[tokio::test]
async fn the_context_stands_on_statements_that_no_cache_keeps() {
    let capture = Capture::new();
    let mine = settings(&capture).comment(TAGS).comment_context(CommentContext::Unprepared);
    let [raw, prepared] = received(&mine, RUNNING).await;
    let parent = trace_parent(&capture.spans()[0]);
    let expected =
        format!("{RUNNING} {}", COMMENT.replace("*/", &format!(",traceparent='{parent}'*/")));
    assert_eq!(raw, expected);
    assert_eq!(prepared, format!("{RUNNING} {COMMENT}"));
}

#[tokio::test]
async fn the_context_stands_on_sampled_statements_by_choice() {
    let capture = Capture::new();
    let mine = settings(&capture).comment_context(CommentContext::Sampled);
    let received = received(&mine, RUNNING).await;
    for (span, received) in capture.spans().iter().zip(received) {
        assert_eq!(received, format!("{RUNNING} /*traceparent='{}'*/", trace_parent(span)));
    }
    let capture = Capture::with_sampler(Sampler::AlwaysOff);
    let mine = settings(&capture).comment_context(CommentContext::Sampled);
    assert_eq!(self::received(&mine, RUNNING).await, [RUNNING, RUNNING]);
}

#[tokio::test]
async fn the_context_is_written_as_the_telemetry_says() {
    let capture = Capture::new();
    let telemetry = capture.telemetry().propagator(Propagator::new([Format::B3]));
    let mine = settings(&capture).telemetry(&telemetry).comment_context(CommentContext::Sampled);
    let [raw, _] = received(&mine, RUNNING).await;
    let span = &capture.spans()[0].span_context;
    let expected = format!("{RUNNING} /*b3='{}-{}-1'*/", span.trace_id(), span.span_id());
    assert_eq!(raw, expected);
}

#[tokio::test]
async fn a_comment_of_ones_own_stays_alone() {
    let capture = Capture::new();
    let mine = settings(&capture).comment(TAGS).comment_context(CommentContext::Sampled);
    let text = "SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid() /* mine */";
    assert_eq!(received(&mine, text).await, [text, text]);
}

/// Runs one statement many times, each time with another value and another span, and gives the
/// number of statements that the connection keeps.
async fn kept<DB>(db: &Pool<DB>, capture: &Capture, text: &'static str) -> usize
where
    DB: Driver + sqlx::database::HasStatementCache,
    for<'q> i64: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
    DB::Arguments: sqlx::IntoArguments<DB>,
{
    for number in 0..50_i64 {
        below_a_span(capture, async {
            sqlx::query(text).bind(number).fetch_all(db).await.expect("rows");
        })
        .await;
    }
    db.acquire().await.expect("a connection").cached_statements_size()
}

#[tokio::test]
async fn caches_do_not_grow_with_requests() {
    for change in [
        |settings: Settings| settings,
        |settings: Settings| settings.comment(TAGS),
        |settings: Settings| settings.comment_context(CommentContext::Unprepared),
        |settings: Settings| settings.comment(TAGS).comment_context(CommentContext::Sampled),
    ] {
        let capture = Capture::new();
        let mine = change(settings(&capture));
        let db = sqlite(&mine).await;
        let before = db.acquire().await.expect("a connection").cached_statements_size();
        let grown = kept(&db, &capture, "SELECT ?").await - before;
        assert!(grown <= 1, "SQLite keeps {grown} more with {mine:?}");
        let size = kept(&postgres(&mine, 1).await, &capture, "SELECT $1").await;
        assert!(size <= 1, "PostgreSQL keeps {size} with {mine:?}");
        let size = kept(&mariadb(&mine, 1).await, &capture, "SELECT ?").await;
        assert!(size <= 1, "MariaDB keeps {size} with {mine:?}");
        assert_eq!(capture.traces().len(), 150);
    }
}

#[tokio::test]
async fn the_server_keeps_no_more_than_the_connection() {
    let capture = Capture::new();
    let mine = settings(&capture).comment(TAGS).comment_context(CommentContext::Sampled);
    let db = postgres(&mine, 1).await;
    kept(&db, &capture, "SELECT $1").await;
    let count = "SELECT count(*) FROM pg_prepared_statements";
    let count = sqlx::raw_sql(count).fetch_one(db.inner()).await.expect("a count");
    assert_eq!(count.get::<i64, _>(0), 0);
}

#[tokio::test]
async fn statements_prepared_by_hand_have_the_tags() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture).comment(TAGS)).await;
    let mut connection = db.acquire().await.expect("a connection");
    let before = connection.cached_statements_size();
    let statement = connection.prepare(sqlx::SqlSafeStr::into_sql_str("SELECT ?")).await;
    let statement = statement.expect("a statement");
    assert_eq!(statement.sql().as_str(), format!("SELECT ? {COMMENT}"));
    for number in 0..3_i64 {
        let row = statement.query().bind(number).fetch_one(&mut *connection).await.expect("a row");
        assert_eq!(row.get::<i64, _>(0), number);
    }
    assert_eq!(connection.cached_statements_size() - before, 1);
}

#[tokio::test]
async fn baggage_stays_out() {
    use opentelemetry::baggage::BaggageExt as _;
    let capture = Capture::new();
    let db = postgres(&settings(&capture).comment_context(CommentContext::Sampled), 1).await;
    let context = opentelemetry::Context::current()
        .with_baggage([opentelemetry::KeyValue::new("user", "alice")]);
    let _current = context.attach();
    let row = db.fetch_one(RUNNING).await.expect("a row");
    let text: String = row.get(0);
    assert!(text.contains("traceparent=") && !text.contains("alice"), "{text}");
}

#[tokio::test]
async fn postgres_learns_the_trace_of_a_transaction() {
    let capture = Capture::new();
    let db = postgres(&settings(&capture).application_name(), 1).await;
    let name = "SELECT current_setting('application_name')";
    let ask = async |executor: &mut sqlx::PgConnection| -> String {
        sqlx::query_scalar(name).fetch_one(executor).await.expect("a name")
    };
    let mut tx = db.begin().await.expect("a transaction");
    let begin = trace_parent(&capture.spans()[0]);
    assert_eq!(ask(&mut tx).await, begin);
    let mut savepoint = tx.begin().await.expect("a savepoint");
    assert_eq!(ask(&mut savepoint).await, begin);
    savepoint.commit().await.expect("a release");
    tx.commit().await.expect("a commit");
    let mut connection = db.acquire().await.expect("a connection");
    assert_eq!(ask(&mut connection).await, "");
    assert_eq!(connection.cached_statements_size(), 1);
    drop(connection);

    let unsampled = Capture::with_sampler(Sampler::AlwaysOff);
    let db = Pool::new(db.inner().clone(), &settings(&unsampled).application_name());
    let mut tx = db.begin().await.expect("a transaction");
    assert_eq!(ask(&mut tx).await, "");
}

/// Nothing but PostgreSQL understands the statement.
#[tokio::test]
async fn other_databases_are_left_alone() {
    let capture = Capture::new();
    let mine = settings(&capture).application_name();
    let tx = sqlite(&mine).await.begin().await.expect("a transaction");
    tx.commit().await.expect("a commit");
    let tx = mariadb(&mine, 1).await.begin().await.expect("a transaction");
    tx.commit().await.expect("a commit");
    let names: Vec<_> = capture.spans().iter().map(|span| span.name.to_string()).collect();
    assert_eq!(names, ["BEGIN", "COMMIT", "BEGIN", "COMMIT"]);
}
