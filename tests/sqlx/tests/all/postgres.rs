//! What only a server shows, on PostgreSQL.

use futures_util::TryStreamExt as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Executor as _, Postgres, Row as _};
use test_support::{service, until};
use tracewire::sqlx::Pool;
use tracewire::test::{Capture, expect};
use tracewire_sqlx_tests::{below_a_span, postgres, settings};

fn options() -> PgConnectOptions {
    service("TRACEWIRE_POSTGRES_URL").parse().expect("options")
}

#[tokio::test]
async fn spans_tell_where_the_server_is() {
    let capture = Capture::new();
    let db = postgres(&settings(&capture), 1).await;
    db.execute("SELECT 1").await.expect("a result");
    let options = options();
    let span = expect::span("SELECT")
        .client()
        .attribute("db.system.name", "postgresql")
        .attribute("db.namespace", options.get_database().expect("a database").to_owned())
        .attribute("server.address", options.get_host().to_owned());
    capture.assert(match options.get_port() {
        5432 => span.without("server.port"),
        port => span.attribute("server.port", i64::from(port)),
    });
}

#[tokio::test]
async fn the_schema_is_part_of_the_namespace_where_options_name_one() {
    let capture = Capture::new();
    let with_schema = options().options([("search_path", "pg_catalog,public")]);
    let database = with_schema.get_database().expect("a database").to_owned();
    let pool = sqlx::PgPool::connect_with(with_schema).await.expect("a pool");
    Pool::new(pool, &settings(&capture)).execute("SELECT 1").await.expect("a result");
    let namespace = format!("{database}|pg_catalog");
    capture.assert(expect::span("SELECT").attribute("db.namespace", namespace));
}

#[tokio::test]
async fn errors_have_their_sqlstate() {
    let capture = Capture::new();
    let db = postgres(&settings(&capture), 1).await;
    db.inner()
        .execute("CREATE TEMP TABLE t (id INT PRIMARY KEY, n INT NOT NULL CHECK (n > 0))")
        .await
        .expect("a table");
    db.inner().execute("INSERT INTO t VALUES (1, 1)").await.expect("a row");
    for (text, code) in [
        ("SELECT * FROM nowhere", "42P01"),
        ("SELEKT", "42601"),
        ("INSERT INTO t VALUES (1, 1)", "23505"),
        ("INSERT INTO t VALUES (2, NULL)", "23502"),
        ("INSERT INTO t VALUES (2, 0)", "23514"),
        ("SELECT 1 / 0", "22012"),
        ("DO $$ BEGIN RAISE WARNING 'look out'; END $$", ""),
    ] {
        capture.clear();
        let result = sqlx::query(text).execute(&db).await;
        assert_eq!(result.is_err(), !code.is_empty(), "{text}");
        let trace = capture.trace();
        let name = trace.roots()[0].span.name.to_string();
        let span = expect::span(name).client();
        trace.assert(match code {
            "" => span.without("db.response.status_code"),
            code => span.error(code).attribute("db.response.status_code", code),
        });
    }
}

#[tokio::test]
async fn affected_and_returned_rows() {
    let capture = Capture::new();
    let db = postgres(&settings(&capture).affected_rows().returned_rows(), 1).await;
    below_a_span(&capture, async {
        db.execute("CREATE TEMP TABLE t (id INT)").await.expect("a table");
        let insert = "INSERT INTO t SELECT generate_series(1, 10) RETURNING id";
        assert_eq!(sqlx::query(insert).fetch_all(&db).await.expect("rows").len(), 10);
        db.execute("UPDATE t SET id = id + 1 WHERE id > 7").await.expect("a result");
        db.fetch_all("SELECT * FROM t").await.expect("rows");
    })
    .await;
    let (returned, affected) = ("db.response.returned_rows", "db.response.affected_rows");
    capture.assert(
        expect::span("work")
            .child(expect::span("CREATE TABLE t").without(affected))
            .child(expect::span("INSERT t SELECT").attribute(returned, 10).attribute(affected, 10))
            .child(expect::span("UPDATE t").attribute(returned, 0).attribute(affected, 3))
            .child(expect::span("SELECT t").attribute(returned, 10).without(affected)),
    );
}

/// Waits until a statement runs on the server, and gives the process that runs it.
async fn running(watcher: &sqlx::PgPool, text: &'static str) -> i32 {
    let ask = "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query = $1";
    let mut found = None;
    until("the statement", async || {
        let process = sqlx::query_scalar(ask).bind(text).fetch_optional(watcher).await;
        found = process.expect("an answer");
        found.is_some()
    })
    .await;
    found.expect("a process")
}

#[tokio::test]
async fn a_connection_killed_in_the_middle_of_a_statement() {
    const TEXT: &str = "SELECT pg_sleep(60) AS killed_in_the_middle";
    let capture = Capture::new();
    let db = postgres(&settings(&capture), 1).await;
    let watcher = sqlx::PgPool::connect_with(options()).await.expect("a pool");
    let worker = db.clone();
    let work = tokio::spawn(async move { worker.execute(TEXT).await.map(drop) });
    let process = running(&watcher, TEXT).await;
    let kill = sqlx::query("SELECT pg_terminate_backend($1)").bind(process);
    kill.execute(&watcher).await.expect("a killed process");
    work.await.expect("no panic").expect_err("an error");
    capture.assert(
        expect::span("SELECT")
            .client()
            .error("57P01")
            .attribute("db.response.status_code", "57P01"),
    );
    // The pool connects anew.
    db.execute("SELECT 1").await.expect("a result");
}

