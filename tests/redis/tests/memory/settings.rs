//! Which commands are recorded.

use std::time::Instant;

use redis::{AsyncCommands, Value};
use tracewire::redis::{Config, Connection};
use tracewire::test::{Capture, expect};
use tracewire_redis_tests::{Fake, command, config, request, sent};

use crate::spans::{batch, words};

async fn send(config: &Config, lines: &[&str]) {
    let mut connection = Connection::with_config(Fake::default(), config);
    for line in lines {
        words(line).query_async::<Value>(&mut connection).await.unwrap();
    }
}

fn commands(names: &[&'static str]) -> impl Iterator<Item = expect::Span> {
    names.iter().map(|name| command(name))
}

#[tokio::test]
async fn named_commands_are_skipped() {
    let capture = Capture::new();
    let config = config(&capture).skip(["ping", "CLIENT"]).skip(["CLUSTER INFO", "PIPELINE SET"]);
    request(&capture, async {
        let lines = ["PING", "CLIENT ID", "CLIENT INFO", "CLUSTER INFO", "CLUSTER NODES", "GET k"];
        send(&config, &lines).await;
        let mut connection = Connection::with_config(Fake::default(), &config);
        for lines in [["SET a 1", "SET b 1"], ["GET a", "GET b"]] {
            let _: () = batch(&lines).exec_async(&mut connection).await.unwrap();
        }
    })
    .await;
    capture.assert(sent(commands(&["CLUSTER NODES", "GET", "PIPELINE GET"])));
}

#[tokio::test]
async fn a_function_chooses_by_name() {
    let capture = Capture::new();
    let config = config(&capture).filter(|name| name.starts_with('S')).skip(["SADD"]);
    request(&capture, send(&config, &["GET k", "SET k v", "SADD k v", "set k v"])).await;
    capture.assert(sent(commands(&["SET", "SET"])));
}

#[tokio::test]
async fn no_parent_no_span_by_choice() {
    let capture = Capture::new();
    let config = config(&capture).require_parent();
    send(&config, &["PING"]).await;
    assert!(capture.spans().is_empty());
    request(&capture, send(&config, &["GET k"])).await;
    capture.assert(sent(commands(&["GET"])));
}

#[tokio::test]
async fn a_loop_stops_making_spans_and_says_so() {
    let capture = Capture::new();
    let limit = 10;
    let config = config(&capture).rate_limit(limit);
    let start = Instant::now();
    request(&capture, send(&config, &["GET k"; 100])).await;
    request(&capture, send(&config, &["GET k"; 3])).await;
    // A loop that lasts into another second has that second's spans too.
    let seconds = usize::try_from(start.elapsed().as_secs()).unwrap() + 2;

    let traces = capture.traces();
    let children = &traces[0].roots()[0].children;
    let limit = usize::from(limit);
    assert!((limit..=limit * seconds).contains(&children.len()), "{}", children.len());
    let last = |node: &tracewire::test::Node| node.attribute("tracewire.limit_reached").is_some();
    assert_eq!(children.iter().position(last), Some(limit - 1));
    assert_eq!(traces[1].roots()[0].children.len(), 3, "another request has its own");
}

#[tokio::test]
async fn clones_share_settings_and_changes_make_others() {
    let capture = Capture::new();
    let plain = config(&capture);
    let skipping = plain.clone().skip(["GET"]);
    send(&skipping, &["GET k"]).await;
    assert!(capture.spans().is_empty());
    send(&plain, &["GET k"]).await;
    capture.assert(command("GET"));
}

#[tokio::test]
async fn the_connection_below_is_within_reach_and_not_recorded() {
    let capture = Capture::new();
    let fake = Fake::default().database(7);
    let mut connection = Connection::with_config(fake, &config(&capture));
    assert_eq!(connection.notes().len(), 0, "through Deref");
    let below: &mut Fake = &mut connection;
    let _: Value = AsyncCommands::get(below, "k").await.unwrap();
    assert_eq!(redis::aio::ConnectionLike::get_db(&connection), 7);
    let mut below = connection.into_inner();
    let _: Value = AsyncCommands::get(&mut below, "k").await.unwrap();
    assert!(capture.spans().is_empty());
}
