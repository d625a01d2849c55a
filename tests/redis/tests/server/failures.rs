//! Commands given up, and servers that go away.

use redis::{AsyncCommands, RedisResult};
use test_support::unique;
use tracewire::redis::Connection;
use tracewire::test::{Capture, expect};
use tracewire_redis_tests::{Server, command, config, request, sent};

use crate::{blocked, connect_to, traced};

#[tokio::test]
async fn a_blocking_command_given_up_is_no_error() {
    let server = Server::start();
    let capture = Capture::new();
    let connection = connect_to(server.info()).await;
    let mut connection = Connection::with_config(connection, &config(&capture));
    let waiting = capture.clone();
    let task = tokio::spawn(async move {
        request(&waiting, async {
            let _: RedisResult<(String, String)> = connection.blpop("never", 0.0).await;
        })
        .await;
    });
    blocked(&mut connect_to(server.info()).await, "blpop", 1).await;
    assert_eq!(capture.open(), 2);
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(capture.open(), 0);
    let request = expect::span("request").server().error("cancelled");
    capture.assert(request.child(command("BLPOP")));
}

#[tokio::test]
async fn the_loser_of_a_race_is_no_error() {
    let server = Server::start();
    let capture = Capture::new();
    let connection = connect_to(server.info()).await;
    let mut connection = Connection::with_config(connection, &config(&capture));
    let mut other = connect_to(server.info()).await;
    request(&capture, async {
        tokio::select! {
            _ = connection.blpop::<_, (String, String)>("never", 0.0) => panic!("nothing was pushed"),
            () = blocked(&mut other, "blpop", 1) => {}
        }
    })
    .await;
    capture.assert(sent([command("BLPOP")]));
}

#[tokio::test]
async fn a_blocking_command_ends_when_it_is_answered() {
    let capture = Capture::new();
    let mut connection = traced(&capture).await;
    let mut pushing = crate::connect().await;
    let key = unique("queue");
    request(&capture, async {
        let push = async {
            blocked(&mut crate::connect().await, "blpop", 1).await;
            let _: () = pushing.rpush(&key, "v").await.unwrap();
        };
        let (popped, ()) = tokio::join!(connection.blpop::<_, (String, String)>(&key, 0.0), push);
        assert_eq!(popped.unwrap().1, "v");
    })
    .await;
    capture.assert(sent([command("BLPOP")]));
}

#[tokio::test]
async fn a_server_killed_in_the_middle_is_an_error() {
    let mut server = Server::start();
    let capture = Capture::new();
    let connection = connect_to(server.info()).await;
    let config = config(&capture).server(&server.info());
    let mut connection = Connection::with_config(connection, &config);
    let waiting = capture.clone();
    let task = tokio::spawn(async move {
        request(&waiting, async {
            let popped: RedisResult<(String, String)> = connection.blpop("never", 0.0).await;
            assert!(popped.unwrap_err().is_connection_dropped());
            let after: RedisResult<()> = connection.set("k", "v").await;
            assert!(after.is_err());
            let batch: RedisResult<()> =
                redis::pipe().get("a").get("b").exec_async(&mut connection).await;
            assert!(batch.is_err());
        })
        .await;
    });
    blocked(&mut connect_to(server.info()).await, "blpop", 1).await;
    server.kill();
    task.await.unwrap();
    let dropped = |name| {
        expect::span(name).client().error("connection_dropped").without("db.response.status_code")
    };
    capture.assert(sent(["BLPOP", "SET", "PIPELINE GET"].map(dropped)));
}

#[tokio::test]
async fn a_reply_that_comes_too_late_is_a_timeout() {
    let server = Server::start();
    let capture = Capture::new();
    let client = redis::Client::open(server.info()).unwrap();
    let impatient = redis::AsyncConnectionConfig::new()
        .set_response_timeout(Some(std::time::Duration::from_millis(20)));
    let connection = client.get_multiplexed_async_connection_with_config(&impatient).await.unwrap();
    let mut connection = Connection::with_config(connection, &config(&capture));
    let popped: RedisResult<(String, String)> = connection.blpop("never", 0.0).await;
    assert!(popped.unwrap_err().is_timeout());
    capture.assert(expect::span("BLPOP").client().error("timeout"));
}