#[tokio::test]
async fn a_statement_cancelled_by_its_caller_and_one_by_the_server() {
    const TEXT: &str = "SELECT pg_sleep(60) AS cancelled_by_its_caller";
    let capture = Capture::new();
    let db = postgres(&settings(&capture), 1).await;
    let watcher = sqlx::PgPool::connect_with(options()).await.expect("a pool");
    let process;
    {
        let mut work = Box::pin(db.execute(TEXT));
        let mut asked = Box::pin(running(&watcher, TEXT));
        process = futures_util::future::poll_fn(|task| {
            assert!(work.as_mut().poll(task).is_pending());
            asked.as_mut().poll(task)
        })
        .await;
    }
    capture.assert(expect::span("SELECT").client().without("db.response.status_code"));
    let kill = sqlx::query("SELECT pg_terminate_backend($1)").bind(process);
    kill.execute(&watcher).await.expect("a killed process");
    capture.clear();

    let mut connection = db.acquire().await.expect("a connection");
    connection.execute("SET statement_timeout = 1").await.expect("a setting");
    capture.clear();
    connection.execute("SELECT pg_sleep(60)").await.expect_err("a timeout");
    capture.assert(expect::span("SELECT").error("57014"));
}

#[tokio::test]
async fn a_huge_stream_left_half_way() {
    let capture = Capture::new();
    let db = postgres(&settings(&capture).returned_rows(), 1).await;
    {
        let mut rows = sqlx::query("SELECT generate_series(1, 1000000)").fetch(&db);
        for number in 1..=100_i32 {
            let row = rows.try_next().await.expect("a row").expect("one more");
            assert_eq!(row.get::<i32, _>(0), number);
        }
    }
    capture.assert(expect::span("SELECT").client().attribute("db.response.returned_rows", 100));
}

#[tokio::test]
async fn transactions_are_rolled_back_by_dropping() {
    let capture = Capture::new();
    let db: Pool<Postgres> = postgres(&settings(&capture), 1).await;
    db.execute("CREATE TEMP TABLE t (id INT)").await.expect("a table");
    capture.clear();
    below_a_span(&capture, async {
        let mut tx = db.begin().await.expect("a transaction");
        tx.execute("INSERT INTO t VALUES (1)").await.expect("a result");
        let mut savepoint = tx.begin().await.expect("a savepoint");
        savepoint.execute("SELECT 1 / 0").await.expect_err("an error");
        drop(savepoint);
        tx.execute("INSERT INTO t VALUES (2)").await.expect("a result");
        drop(tx);
        let count = sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(&db).await;
        assert_eq!(count.ok(), Some(0_i64));
    })
    .await;
    let names = [
        "BEGIN",
        "INSERT t",
        "SAVEPOINT",
        "!",
        "ROLLBACK TO SAVEPOINT",
        "INSERT t",
        "ROLLBACK",
        "SELECT t",
    ];
    capture.assert(names.into_iter().fold(expect::span("work"), |work, name| {
        work.child(match name {
            "!" => expect::span("SELECT").client().error("22012"),
            name => expect::span(name).client(),
        })
    }));
}

#[tokio::test]
async fn a_commit_that_fails() {
    let capture = Capture::new();
    let db = postgres(&settings(&capture), 1).await;
    let table = "CREATE TEMP TABLE t (id INT UNIQUE DEFERRABLE INITIALLY DEFERRED)";
    db.inner().execute(table).await.expect("a table");
    let mut tx = db.begin().await.expect("a transaction");
    tx.execute("INSERT INTO t VALUES (1), (1)").await.expect("a result");
    capture.clear();
    below_a_span(&capture, async { tx.commit().await.expect_err("a violation") }).await;
    capture.assert(
        expect::span("work")
            .child(expect::span("COMMIT").error("23505"))
            .child(expect::span("ROLLBACK")),
    );
    db.execute("SELECT 1").await.expect("a result");
}

#[tokio::test]
async fn many_at_once() {
    let capture = Capture::new();
    let db = postgres(&settings(&capture), 4).await;
    let tasks: Vec<_> = (0..32_i32)
        .map(|number| {
            let db = db.clone();
            tokio::spawn(async move {
                sqlx::query_scalar::<_, i32>("SELECT $1").bind(number).fetch_one(&db).await
            })
        })
        .collect();
    for (number, task) in (0..).zip(tasks) {
        assert_eq!(task.await.expect("no panic").ok(), Some(number));
    }
    assert_eq!((capture.spans().len(), capture.open()), (32, 0));
    assert!(capture.spans().iter().all(|span| span.name == "SELECT"));
}

#[tokio::test]
async fn listeners_and_copies_go_through_the_pool() {
    let capture = Capture::new();
    let db = postgres(&settings(&capture), 2).await;
    let mut listener = sqlx::postgres::PgListener::connect_with(&db).await.expect("a listener");
    listener.listen("tracewire_test").await.expect("listening");
    sqlx::query("SELECT pg_notify('tracewire_test', 'hello')").execute(&db).await.expect("sent");
    assert_eq!(listener.recv().await.expect("a notification").payload(), "hello");
    let mut connection = db.acquire().await.expect("a connection");
    connection.execute("CREATE TEMP TABLE t (id INT)").await.expect("a table");
    let mut copy = connection.copy_in_raw("COPY t FROM STDIN").await.expect("a copy");
    copy.send(&b"1\n2\n"[..]).await.expect("sent");
    assert_eq!(copy.finish().await.ok(), Some(2));
    let names: Vec<_> = capture.spans().iter().map(|span| span.name.to_string()).collect();
    assert_eq!(names, ["SELECT", "CREATE TABLE t"]);
}
