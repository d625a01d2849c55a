//! Connection pools, as they stand and as they are used.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use opentelemetry_sdk::metrics::data::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use tracewire::metrics::{Choice, ConnectionPool, PoolNumbers};
use tracewire::sqlx::{Pool, Settings};
use tracewire::test::Capture;
use tracewire_metrics_tests::{Series, Site};

const COUNT: &str = "db.client.connection.count";
const PENDING: &str = "db.client.connection.pending_requests";
const TIMEOUTS: &str = "db.client.connection.timeouts";
const CREATE: &str = "db.client.connection.create_time";
const WAIT: &str = "db.client.connection.wait_time";
const USE: &str = "db.client.connection.use_time";

fn site() -> (Site, Settings) {
    let site = Site::new(Capture::new());
    let telemetry = site.measuring(Choice::new().connection_pools());
    let settings = Settings::new().telemetry(&telemetry);
    (site, settings)
}

async fn sqlite(max: u32) -> SqlitePool {
    let options = SqlitePoolOptions::new().min_connections(1).max_connections(max);
    let options = options.acquire_timeout(Duration::from_millis(50));
    options.connect("sqlite::memory:").await.unwrap()
}

/// `metric{attributes} value` of everything that is a sum.
fn sums(site: &Site, name: &str) -> Vec<String> {
    let sums = site.series().into_iter().filter(|it| it.name.starts_with(name));
    let mut lines: Vec<_> = (sums.filter(|it| it.bounds.is_empty()))
        .map(|it| format!("{}{{{}}} {} {}", it.name, it.labels(), it.sum, it.unit))
        .collect();
    lines.sort();
    lines
}

fn times(site: &Site, name: &str) -> Series {
    let series = site.only(name);
    assert_eq!((series.unit.as_str(), series.bounds.len()), ("s", 9));
    assert_eq!(series.labels(), "db.client.connection.pool.name=:memory:");
    series
}

#[tokio::test]
async fn a_pool_is_looked_at_when_somebody_collects_and_counts_once() {
    let (site, settings) = site();
    let sqlite = sqlite(3).await;
    let pool = Pool::new(sqlite.clone(), &settings);
    let (again, clone) = (Pool::new(sqlite, &settings), pool.clone());
    let first = pool.acquire().await.unwrap();
    let second = again.acquire().await.unwrap();
    let name = "db.client.connection.pool.name=:memory:";
    let expected = |idle: u32, used: u32| {
        let state = "db.client.connection.state";
        [
            format!("{COUNT}{{{name} {state}=idle}} {idle} {{connection}}"),
            format!("{COUNT}{{{name} {state}=used}} {used} {{connection}}"),
            format!("db.client.connection.idle.max{{{name}}} 3 {{connection}}"),
            format!("db.client.connection.idle.min{{{name}}} 1 {{connection}}"),
            format!("db.client.connection.max{{{name}}} 3 {{connection}}"),
            format!("{PENDING}{{{name}}} 0 {{request}}"),
            format!("{TIMEOUTS}{{{name}}} 0 {{timeout}}"),
        ]
    };
    assert_eq!(sums(&site, "db.client.connection."), expected(0, 2));
    // What is not ours is seen, too.
    let third = clone.inner().acquire().await.unwrap();
    assert_eq!(sums(&site, "db.client.connection."), expected(0, 3));
    first.close().await.unwrap();
    assert_eq!(sums(&site, "db.client.connection."), expected(0, 2));
    drop((second, third, pool));
    clone.close().await;
    assert_eq!(sums(&site, COUNT), expected(0, 0)[..2]);
}

#[tokio::test]
async fn nothing_is_said_of_pools_unless_that_is_chosen() {
    let site = Site::new(Capture::new());
    let settings = Settings::new().telemetry(&site.telemetry());
    let pool = Pool::new(sqlite(1).await, &settings);
    sqlx::query("SELECT 1").execute(&pool).await.unwrap();
    let names: Vec<_> = site.series().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["db.client.operation.duration"]);
}

