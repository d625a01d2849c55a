//! The wrapper over real connections to a real server.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod blocking;
mod commands;
mod failures;
mod pools;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo};
use test_support::until;
use tracewire::redis::Connection;
use tracewire::test::Capture;
use tracewire_redis_tests::{config, redis_url};

/// A connection without a limit on how long a reply takes, as blocking commands need.
async fn connect_to(server: impl IntoConnectionInfo) -> MultiplexedConnection {
    let client = Client::open(server).unwrap();
    let patient =
        AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    client.get_multiplexed_async_connection_with_config(&patient).await.unwrap()
}

async fn connect() -> MultiplexedConnection {
    connect_to(redis_url()).await
}

async fn traced(capture: &Capture) -> Connection<MultiplexedConnection> {
    Connection::with_config(connect().await, &config(capture))
}

/// Asks over and over until the server blocks so many clients in this command.
async fn blocked(connection: &mut impl ConnectionLike, command: &str, count: usize) {
    until(&format!("somebody in {command}"), async || {
        let list: String = redis::cmd("CLIENT").arg("LIST").query_async(connection).await.unwrap();
        let waits =
            |line: &&str| line.contains("flags=b") && line.contains(&format!("cmd={command} "));
        list.lines().filter(waits).count() >= count
    })
    .await;
}
