//! What is on the spans of statements.

use sqlx::Executor as _;
use tracewire::otel::KeyValue;
use tracewire::sqlx::{Pool, Settings, Step};
use tracewire::test::{Capture, expect};
use tracewire_sqlx_tests::{below_a_span, settings, sqlite};

#[tokio::test]
async fn text_is_shown_as_far_as_it_holds_no_values() {
    for (text, bound, expected) in [
        ("SELECT 1 + 2", None, "SELECT ? + ?"),
        ("SELECT id FROM items WHERE id = ?", Some(7), "SELECT id FROM items WHERE id = ?"),
        ("SELECT 'a' || ?", Some(7), "SELECT 'a' || ?"),
        ("SELECT id FROM items -- why", None, "SELECT id FROM items -- why"),
        ("SELECT id FROM items WHERE name = 'secret'", None, "SELECT id FROM items WHERE name = ?"),
        ("PRAGMA user_version", None, "PRAGMA user_version"),
    ] {
        let capture = Capture::new();
        let db = sqlite(&settings(&capture)).await;
        let mut query = sqlx::query(text);
        if let Some(bound) = bound {
            query = query.bind(bound);
        }
        query.execute(&db).await.expect("a result");
        let trace = capture.trace();
        let text_shown = trace.roots()[0].attribute("db.query.text").map(ToString::to_string);
        assert_eq!(text_shown.as_deref(), Some(expected), "{trace}");
    }
}

#[tokio::test]
async fn spans_have_all_that_samplers_may_ask_for_when_they_start() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture)).await;
    sqlx::query("SELECT id FROM items WHERE id = ?")
        .bind(7_i64)
        .fetch_all(&db)
        .await
        .expect("rows");
    capture.assert(
        expect::span("SELECT items")
            .client()
            .attribute("db.system.name", "sqlite")
            .attribute("db.namespace", ":memory:")
            .attribute("db.query.summary", "SELECT items")
            .attribute("db.query.text", "SELECT id FROM items WHERE id = ?")
            .without("server.address")
            .without("db.operation.batch.size")
            .without("db.response.returned_rows"),
    );
    let span = &capture.spans()[0];
    assert_eq!(capture.attributes_at_start(span), span.attributes);
}

#[tokio::test]
async fn rows_are_counted_by_choice() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture).returned_rows().affected_rows()).await;
    below_a_span(&capture, async {
        for text in ["INSERT INTO items VALUES (1, 'a'), (2, 'b')", "SELECT * FROM items"] {
            sqlx::query(text).fetch_all(&db).await.expect("rows");
        }
        sqlx::query("SELECT * FROM items").fetch_one(&db).await.expect("a row");
        sqlx::query("SELECT * FROM items WHERE id = 9").fetch_optional(&db).await.expect("no row");
        sqlx::raw_sql("DELETE FROM items; INSERT INTO items VALUES (3, 'c')")
            .execute(&db)
            .await
            .expect("a result");
    })
    .await;
    let (returned, affected) = ("db.response.returned_rows", "db.response.affected_rows");
    let select =
        |rows: i64| expect::span("SELECT items").attribute(returned, rows).without(affected);
    capture.assert(
        expect::span("work")
            .child(expect::span("INSERT items").attribute(returned, 0).attribute(affected, 2))
            .child(select(2))
            .child(select(1))
            .child(select(0))
            .child(
                expect::span("DELETE items INSERT items")
                    .attribute(returned, 0)
                    .attribute(affected, 3)
                    .attribute("db.operation.batch.size", 2),
            ),
    );
}

#[tokio::test]
async fn a_text_of_several_statements_is_a_batch() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture)).await;
    below_a_span(&capture, async {
        sqlx::raw_sql("SELECT 1; SELECT 2; SELECT 3").fetch_all(&db).await.expect("rows");
        sqlx::raw_sql("SELECT 1").fetch_all(&db).await.expect("rows");
    })
    .await;
    let size = "db.operation.batch.size";
    capture.assert(
        expect::span("work")
            .child(expect::span("SELECT SELECT SELECT").attribute(size, 3))
            .child(expect::span("SELECT").without(size)),
    );
}