#[tokio::test]
async fn whoever_waits_is_pending_until_it_has_a_connection_gives_up_or_waits_too_long() {
    let (site, settings) = site();
    let pool = Pool::new(sqlite(1).await, &settings);
    let held = pool.acquire().await.unwrap();
    {
        let mut acquires = Box::pin(pool.acquire());
        let statement = sqlx::query("SELECT 1");
        let mut statement = Box::pin(statement.execute(&pool));
        let mut begins = Box::pin(pool.begin());
        assert!(futures_util::poll!(&mut acquires).is_pending());
        assert!(futures_util::poll!(&mut statement).is_pending());
        assert!(futures_util::poll!(&mut begins).is_pending());
        assert_eq!(site.only(PENDING).sum, 3.0);
        drop(statement);
        assert_eq!(site.only(PENDING).sum, 2.0);
        assert!(begins.await.is_err());
        assert!(acquires.await.is_err());
    }
    assert_eq!(site.only(PENDING).sum, 0.0);
    let timeouts = site.only(TIMEOUTS);
    assert_eq!((timeouts.sum, timeouts.unit.as_str()), (2.0, "{timeout}"));
    assert_eq!(times(&site, WAIT).count, 1, "who gave up has waited for nothing");
    drop(held);
    assert!(pool.acquire().await.is_ok());
    assert_eq!(site.only(TIMEOUTS).sum, 2.0);
    pool.close().await;
    assert!(pool.acquire().await.is_err());
    assert_eq!((site.only(PENDING).sum, site.only(TIMEOUTS).sum), (0.0, 2.0));
}

#[tokio::test]
async fn every_use_of_a_connection_is_timed_until_it_ends() {
    let (site, settings) = site();
    let pool = Pool::new(sqlite(2).await, &settings);
    sqlx::query("SELECT 1").execute(&pool).await.unwrap();
    assert_eq!(times(&site, USE).count, 1);
    pool.begin().await.unwrap().commit().await.unwrap();
    assert_eq!(times(&site, USE).count, 2);
    let mut transaction = pool.begin().await.unwrap();
    transaction.begin().await.unwrap().rollback().await.unwrap();
    assert_eq!(times(&site, USE).count, 2, "a savepoint is part of its transaction");
    drop(transaction);
    assert_eq!(times(&site, USE).count, 3);
    let mut stream = sqlx::query("SELECT 1 UNION SELECT 2").fetch(&pool);
    futures_util::StreamExt::next(&mut stream).await.unwrap().unwrap();
    assert_eq!(times(&site, USE).count, 3);
    drop(stream);
    assert_eq!(times(&site, USE).count, 4);
    let detached = pool.acquire().await.unwrap().detach();
    assert_eq!(times(&site, USE).count, 5, "the pool is rid of it");
    drop(detached);
    let uses = times(&site, USE);
    assert_eq!((uses.count, times(&site, WAIT).count), (5, 5));
    assert!(uses.sum > 0.0 && uses.sum < 10.0, "{uses:?}");
}

#[tokio::test]
async fn what_the_pool_makes_for_somebody_is_timed() {
    let (site, settings) = site();
    let pool = Pool::new(sqlite(3).await, &settings);
    let first = pool.acquire().await.unwrap();
    assert_eq!(site.of(CREATE), [], "it was there");
    let second = pool.acquire().await.unwrap();
    assert_eq!(times(&site, CREATE).count, 1);
    drop(second.detach());
    let third = pool.acquire().await.unwrap();
    assert_eq!(times(&site, CREATE).count, 2);
    drop((first, third));
}

#[tokio::test]
async fn a_pool_that_nobody_has_any_more_is_gone() {
    let (site, settings) = site();
    let sqlite = sqlite(1).await;
    let mut gone = sqlite.close_event();
    let pool = Pool::new(sqlite, &settings);
    let kept = pool.settings().clone();
    assert_eq!(sums(&site, COUNT).len(), 2);
    let held = pool.acquire().await.unwrap();
    drop(pool);
    assert_eq!(sums(&site, COUNT), [""; 0]);
    assert!((&mut gone).now_or_never().is_none(), "a connection keeps it");
    drop(held);
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("nothing keeps it");
    drop(kept);
}

