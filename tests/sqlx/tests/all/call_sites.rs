//! Everything that sqlx's users write, unchanged but for the type of what they call it on.

use futures_util::TryStreamExt as _;
use sqlx::{
    Acquire, Executor, FromRow, QueryBuilder, Row as _, Sqlite, SqliteConnection, Statement as _,
};
use tracewire::sqlx::{Connection, Driver, ExecutorExt as _, Pool, PoolConnection, Transaction};
use tracewire::test::{Capture, expect};
use tracewire_sqlx_tests::{below_a_span, settings, sqlite};

#[derive(FromRow)]
struct Item {
    id: i64,
    name: String,
}

/// Runs work on a database with one item and gives the names of the spans in order.
async fn spans(work: impl AsyncFnOnce(&Pool<Sqlite>)) -> Vec<String> {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture)).await;
    sqlx::query("INSERT INTO items VALUES (7, 'a')").execute(db.inner()).await.expect("an item");
    below_a_span(&capture, work(&db)).await;
    assert_eq!(capture.open(), 0);
    let root = capture.trace();
    let [work] = root.roots() else { panic!("one root: {root}") };
    work.children.iter().map(|child| child.span.name.to_string()).collect()
}

#[tokio::test]
async fn queries_on_a_pool() {
    let names = spans(async |db| {
        let item: Item = sqlx::query_as("SELECT id, name FROM items WHERE id = ?")
            .bind(7_i64)
            .fetch_one(db)
            .await
            .expect("an item");
        assert_eq!((item.id, item.name.as_str()), (7, "a"));
        let none: Option<Item> = sqlx::query_as("SELECT id, name FROM items WHERE id = 8")
            .fetch_optional(db)
            .await
            .expect("no item");
        assert!(none.is_none());
        let items: Vec<Item> =
            sqlx::query_as("SELECT * FROM items").fetch_all(db).await.expect("items");
        assert_eq!(items.len(), 1);
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM items").fetch_one(db).await.expect("a count");
        assert_eq!(count, 1);
        let done = sqlx::query("UPDATE items SET name = ?").bind("b").execute(db).await;
        assert_eq!(done.expect("an update").rows_affected(), 1);
        db.execute("DELETE FROM items").await.expect("a deletion");
    })
    .await;
    let select = "SELECT items";
    assert_eq!(names, [select, select, select, select, "UPDATE items", "DELETE items"]);
}

#[tokio::test]
async fn built_queries_and_statements() {
    let names = spans(async |db| {
        let mut builder = QueryBuilder::new("SELECT name FROM items WHERE id IN ");
        builder.push_tuples([7_i64, 8], |mut list, id| {
            list.push_bind(id);
        });
        assert_eq!(builder.build().fetch_all(db).await.expect("rows").len(), 1);

        let text = "SELECT name FROM items WHERE id = ?";
        let statement =
            db.prepare(sqlx::SqlSafeStr::into_sql_str(text)).await.expect("a statement");
        let row = statement.query().bind(7_i64).fetch_one(db).await.expect("a row");
        assert_eq!(row.get::<String, _>(0), "a");
    })
    .await;
    assert_eq!(names, ["SELECT items", "PREPARE SELECT items", "SELECT items"]);
}

#[tokio::test]
async fn streams_and_raw_sql() {
    let names = spans(async |db| {
        let mut rows = sqlx::query("SELECT id FROM items").fetch(db);
        while let Some(row) = rows.try_next().await.expect("a row") {
            assert_eq!(row.get::<i64, _>(0), 7);
        }
        let raw = sqlx::raw_sql("INSERT INTO items VALUES (8, 'x'); SELECT * FROM items");
        let steps: Vec<_> = raw.fetch_many(db).try_collect().await.expect("steps");
        assert_eq!(steps.iter().filter(|step| step.is_right()).count(), 2);
        let results = db.execute_many("DELETE FROM items; SELECT 1");
        assert_eq!(results.try_collect::<Vec<_>>().await.expect("results").len(), 2);
    })
    .await;
    assert_eq!(names, ["SELECT items", "INSERT items SELECT items", "DELETE items SELECT"]);
}