#[tokio::test]
async fn text_can_be_left_out_or_always_sanitized() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture).without_query_text()).await;
    let sanitized = Pool::new(db.inner().clone(), &settings(&capture).always_sanitized());
    below_a_span(&capture, async {
        for db in [&db, &sanitized] {
            sqlx::query("SELECT 'a' || ?").bind("b").execute(db).await.expect("a result");
        }
    })
    .await;
    capture.assert(
        expect::span("work")
            .child(expect::span("SELECT").without("db.query.text"))
            .child(expect::span("SELECT").attribute("db.query.text", "SELECT ? || ?")),
    );
}

#[tokio::test]
async fn settings_say_what_options_do_not() {
    let capture = Capture::new();
    let mine = settings(&capture)
        .system("cockroachdb")
        .namespace("shop")
        .server("db.internal", Some(26258))
        .on_statement(|statement, span| {
            assert_eq!(
                (statement.text(), statement.summary()),
                ("SELECT id FROM items", "SELECT items")
            );
            assert!(statement.is_prepared());
            span.name("catalogue");
            span.set(KeyValue::new("db.collection.name", "items"));
        });
    let db = sqlite(&mine).await;
    sqlx::query("SELECT id FROM items").execute(&db).await.expect("a result");
    capture.assert(
        expect::span("catalogue")
            .attribute("db.system.name", "cockroachdb")
            .attribute("db.namespace", "shop")
            .attribute("db.collection.name", "items")
            .attribute("server.address", "db.internal")
            .attribute("server.port", 26258),
    );
}

#[tokio::test]
async fn default_ports_are_left_out() {
    for (system, port, shown) in
        [("postgresql", 5432, None), ("mariadb", 3306, None), ("mysql", 5432, Some(5432_i64))]
    {
        let capture = Capture::new();
        let db = sqlite(&settings(&capture).system(system).server("db", Some(port))).await;
        db.execute("SELECT 1").await.expect("a result");
        let trace = capture.trace();
        let found = trace.roots()[0].attribute("server.port").map(ToString::to_string);
        assert_eq!(found, shown.map(|port| port.to_string()), "{trace}");
    }
}

#[tokio::test]
async fn steps_are_recorded_by_choice() {
    async fn names(change: impl FnOnce(Settings) -> Settings) -> Vec<String> {
        let capture = Capture::new();
        let settings = change(settings(&capture));
        let options = "sqlite::memory:".parse().expect("options");
        let db =
            Pool::<sqlx::Sqlite>::open(sqlx::pool::PoolOptions::new(), options, &settings).await;
        let db = db.expect("a pool");
        let mut connection = db.acquire().await.expect("a connection");
        connection.ping().await.expect("a pong");
        connection.prepare(sqlx::SqlSafeStr::into_sql_str("SELECT 1")).await.expect("a statement");
        drop(connection);
        db.begin().await.expect("a transaction").commit().await.expect("a commit");
        let tidy = db.migrate(&sqlx::migrate::Migrator::with_migrations(Vec::new())).await;
        tidy.expect("no migrations");
        capture.spans().iter().map(|span| span.name.to_string()).collect()
    }
    let default = names(|settings| settings).await;
    assert_eq!(default, ["PREPARE SELECT", "BEGIN", "COMMIT", "migrate"]);
    let all = names(|settings| {
        let always = settings.acquire_threshold(std::time::Duration::ZERO);
        always.record(Step::Acquire).record(Step::Connect).record(Step::Ping)
    })
    .await;
    let expected =
        ["connect", "acquire", "ping", "PREPARE SELECT", "acquire", "BEGIN", "COMMIT", "migrate"];
    assert_eq!(all, expected);
    let none =
        names(|settings| settings.omit(Step::Prepare).omit(Step::Transaction).omit(Step::Migrate))
            .await;
    assert_eq!(none, [""; 0]);
}

#[tokio::test]
async fn a_statement_that_waits_for_a_connection_shows_it() {
    let capture = Capture::new();
    let mine =
        settings(&capture).record(Step::Acquire).acquire_threshold(std::time::Duration::ZERO);
    let db = sqlite(&mine).await;
    db.fetch_all("SELECT 1").await.expect("rows");
    let acquire = expect::span("acquire").internal().attribute("db.namespace", ":memory:");
    capture.assert(expect::span("SELECT").client().child(acquire));
}

#[tokio::test]
async fn without_anything_to_say_the_name_is_what_is_known() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture)).await;
    let _ = sqlx::raw_sql("-- nothing").execute(&db).await;
    capture.assert(
        expect::span(":memory:")
            .without("db.query.summary")
            .attribute("db.query.text", "-- nothing"),
    );
}
