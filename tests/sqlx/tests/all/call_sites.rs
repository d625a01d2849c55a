//! Everything that sqlx's users write, unchanged but for the types of what they call it on.

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{Sqlite, SqlitePoolOptions};
use sqlx::{Executor, FromRow, QueryBuilder, Row as _, SqliteConnection};
use tracewire::sqlx::{Connection, Pool, Settings, Transaction};
use tracewire::test::Capture;

#[derive(FromRow)]
struct Item {
    id: i64,
    name: String,
}

async fn db(capture: &Capture) -> Pool<Sqlite> {
    let pool =
        SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    pool.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL)").await.unwrap();
    Pool::new(pool, &Settings::new().telemetry(&capture.telemetry()))
}

async fn on_any_executor<'c, E: Executor<'c, Database = Sqlite>>(executor: E) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM items").fetch_one(executor).await.unwrap()
}

async fn on_sqlx_connection(conn: &mut SqliteConnection) {
    sqlx::query("SELECT 1").execute(&mut *conn).await.unwrap();
}

async fn on_ours(conn: &mut Connection<'_, Sqlite>) {
    sqlx::query("SELECT 1").execute(&mut *conn).await.unwrap();
    sqlx::query("SELECT 1").execute(conn).await.unwrap();
}

async fn in_transaction(tx: &mut Transaction<'_, Sqlite>) {
    sqlx::query("SELECT 1").execute(&mut **tx).await.unwrap();
}

#[tokio::test]
async fn everything() {
    let capture = Capture::new();
    let db = db(&capture).await;
    sqlx::query("INSERT INTO items (name) VALUES (?)").bind("a").execute(&db).await.unwrap();
    let items: Vec<Item> =
        sqlx::query_as("SELECT id, name FROM items").fetch_all(&db).await.unwrap();
    assert_eq!((items[0].id, &*items[0].name), (1, "a"));
    let mut stream = sqlx::query("SELECT id FROM items").fetch(&db);
    while let Some(row) = stream.try_next().await.unwrap() {
        let _: i64 = row.get(0);
    }
    drop(stream);
    assert_eq!(on_any_executor(&db).await, 1);
    let mut tx = db.begin().await.unwrap();
    sqlx::query("SELECT 2").execute(&mut *tx).await.unwrap();
    assert_eq!(on_any_executor(&mut *tx).await, 1);
    on_sqlx_connection(&mut tx).await;
    on_sqlx_connection(&mut *tx).await;
    on_ours(&mut tx).await;
    in_transaction(&mut tx).await;
    {
        let mut sp = tx.begin().await.unwrap();
        sqlx::raw_sql("SELECT 3; SELECT 4").execute(&mut *sp).await.unwrap();
        sp.rollback().await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut conn = db.acquire().await.unwrap();
    let mut q = QueryBuilder::new("SELECT id FROM items WHERE id = ");
    q.push_bind(1_i64);
    q.build().fetch_optional(&mut *conn).await.unwrap();
    drop(conn);
    let db2 = db.clone();
    tokio::spawn(async move {
        let mut tx = db2.begin().await?;
        sqlx::query("SELECT 5").execute(&mut *tx).await?;
        tx.commit().await?;
        sqlx::query("SELECT 6").execute(&db2).await
    })
    .await
    .unwrap()
    .unwrap();
    for trace in capture.traces() {
        println!("{trace}");
    }
}
