//! What only a server shows, on MariaDB, through the driver that MySQL shares.

use futures_util::TryStreamExt as _;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{Executor as _, MySql};
use test_support::{service, until};
use tracewire::sqlx::{Pool, Settings};
use tracewire::test::{Capture, expect};
use tracewire_sqlx_tests::{below_a_span, mariadb, settings};

fn options() -> MySqlConnectOptions {
    service("TRACEWIRE_MYSQL_URL").parse().expect("options")
}

#[tokio::test]
async fn spans_tell_where_the_server_is() {
    let capture = Capture::new();
    let db = mariadb(&settings(&capture), 1).await;
    let named = Pool::new(db.inner().clone(), &settings(&capture).system("mariadb"));
    below_a_span(&capture, async {
        db.execute("SELECT 1").await.expect("a result");
        named.execute("SELECT 1").await.expect("a result");
    })
    .await;
    let options = options();
    let span = |system| {
        let span = expect::span("SELECT")
            .client()
            .attribute("db.system.name", system)
            .attribute("db.namespace", options.get_database().expect("a database").to_owned())
            .attribute("server.address", options.get_host().to_owned());
        match options.get_port() {
            3306 => span.without("server.port"),
            port => span.attribute("server.port", i64::from(port)),
        }
    };
    capture.assert(expect::span("work").child(span("mysql")).child(span("mariadb")));
}

#[tokio::test]
async fn the_scheme_of_the_url_tells_mariadb() {
    let url = service("TRACEWIRE_MYSQL_URL").replace("mysql://", "mariadb://");
    let db = Pool::<MySql>::connect_lazy(&url).expect("a pool");
    let capture = Capture::new();
    let telemetry = capture.telemetry();
    let db = Pool::new(db.inner().clone(), &db.settings().clone().telemetry(&telemetry));
    db.execute("SELECT 1").await.expect("a result");
    let spans = capture.spans();
    let span = spans.iter().find(|span| span.name == "SELECT").expect("a span");
    let system = span.attributes.iter().find(|it| it.key.as_str() == "db.system.name");
    assert_eq!(system.map(|it| it.value.to_string()).as_deref(), Some("mariadb"));
}

#[tokio::test]
async fn errors_have_the_vendors_number() {
    let capture = Capture::new();
    let db = mariadb(&settings(&capture), 1).await;
    let table = "CREATE TEMPORARY TABLE t (id INT PRIMARY KEY, n INT NOT NULL CHECK (n > 0))";
    db.inner().execute(table).await.expect("a table");
    db.inner().execute("INSERT INTO t VALUES (1, 1)").await.expect("a row");
    for (text, code) in [
        ("SELECT * FROM nowhere", "1146"),
        ("SELEKT", "1064"),
        ("INSERT INTO t VALUES (1, 1)", "1062"),
        ("INSERT INTO t VALUES (2, NULL)", "1048"),
        ("INSERT INTO t VALUES (2, 0)", "4025"),
    ] {
        capture.clear();
        sqlx::query(text).execute(&db).await.expect_err("an error");
        let trace = capture.trace();
        let name = trace.roots()[0].span.name.to_string();
        trace.assert(
            expect::span(name).client().error(code).attribute("db.response.status_code", code),
        );
    }
}

#[tokio::test]
async fn affected_and_returned_rows() {
    let capture = Capture::new();
    let db = mariadb(&settings(&capture).affected_rows().returned_rows(), 1).await;
    below_a_span(&capture, async {
        db.execute("CREATE TEMPORARY TABLE t (`id` INT) # a comment").await.expect("a table");
        db.execute("INSERT INTO `t` VALUES (1), (2), (3)").await.expect("a result");
        db.execute("UPDATE t SET id = id + 10 WHERE id > 1").await.expect("a result");
        db.fetch_all("SELECT * FROM t").await.expect("rows");
        let raw = sqlx::raw_sql("DELETE FROM t; SELECT 1").fetch_all(&db).await;
        assert_eq!(raw.expect("rows").len(), 1);
    })
    .await;
    let (returned, affected) = ("db.response.returned_rows", "db.response.affected_rows");
    let span = |name: &'static str| expect::span(name).client();
    capture.assert(
        expect::span("work")
            .child(span("CREATE TABLE t").without(affected))
            .child(span("INSERT `t`").attribute(affected, 3))
            .child(span("UPDATE t").attribute(affected, 2).attribute(returned, 0))
            .child(span("SELECT t").attribute(returned, 3).without(affected))
            .child(
                span("DELETE t SELECT")
                    .attribute(returned, 1)
                    .attribute("db.operation.batch.size", 2),
            ),
    );
}

