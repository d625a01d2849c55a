//! Everything that can be sent.

use futures_util::StreamExt as _;
use opentelemetry_sdk::trace::SpanData;
use redis::aio::ConnectionManager;
use redis::{AsyncCommands, Client, RedisResult, Script, cmd, pipe};
use test_support::unique;
use tracewire::redis::{Connection, QueryText};
use tracewire::test::{Capture, expect};
use tracewire_redis_tests::{command, config, redis_url, refused, request, sent};

use crate::{connect, traced};

#[tokio::test]
async fn commands_and_their_replies() {
    let capture = Capture::new();
    let mut connection = traced(&capture).await;
    let key = unique("price");
    request(&capture, async {
        let _: () = connection.set_ex(&key, 4200, 60).await.unwrap();
        let price: i64 = connection.get(&key).await.unwrap();
        assert_eq!(price, 4200);
        let nothing: Option<String> = connection.get(format!("{key}:none")).await.unwrap();
        assert_eq!(nothing, None);
        let price: i64 = cmd("INCR").arg(&key).query_async(&mut connection).await.unwrap();
        assert_eq!(price, 4201);
        let name: String =
            cmd("CLIENT").arg("GETNAME").query_async(&mut connection).await.unwrap_or_default();
        assert_eq!(name, "");
        let _: () = connection.del(&key).await.unwrap();
    })
    .await;
    let names = ["SETEX", "GET", "GET", "INCR", "CLIENT GETNAME", "DEL"];
    let database = |name| command(name).attribute("db.namespace", "0");
    capture.assert(sent(names.map(database)));
}

#[tokio::test]
async fn an_error_of_the_server_is_an_error_of_the_span() {
    let capture = Capture::new();
    let mut connection = traced(&capture).await;
    let key = unique("list");
    request(&capture, async {
        let _: () = connection.rpush(&key, "v").await.unwrap();
        let wrong: RedisResult<String> = connection.get(&key).await;
        assert_eq!(wrong.unwrap_err().code(), Some("WRONGTYPE"));
        let unknown: RedisResult<()> =
            cmd("NO.SUCH").arg("secret").query_async(&mut connection).await;
        unknown.unwrap_err();
        let _: () = connection.del(&key).await.unwrap();
    })
    .await;
    capture.assert(sent([
        command("RPUSH"),
        refused("GET", "WRONGTYPE"),
        refused("NO.SUCH", "ERR"),
        command("DEL"),
    ]));
    assert!(!capture.trace().to_string().contains("secret"));
}

#[tokio::test]
async fn pipelines_and_transactions() {
    let capture = Capture::new();
    let mut connection = traced(&capture).await;
    let (one, other) = (unique("{batch}:one"), unique("{batch}:other"));
    request(&capture, async {
        let mut both = pipe();
        both.set_ex(&one, 1, 60).set_ex(&other, 2, 60);
        both.exec_async(&mut connection).await.unwrap();

        let read: (i64, i64) =
            pipe().atomic().get(&one).get(&other).query_async(&mut connection).await.unwrap();
        assert_eq!(read, (1, 2));

        let mixed: (i64, i64) =
            pipe().incr(&one, 1).get(&other).query_async(&mut connection).await.unwrap();
        assert_eq!(mixed, (2, 2));

        let wrong: RedisResult<()> =
            pipe().set_ex(&one, 1, 60).lpush(&one, 1).exec_async(&mut connection).await;
        assert!(wrong.is_err());

        let wrong: RedisResult<()> =
            pipe().atomic().set_ex(&one, 1, 60).lpush(&one, 1).exec_async(&mut connection).await;
        assert!(wrong.is_err());

        // Refused while it is queued, so that EXEC refuses the whole.
        let refused: RedisResult<()> =
            pipe().atomic().set_ex(&one, 1, 60).cmd("GET").exec_async(&mut connection).await;
        assert!(refused.is_err());

        let partly: Vec<RedisResult<i64>> = pipe()
            .ignore_errors()
            .get(&one)
            .lpush(&one, 1)
            .query_async(&mut connection)
            .await
            .unwrap();
        assert!(partly[0].is_ok() && partly[1].is_err());

        let empty = pipe().exec_async(&mut connection).await;
        assert!(empty.is_err());
        pipe().unlink(&one).unlink(&other).exec_async(&mut connection).await.unwrap();
    })
    .await;
    let two = "db.operation.batch.size";
    capture.assert(sent([
        command("PIPELINE SETEX").attribute(two, 2),
        command("MULTI GET").attribute(two, 2),
        command("PIPELINE").attribute(two, 2),
        refused("PIPELINE", "WRONGTYPE").attribute(two, 2),
        refused("MULTI", "WRONGTYPE").attribute(two, 2),
        refused("MULTI", "EXECABORT").attribute(two, 2),
        refused("PIPELINE", "WRONGTYPE").attribute(two, 2),
        expect::span("PIPELINE").client().attribute(two, 0).error("client"),
        command("PIPELINE UNLINK").attribute(two, 2),
    ]));
}

#[tokio::test]
async fn a_transaction_whose_watched_key_changed_did_not_fail() {
    let capture = Capture::new();
    let mut connection = Connection::with_config(connect().await, &config(&capture));
    let mut other = connect().await;
    let key = unique("watched");
    request(&capture, async {
        cmd("WATCH").arg(&key).exec_async(&mut connection).await.unwrap();
        let _: () = other.set_ex(&key, "changed", 60).await.unwrap();
        let aborted: Option<(String,)> =
            pipe().atomic().get(&key).query_async(&mut connection).await.unwrap();
        assert_eq!(aborted, None);
    })
    .await;
    capture.assert(sent([command("WATCH"), command("MULTI GET")]));
}

