//! Migrations are one span.

use std::borrow::Cow;

use sqlx::Sqlite;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use tracewire::sqlx::Pool;
use tracewire::test::{Capture, expect};
use tracewire_sqlx_tests::{settings, sqlite};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

async fn tables(db: &Pool<Sqlite>) -> Vec<String> {
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
    sqlx::query_scalar(tables).fetch_all(db.inner()).await.expect("tables")
}

#[tokio::test]
async fn that_succeed() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture)).await;
    db.migrate(&MIGRATIONS).await.expect("success");
    assert_eq!(tables(&db).await, ["_sqlx_migrations", "items", "orders"]);
    capture.assert(
        expect::span("migrate")
            .client()
            .attribute("db.system.name", "sqlite")
            .attribute("db.namespace", ":memory:"),
    );
}

#[tokio::test]
async fn that_fail() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture)).await;
    let migration = |version, sql| {
        let kind = MigrationType::Simple;
        let sql = sqlx::SqlSafeStr::into_sql_str(sql);
        Migration::new(version, Cow::Borrowed("a change"), kind, sql, false)
    };
    let wrong = Migrator::with_migrations(vec![migration(1, "CREATE NONSENSE")]);
    db.migrate(&wrong).await.expect_err("an error");
    capture.assert(expect::span("migrate").error("1").attribute("db.response.status_code", "1"));
    capture.clear();
    db.migrate(&MIGRATIONS).await.expect("success");
    capture.clear();
    let missing = Migrator::with_migrations(vec![migration(9, "SELECT 1")]);
    db.migrate(&missing).await.expect_err("an error");
    capture.assert(expect::span("migrate").error("migrate"));
}

#[tokio::test]
async fn can_be_spawned_and_run_as_before() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture)).await;
    let spawned = db.clone();
    let work = tokio::spawn(async move { spawned.migrate(&MIGRATIONS).await });
    work.await.expect("no panic").expect("success");
    MIGRATIONS.run(&db).await.expect("success");
    assert_eq!(tables(&db).await, ["_sqlx_migrations", "items", "orders"]);
    capture.assert(expect::span("migrate"));
}