#[tokio::test]
async fn names_are_bounded_and_pools_of_one_name_are_taken_together() {
    let site = Site::new(Capture::new());
    let telemetry = site.measuring(Choice::new().connection_pools().most_series(2));
    let pools: Vec<_> = ["a", "a", "b", "c", "d"]
        .iter()
        .map(|name| ConnectionPool::new(&telemetry, *name, || PoolNumbers::new(1, 2).max(4)))
        .collect();
    let label = |name: &str| format!("db.client.connection.pool.name={name}");
    let line =
        |label: &str, max: u32| format!("db.client.connection.max{{{label}}} {max} {{connection}}");
    let overflow = "otel.metric.overflow=true";
    assert_eq!(
        sums(&site, "db.client.connection.max"),
        [line(&label("a"), 8), line(&label("b"), 4), line(overflow, 8)]
    );
    pools.iter().for_each(|pool| pool.created(Duration::from_millis(2)));
    let created: Vec<_> = site.of(CREATE).iter().map(|it| (it.labels(), it.count)).collect();
    assert!(created.contains(&(overflow.to_owned(), 2)), "{created:?}");
    assert_eq!(created.len(), 3);
}

#[tokio::test]
async fn a_pool_goes_where_its_telemetry_goes() {
    let (site, settings) = site();
    let pool = Pool::new(sqlite(1).await, &settings);
    let (other, renamed) = self::site();
    let renamed = Pool::new(pool.inner().clone(), &renamed.pool_name("orders"));
    for pool in [&pool, &renamed] {
        drop(pool.acquire().await.unwrap());
    }
    assert_eq!(times(&site, WAIT).count, 1);
    assert_eq!(other.only(WAIT).labels(), "db.client.connection.pool.name=orders");
    assert_eq!((sums(&site, COUNT).len(), sums(&other, COUNT).len()), (2, 2));
}

#[test]
fn pools_come_and_go_while_somebody_collects() {
    let site = Site::new(Capture::new());
    let left = AtomicUsize::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 0..50 {
                    // Each is one that has to make its instruments.
                    let telemetry = site.measuring(Choice::new().connection_pools());
                    let numbers = || PoolNumbers::new(1, 1);
                    let pool = ConnectionPool::new(&telemetry, format!("{}", round % 5), numbers);
                    drop((pool.wait(), pool.wait().obtained()));
                }
                left.fetch_sub(1, Ordering::Relaxed);
            });
        }
        while left.load(Ordering::Relaxed) > 0 {
            site.series();
        }
    });
    assert_eq!(sums(&site, PENDING), [""; 0]);
    let used: Vec<_> = site.of(USE).iter().map(|it| it.count).collect();
    assert_eq!(used, [40; 5]);
}

#[test]
fn a_pool_that_panics_stops_nobody_who_collects() {
    let exporter = InMemoryMetricExporter::default();
    let reader = PeriodicReader::builder(exporter.clone()).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    let telemetry = Capture::new().telemetry().meter_provider(provider.clone());
    let telemetry = telemetry.measure(Choice::new().connection_pools());
    let has_panicked = AtomicBool::new(false);
    let panics = ConnectionPool::new(&telemetry, "panics", move || {
        assert!(has_panicked.swap(true, Ordering::Relaxed), "it panics once");
        PoolNumbers::new(1, 2)
    });
    let sound = ConnectionPool::new(&telemetry, "sound", || PoolNumbers::new(3, 4));
    telemetry.meter().u64_counter("orders").build().add(1, &[]);
    for round in 0..3 {
        exporter.reset();
        provider.force_flush().unwrap();
        let exported = exporter.get_finished_metrics().unwrap();
        let metrics = exported.iter().flat_map(ResourceMetrics::scope_metrics);
        let names: Vec<_> = metrics.flat_map(ScopeMetrics::metrics).map(Metric::name).collect();
        assert!(names.contains(&"orders") && names.contains(&COUNT), "{round}: {names:?}");
    }
    drop((panics, sound));
    provider.shutdown().unwrap();
}