#[tokio::test]
async fn a_connection_killed_in_the_middle_of_a_statement() {
    const TEXT: &str = "SELECT SLEEP(60) AS killed_in_the_middle";
    let capture = Capture::new();
    let db = mariadb(&settings(&capture), 1).await;
    let watcher = sqlx::MySqlPool::connect_with(options()).await.expect("a pool");
    let worker = db.clone();
    let work = tokio::spawn(async move { worker.execute(TEXT).await.map(drop) });
    let ask = "SELECT id FROM information_schema.processlist WHERE info = ?";
    let mut process: Option<i64> = None;
    until("the statement", async || {
        let found = sqlx::query_scalar(ask).bind(TEXT).fetch_optional(&watcher).await;
        process = found.expect("an answer");
        process.is_some()
    })
    .await;
    let kill = format!("KILL CONNECTION {}", process.expect("a process"));
    sqlx::raw_sql(sqlx::AssertSqlSafe(kill)).execute(&watcher).await.expect("a killed process");
    work.await.expect("no panic").expect_err("an error");
    let trace = capture.trace();
    let kind = trace.roots()[0].attribute("error.type").map(ToString::to_string);
    // Some versions say that they end, others just do.
    let known = ["1317", "1927", "2013", "unexpected_eof", "connection_reset"];
    assert!(kind.as_deref().is_some_and(|kind| known.contains(&kind)), "{trace}");
    assert_eq!(capture.open(), 0);
    db.execute("SELECT 1").await.expect("a result");
}

#[tokio::test]
async fn a_huge_stream_left_half_way() {
    let capture = Capture::new();
    let db = mariadb(&settings(&capture).returned_rows(), 1).await;
    {
        let mut rows = sqlx::query("SELECT seq FROM seq_1_to_1000000").fetch(&db);
        for _ in 0..100 {
            rows.try_next().await.expect("a row").expect("one more");
        }
    }
    let rows = "db.response.returned_rows";
    capture.assert(expect::span("SELECT seq_1_to_1000000").client().attribute(rows, 100));
}

#[tokio::test]
async fn transactions_and_savepoints() {
    let capture = Capture::new();
    let db = mariadb(&settings(&capture), 1).await;
    db.execute("CREATE TEMPORARY TABLE t (id INT) ENGINE=InnoDB").await.expect("a table");
    capture.clear();
    below_a_span(&capture, async {
        let mut tx = db.begin().await.expect("a transaction");
        tx.execute("INSERT INTO t VALUES (1)").await.expect("a result");
        let mut savepoint = tx.begin().await.expect("a savepoint");
        savepoint.execute("INSERT INTO t VALUES (2)").await.expect("a result");
        savepoint.rollback().await.expect("a rollback");
        tx.commit().await.expect("a commit");
        let mut tx = db.begin().await.expect("a transaction");
        tx.execute("INSERT INTO t VALUES (3)").await.expect("a result");
        drop(tx);
        let count = sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(&db).await;
        assert_eq!(count.ok(), Some(1_i64));
    })
    .await;
    let names = [
        "BEGIN",
        "INSERT t",
        "SAVEPOINT",
        "INSERT t",
        "ROLLBACK TO SAVEPOINT",
        "COMMIT",
        "BEGIN",
        "INSERT t",
        "ROLLBACK",
        "SELECT t",
    ];
    capture.assert(
        names
            .into_iter()
            .fold(expect::span("work"), |work, name| work.child(expect::span(name).client())),
    );
}

#[tokio::test]
async fn passwords_are_never_shown() {
    let capture = Capture::new();
    let db = mariadb(&Settings::clone(&settings(&capture)), 1).await;
    let text = "CREATE USER IF NOT EXISTS nobody@localhost IDENTIFIED BY 'hunter2'";
    sqlx::query(text).execute(&db).await.expect("a user");
    let trace = capture.trace().to_string();
    assert!(trace.contains("db.query.text") && !trace.contains("hunter2"), "{trace}");
    db.execute("DROP USER IF EXISTS nobody@localhost").await.expect("no user");
}