async fn on_any_executor<'c>(executor: impl Executor<'c, Database = Sqlite>) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM items").fetch_one(executor).await;
    count.expect("a count")
}

async fn on_our_connection(connection: &mut Connection<'_, Sqlite>) {
    connection.execute("SELECT 2").await.expect("a result");
    sqlx::query("SELECT 2").execute(&mut *connection).await.expect("a result");
    sqlx::query("SELECT 2").execute(connection).await.expect("a result");
}

async fn on_our_transaction(tx: &mut Transaction<'_, Sqlite>) {
    sqlx::query("SELECT 3").execute(&mut **tx).await.expect("a result");
}

async fn on_sqlx_connection(connection: &mut SqliteConnection) {
    sqlx::query("SELECT 4").execute(&mut *connection).await.expect("a result");
}

async fn on_any_driver<DB: Driver>(connection: &mut Connection<'_, DB>) {
    connection.execute("SELECT 5").await.expect("a result");
}

#[tokio::test]
async fn connections_and_transactions_dereference_to_an_executor_with_spans() {
    let names = spans(async |db| {
        let mut connection: PoolConnection<Sqlite> = db.acquire().await.expect("a connection");
        sqlx::query("SELECT 1").execute(&mut *connection).await.expect("a result");
        assert_eq!(on_any_executor(&mut *connection).await, 1);
        on_our_connection(&mut connection).await;
        on_any_driver(&mut connection).await;
        drop(connection);

        let mut tx: Transaction<'_, Sqlite> = db.begin().await.expect("a transaction");
        sqlx::query("SELECT 1").execute(&mut *tx).await.expect("a result");
        assert_eq!(on_any_executor(&mut *tx).await, 1);
        on_our_connection(&mut tx).await;
        on_our_transaction(&mut tx).await;
        on_any_driver(&mut *tx).await;
        // Without a span: sqlx's own connection is asked for.
        on_sqlx_connection(&mut tx).await;
        tx.commit().await.expect("a commit");
    })
    .await;
    let (select, count) = ("SELECT", "SELECT items");
    let connection = [select, count, select, select, select, select];
    let transaction = ["BEGIN", select, count, select, select, select, select, select, "COMMIT"];
    assert_eq!(names, [&connection[..], &transaction[..]].concat());
}

#[tokio::test]
async fn any_executor_takes_spans() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture)).await;
    below_a_span(&capture, async {
        let mut connection = db.inner().acquire().await.expect("a connection");
        on_any_executor((&mut *connection).traced_with(db.settings())).await;
        on_any_executor(connection.traced_with(&settings(&capture))).await;
        let mut ours = Connection::borrowed(&mut *connection, db.settings());
        on_any_executor(&mut ours).await;
        drop(ours);
        drop(connection);
        on_any_executor(db.inner().traced_with(db.settings())).await;
    })
    .await;
    let select = || expect::span("SELECT items").client().attribute("db.system.name", "sqlite");
    let known = || select().attribute("db.namespace", ":memory:");
    let unknown = select().without("db.namespace");
    capture
        .assert(expect::span("work").child(known()).child(unknown).child(known()).child(known()));
}

/// A function like those in the wild: what it acquires has no spans of itself.
async fn on_anything<'c>(from: impl Acquire<'c, Database = Sqlite>, db: &Pool<Sqlite>) -> i64 {
    let mut connection = from.acquire().await.expect("a connection");
    sqlx::query("SELECT 1").execute(&mut *connection).await.expect("a result");
    on_any_executor((&mut *connection).traced_with(db.settings())).await
}

