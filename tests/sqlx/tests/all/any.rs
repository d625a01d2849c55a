//! The driver that is chosen while the program runs.

use sqlx::any::install_default_drivers;
use sqlx::{Any, Executor as _};
use test_support::service;
use tracewire::sqlx::Pool;
use tracewire::test::Capture;
use tracewire_sqlx_tests::{below_a_span, settings};

async fn check(url: &str, system: &'static str) {
    install_default_drivers();
    let capture = Capture::new();
    let pool = sqlx::pool::PoolOptions::<Any>::new().max_connections(1).connect(url).await;
    let mine = settings(&capture).affected_rows().returned_rows();
    let db = Pool::new(pool.expect("a pool"), &mine);
    below_a_span(&capture, async {
        let mut tx = db.begin().await.expect("a transaction");
        tx.execute("CREATE TEMPORARY TABLE any_items (id INTEGER)").await.expect("a table");
        let insert = sqlx::query("INSERT INTO any_items VALUES (1), (2)").execute(&mut *tx).await;
        assert_eq!(insert.expect("a result").rows_affected(), 2);
        let rows = sqlx::query("SELECT id FROM any_items").fetch_all(&mut *tx).await;
        assert_eq!(rows.expect("rows").len(), 2);
        tx.rollback().await.expect("a rollback");
        sqlx::query("SELECT nothing").execute(&db).await.expect_err("an error");
    })
    .await;
    let trace = capture.trace();
    let names: Vec<_> =
        trace.roots()[0].children.iter().map(|it| it.span.name.to_string()).collect();
    let expected = [
        "BEGIN",
        "CREATE TABLE any_items",
        "INSERT any_items",
        "SELECT any_items",
        "ROLLBACK",
        "SELECT",
    ];
    assert_eq!(names, expected);
    for child in &trace.roots()[0].children {
        assert_eq!(child.attribute("db.system.name"), Some(&system.into()), "{trace}");
    }
    let [.., insert, select, _, _] = &trace.roots()[0].children[..] else { panic!("{trace}") };
    assert_eq!(insert.attribute("db.response.affected_rows"), Some(&2.into()));
    assert_eq!(select.attribute("db.response.returned_rows"), Some(&2.into()));
}

#[tokio::test]
async fn over_sqlite() {
    check("sqlite::memory:", "sqlite").await;
}

#[tokio::test]
async fn over_postgres() {
    check(&service("TRACEWIRE_POSTGRES_URL"), "postgresql").await;
}

#[tokio::test]
async fn over_mariadb() {
    check(&service("TRACEWIRE_MYSQL_URL"), "mysql").await;
}