#[tokio::test]
async fn a_script_the_server_does_not_have_is_three_spans_and_then_one() {
    let capture = Capture::new();
    let mut connection = traced(&capture).await;
    let key = unique("script");
    let script = Script::new(&format!("return {{KEYS[1], '{key}'}}"));
    request(&capture, async {
        for _ in 0..2 {
            let read: Vec<String> = script.key(&key).invoke_async(&mut connection).await.unwrap();
            assert_eq!(read, [key.clone(), key.clone()]);
        }
        let broken = Script::new("return redis.error_reply('CUSTOM ' .. KEYS[1])");
        let failed: RedisResult<()> = broken.key("secret").invoke_async(&mut connection).await;
        failed.unwrap_err();
        let _: RedisResult<()> = broken.key("secret").invoke_async(&mut connection).await;
    })
    .await;
    let trace = capture.trace();
    let names: Vec<_> =
        trace.roots()[0].children.iter().map(|node| node.span.name.as_ref()).collect();
    assert_eq!(names[..4], ["EVALSHA", "SCRIPT LOAD", "EVALSHA", "EVALSHA"]);
    let sha = script.get_hash();
    let children = &trace.roots()[0].children;
    let procedure = |index: usize| {
        children[index].attribute("db.stored_procedure.name").map(ToString::to_string)
    };
    assert_eq!(procedure(0).as_deref(), Some(sha));
    assert_eq!(procedure(1), None);
    assert_eq!(
        children[0].attribute("error.type").map(ToString::to_string).as_deref(),
        Some("NOSCRIPT")
    );
    assert_eq!(children[3].attribute("error.type"), None);
    let last = children.last().unwrap().attribute("error.type").map(ToString::to_string);
    assert_eq!(last.as_deref(), Some("CUSTOM"));
    assert!(!trace.to_string().contains("secret"));
}

#[tokio::test]
async fn every_batch_of_a_scan_is_a_span() {
    let capture = Capture::new();
    let mut connection = traced(&capture).await;
    let key = unique("scan");
    let members: Vec<String> = (0..1000).map(|member| format!("member-{member}")).collect();
    let mut found = request(&capture, async {
        let _: () = connection.sadd(&key, &members).await.unwrap();
        let _: () = connection.expire(&key, 60).await.unwrap();
        let scan = connection.sscan::<_, String>(&key).await.unwrap();
        let found: Vec<String> = scan.map(Result::unwrap).collect().await;
        let _: () = connection.del(&key).await.unwrap();
        found
    })
    .await;
    found.sort();
    found.dedup();
    assert_eq!(found.len(), members.len());
    let spans = capture.spans();
    let scans = spans.iter().filter(|span| span.name == "SSCAN").count();
    assert!(scans > 2, "{scans}");
    let names: Vec<_> =
        spans.iter().map(|span| span.name.as_ref()).filter(|name| *name != "SSCAN").collect();
    assert_eq!(names, ["SADD", "EXPIRE", "DEL", "request"]);
}

#[tokio::test]
async fn a_connection_manager_is_a_connection() {
    let capture = Capture::new();
    let client = Client::open(redis_url()).unwrap();
    let config = config(&capture).server(client.get_connection_info()).query_text(QueryText::Keys);
    let manager: ConnectionManager = client.get_connection_manager().await.unwrap();
    let mut connection = Connection::with_config(manager, &config);
    let key = unique("managed");
    request(&capture, async {
        let _: () = connection.set_ex(&key, "v", 60).await.unwrap();
        let _: () = connection.clone().del(&key).await.unwrap();
    })
    .await;
    capture.assert(sent([
        command("SETEX").attribute("db.query.text", format!("SETEX {key} ? ?")),
        command("DEL").attribute("db.query.text", format!("DEL {key}")),
    ]));
    let trace = capture.trace();
    assert!(trace.roots()[0].children[0].attribute("server.address").is_some());
}

#[tokio::test]
async fn messages_published_are_spans() {
    let capture = Capture::new();
    let mut connection = traced(&capture).await;
    let channel = unique("channel");
    let client = Client::open(redis_url()).unwrap();
    let mut subscription = client.get_async_pubsub().await.unwrap();
    subscription.subscribe(&channel).await.unwrap();
    request(&capture, async {
        let receivers: i64 = connection.publish(&channel, "hello").await.unwrap();
        assert_eq!(receivers, 1);
    })
    .await;
    let message = subscription.on_message().next().await.unwrap();
    assert_eq!(message.get_payload::<String>().unwrap(), "hello");
    capture.assert(sent([command("PUBLISH")]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_side_by_side_keep_their_own_spans() {
    const REQUESTS: usize = 50;
    let capture = Capture::new();
    let connection = traced(&capture).await;
    let prefix = unique("side-by-side");
    let tasks = (0..REQUESTS).map(|number| {
        let (capture, mut connection) = (capture.clone(), connection.clone());
        let key = format!("{prefix}:{number}");
        tokio::spawn(async move {
            request(&capture, async {
                let _: () = connection.set_ex(&key, number, 60).await.unwrap();
                let read: usize = connection.get(&key).await.unwrap();
                assert_eq!(read, number);
                let mut second = connection.clone();
                let (one, other) = tokio::join!(connection.incr(&key, 1), second.strlen(&key));
                let _: (i64, i64) = (one.unwrap(), other.unwrap());
                let _: () = connection.del(&key).await.unwrap();
            })
            .await;
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let traces = capture.traces();
    assert_eq!(traces.len(), REQUESTS);
    for trace in traces {
        let names = ["SETEX", "GET", "INCRBY", "STRLEN", "DEL"];
        trace.assert(sent(names.map(command)).in_any_order());
    }
    let durations = |span: &SpanData| span.end_time >= span.start_time;
    assert!(capture.spans().iter().all(durations));
}