#[tokio::test]
async fn acquire_is_served_and_its_way_out_works() {
    let names = spans(async |db| {
        on_anything(db, db).await;
        let mut connection = db.acquire().await.expect("a connection");
        on_anything(&mut connection, db).await;
        on_anything(&mut *connection, db).await;
        drop(connection);
        let mut tx = db.begin().await.expect("a transaction");
        on_anything(&mut tx, db).await;
        let inner = Acquire::begin(&mut tx).await.expect("a savepoint");
        inner.commit().await.expect("a release");
        tx.rollback().await.expect("a rollback");
    })
    .await;
    let select = "SELECT items";
    assert_eq!(names, [select, select, select, "BEGIN", select, "ROLLBACK"]);
}

#[tokio::test]
async fn work_can_be_spawned() {
    let names = spans(async |db| {
        let db = db.clone();
        let context = opentelemetry::Context::current();
        let work = async move {
            let mut tx = db.begin().await?;
            sqlx::query("SELECT 1").execute(&mut *tx).await?;
            tx.commit().await?;
            let mut connection = db.acquire().await?;
            connection.ping().await?;
            connection.transaction(|tx| Box::pin(async { tx.execute("SELECT 2").await })).await?;
            drop(connection);
            sqlx::query("SELECT 3").fetch_all(&db).await
        };
        let work = opentelemetry::trace::FutureExt::with_context(work, context);
        tokio::spawn(work).await.expect("no panic").expect("rows");
    })
    .await;
    let select = "SELECT";
    assert_eq!(names, ["BEGIN", select, "COMMIT", "BEGIN", select, "COMMIT", select]);
}

#[tokio::test]
async fn the_pool_is_still_sqlxs() {
    let capture = Capture::new();
    let db = sqlite(&settings(&capture)).await;
    fn on_sqlx_pool(pool: &sqlx::SqlitePool) -> u32 {
        pool.size()
    }
    assert_eq!((on_sqlx_pool(&db), db.size(), db.options().get_max_connections()), (1, 1, 1));
    let connection = db.acquire().await.expect("a connection");
    assert!(db.try_acquire().is_none() && db.try_begin().await.expect("no error").is_none());
    let mut detached = connection.detach();
    detached.execute("SELECT 1").await.expect("a result");
    detached.close().await.expect("closed");
    db.close().await;
    assert!(db.is_closed());
    assert_eq!(capture.spans().len(), 1);
}

/// What has to hold for values in futures, handlers and state.
#[test]
fn types_are_what_frameworks_ask_for() {
    fn is_state<T: Clone + Send + Sync + 'static>() {}
    fn is_send<T: Send>() {}
    is_state::<Pool<Sqlite>>();
    is_state::<tracewire::sqlx::Settings>();
    is_send::<Transaction<'static, Sqlite>>();
    is_send::<PoolConnection<Sqlite>>();
    is_send::<Connection<'_, Sqlite>>();
}

/// Bounds as generic code over sqlx has them.
async fn on_sqlx_pool_of_any_driver<DB>(pool: &sqlx::Pool<DB>)
where
    DB: sqlx::Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    pool.execute("SELECT 1").await.expect("a result");
    pool.acquire().await.expect("a connection").execute("SELECT 1").await.expect("a result");
}

/// The same bounds are enough for what is ours.
async fn on_our_pool_of_any_driver<DB>(pool: &Pool<DB>)
where
    DB: sqlx::Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    pool.execute("SELECT 1").await.expect("a result");
    let mut tx = pool.begin().await.expect("a transaction");
    sqlx::raw_sql("SELECT 1").execute(&mut *tx).await.expect("a result");
    tx.commit().await.expect("a commit");
}

#[tokio::test]
async fn generic_code_compiles_as_before() {
    let names = spans(async |db| {
        on_sqlx_pool_of_any_driver(db).await;
        on_sqlx_pool_of_any_driver(db.inner()).await;
        on_our_pool_of_any_driver(db).await;
    })
    .await;
    assert_eq!(names, ["SELECT", "BEGIN", "SELECT", "COMMIT"]);
}
