//! Pools of servers, measured as they are used.

use std::time::Duration;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::pool::PoolOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Executor as _, MySql, Postgres};
use test_support::{service, until};
use tracewire::metrics::Choice;
use tracewire::sqlx::{Driver, Pool, Settings};
use tracewire::test::Capture;

const COUNT: &str = "db.client.connection.count";

/// The value of a sum, or how many values a histogram has, if there are any; of a state if one is
/// named.
fn read(capture: &Capture, metric: &str, name: &str, state: Option<&str>) -> f64 {
    let series = capture.metrics().into_iter().find(|series| {
        series.name() == metric
            && series.attribute("db.client.connection.pool.name") == Some(&name.to_owned().into())
            && state.is_none_or(|state| {
                series.attribute("db.client.connection.state") == Some(&state.to_owned().into())
            })
    });
    let value = series.map(|it| it.value().or(it.count().map(|count| count as f64)));
    value.flatten().unwrap_or_default()
}

/// Runs a pool of two connections dry and looks at what is told of it.
async fn check<DB: Driver>(pool: PoolOptions<DB>, url: &str, name: &str)
where
    DB::QueryResult: std::fmt::Debug,
    for<'c> &'c mut DB::Connection: sqlx::Executor<'c, Database = DB>,
{
    let capture = Capture::new().with_meters();
    let telemetry = capture.telemetry().measure(Choice::new().connection_pools());
    let pool = pool.max_connections(2).acquire_timeout(Duration::from_millis(300));
    let pool = pool.connect(url).await.expect("a server");
    let pool = Pool::new(pool, &Settings::new().telemetry(&telemetry));
    let read = |metric: &str| read(&capture, &format!("db.client.connection.{metric}"), name, None);
    let count = |state| self::read(&capture, COUNT, name, Some(state));

    assert_eq!((count("idle"), count("used"), read("max")), (1.0, 0.0, 2.0));
    let first = pool.acquire().await.expect("a connection");
    let second = pool.begin().await.expect("a transaction");
    assert_eq!((count("idle"), count("used")), (0.0, 2.0));
    assert_eq!((read("wait_time"), read("create_time"), read("timeouts")), (2.0, 1.0, 0.0));

    let statements = [pool.execute("SELECT 1"), pool.execute("SELECT 1")];
    let mut waiting = Box::pin(futures_util::future::join_all(statements));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    assert_eq!(read("pending_requests"), 2.0);
    assert!(waiting.await.iter().all(Result::is_err));
    assert_eq!((read("pending_requests"), read("timeouts")), (0.0, 2.0));
    assert_eq!(read("use_time"), 0.0);

    second.commit().await.expect("a commit");
    drop(first);
    until("both connections", async || count("idle") == 2.0).await;
    assert_eq!((count("used"), read("use_time")), (0.0, 2.0));
    pool.close().await;
    assert_eq!((count("idle"), count("used")), (0.0, 0.0));
}

#[tokio::test]
async fn of_postgres() {
    let url = service("TRACEWIRE_POSTGRES_URL");
    let options: PgConnectOptions = url.parse().expect("options");
    let database = options.get_database().expect("a database");
    let name = format!("{}:{}/{database}", options.get_host(), options.get_port());
    check::<Postgres>(PoolOptions::new(), &url, &name).await;
}

#[tokio::test]
async fn of_mariadb() {
    let url = service("TRACEWIRE_MYSQL_URL");
    let options: MySqlConnectOptions = url.parse().expect("options");
    let database = options.get_database().expect("a database");
    let name = format!("{}:{}/{database}", options.get_host(), options.get_port());
    check::<MySql>(PoolOptions::new(), &url, &name).await;
}
