//! The macros that check statements when the program is compiled. What they need to know of the
//! database lies in `.sqlx`; the schema is in `migrations`.
//!
//! After a change, with a database that has the schema, from the root of the repository:
//! `SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$PWD/tests/sqlx/.sqlx DATABASE_URL=sqlite:FILE cargo check
//! -p tracewire-sqlx-tests --tests`.

use futures_util::TryStreamExt as _;
use sqlx::Sqlite;
use tracewire::sqlx::Pool;
use tracewire::test::{Capture, expect};
use tracewire_sqlx_tests::{below_a_span, settings, sqlite};

struct Order {
    id: i64,
    item: String,
}

async fn db(capture: &Capture) -> Pool<Sqlite> {
    let db = sqlite(&settings(capture)).await;
    sqlx::migrate!("./migrations").run(db.inner()).await.expect("success");
    db
}

#[tokio::test]
async fn work_on_pools_and_transactions_alike() {
    let capture = Capture::new();
    let db = db(&capture).await;
    below_a_span(&capture, async {
        let done = sqlx::query!("INSERT INTO orders (item, amount) VALUES (?, ?)", "pen", 2)
            .execute(&db)
            .await
            .expect("a result");
        assert_eq!(done.rows_affected(), 1);
        let mut tx = db.begin().await.expect("a transaction");
        let order = sqlx::query_as!(Order, "SELECT id, item FROM orders WHERE item = ?", "pen")
            .fetch_one(&mut *tx)
            .await
            .expect("an order");
        assert_eq!((order.id, order.item.as_str()), (1, "pen"));
        tx.commit().await.expect("a commit");
        let amount = sqlx::query_scalar!("SELECT amount FROM orders").fetch_one(&db).await;
        assert_eq!(amount.ok(), Some(2));
        let mut connection = db.acquire().await.expect("a connection");
        let items = sqlx::query!("SELECT item FROM orders").fetch(&mut *connection);
        let items: Vec<_> = items.try_collect().await.expect("rows");
        assert_eq!(items[0].item, "pen");
    })
    .await;
    let names =
        ["INSERT orders", "BEGIN", "SELECT orders", "COMMIT", "SELECT orders", "SELECT orders"];
    capture.assert(names.into_iter().fold(expect::span("work"), |work, name| {
        work.child(expect::span(name).client().attribute("db.system.name", "sqlite"))
    }));
}
