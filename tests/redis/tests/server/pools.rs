//! Connections out of pools.

use std::time::Duration;

use redis::{AsyncCommands, Client, pipe};
use test_support::unique;
use tracewire::metrics::{Choice, ConnectionPool, PoolNumbers};
use tracewire::redis::{Connection, Pooled};
use tracewire::test::{Capture, Series};
use tracewire_redis_tests::{command, config, redis_url, request, sent};

#[tokio::test]
async fn an_object_of_deadpool_is_a_connection() {
    let capture = Capture::new();
    let config = config(&capture);
    let pool = deadpool_redis::Config::from_url(redis_url()).create_pool(None).unwrap();
    let key = unique("deadpool");
    request(&capture, async {
        let mut connection = Connection::with_config(pool.get().await.unwrap(), &config);
        let _: () = connection.set_ex(&key, 1, 60).await.unwrap();
        pipe().get(&key).del(&key).exec_async(&mut connection).await.unwrap();
    })
    .await;
    capture.assert(sent([command("SETEX"), command("PIPELINE")]));
}

#[tokio::test]
async fn an_object_of_bb8_is_one_by_way_of_pooled() {
    let capture = Capture::new();
    let config = config(&capture);
    let client = Client::open(redis_url()).unwrap();
    let pool = bb8::Pool::builder().max_size(1).build(client).await.unwrap();
    let key = unique("bb8");
    request(&capture, async {
        for _ in 0..2 {
            let object = pool.get().await.unwrap();
            let mut connection = Connection::with_config(Pooled(object), &config);
            let _: () = connection.set_ex(&key, 1, 60).await.unwrap();
        }
        let mut object = pool.get().await.unwrap();
        let mut connection = Connection::with_config(Pooled(&mut *object), &config);
        let _: () = connection.del(&key).await.unwrap();
    })
    .await;
    capture.assert(sent(["SETEX", "SETEX", "DEL"].map(command)));
}

#[tokio::test]
async fn pools_are_measured_with_a_few_lines_where_they_are_used() {
    let capture = Capture::new().with_meters();
    let telemetry = capture.telemetry().measure(Choice::new().connection_pools());
    let client = Client::open(redis_url()).unwrap();
    let bb8 = bb8::Pool::builder().max_size(1).connection_timeout(Duration::from_millis(50));
    let bb8 = bb8.build(client).await.unwrap();
    let watched = bb8.clone();
    let measured = ConnectionPool::new(&telemetry, "bb8", move || {
        let state = watched.state();
        let used = state.connections.saturating_sub(state.idle_connections);
        PoolNumbers::new(state.idle_connections.into(), used.into()).max(1)
    });
    let waiting = measured.wait();
    let object = bb8.get().await.unwrap();
    let in_use = waiting.obtained();
    let waiting = measured.wait();
    assert!(bb8.get().await.is_err());
    waiting.timed_out();

    let deadpool = deadpool_redis::Config::from_url(redis_url()).create_pool(None).unwrap();
    let watched = deadpool.clone();
    let _measured = ConnectionPool::new(&telemetry, "deadpool", move || {
        let status = watched.status();
        let whole = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        PoolNumbers::new(
            whole(status.available),
            whole(status.size.saturating_sub(status.available)),
        )
        .max(whole(status.max_size))
        .pending(whole(status.waiting))
    });
    let held = deadpool.get().await.unwrap();

    let series = capture.metrics();
    let value = |pool: &str, metric: &str, state: &str| {
        let series = series.iter().find(|it| {
            let of = |key, value: &str| it.attribute(key).is_some_and(|it| it.as_str() == value);
            it.name() == format!("db.client.connection.{metric}")
                && of("db.client.connection.pool.name", pool)
                && (state.is_empty() || of("db.client.connection.state", state))
        });
        let series = series.unwrap_or_else(|| panic!("{metric} of {pool}"));
        series.value().or(series.count().map(|count| count as f64)).unwrap()
    };
    for (pool, metric, state, expected) in [
        ("bb8", "count", "idle", 0.0),
        ("bb8", "count", "used", 1.0),
        ("bb8", "max", "", 1.0),
        ("bb8", "pending_requests", "", 0.0),
        ("bb8", "timeouts", "", 1.0),
        ("bb8", "wait_time", "", 1.0),
        ("deadpool", "count", "used", 1.0),
        ("deadpool", "pending_requests", "", 0.0),
    ] {
        assert_eq!(value(pool, metric, state), expected, "{metric} of {pool} {state}");
    }
    drop((object, in_use, held));
    let uses = |it: &Series| it.name() == "db.client.connection.use_time";
    assert_eq!(capture.metrics().into_iter().find(uses).unwrap().count(), Some(1));
}
