//! What spans are called and what they say.

use redis::{AsyncCommands, Cmd, Pipeline, Value, cmd, pipe};
use tracewire::redis::{Config, Connection, QueryText};
use tracewire::test::{Capture, expect};
use tracewire_redis_tests::{Fake, Reply, command, config, request, sent};

use crate::bulk;

/// Splits a line into the words of a command.
pub(crate) fn words(line: &str) -> Cmd {
    let mut words = Cmd::new();
    line.split(' ').for_each(|word| {
        words.arg(word);
    });
    words
}

pub(crate) fn batch(lines: &[&str]) -> Pipeline {
    let mut batch = pipe();
    for line in lines {
        batch.add_command(words(line));
    }
    batch
}

async fn check_command(config: Config, capture: &Capture, line: &str, expected: expect::Span) {
    let mut connection = Connection::with_config(Fake::default(), &config);
    let work = async { words(line).query_async::<Value>(&mut connection).await };
    request(capture, work).await.unwrap();
    capture.assert(sent([expected]));
}

async fn check_batch(config: Config, capture: &Capture, batch: &Pipeline, expected: expect::Span) {
    let empty_reply = vec![Value::Array(Vec::new())];
    let replies = [Reply::Value(Value::Array(empty_reply))];
    let mut connection = Connection::with_config(Fake::new(replies), &config);
    let work = async { batch.query_async::<Value>(&mut connection).await };
    request(capture, work).await.unwrap();
    capture.assert(sent([expected]));
}

#[tokio::test]
async fn a_command_is_a_client_span_of_its_name() {
    for (line, name) in [
        ("GET k", "GET"),
        ("get k", "GET"),
        ("CLUSTER INFO", "CLUSTER INFO"),
        ("config set maxmemory 1", "CONFIG SET"),
        ("CLUSTER", "CLUSTER"),
        ("OBJECT user:7 x", "OBJECT"),
        ("hgetall k", "HGETALL"),
        ("my.module_command-2 k", "MY.MODULE_COMMAND-2"),
        ("GET\nk x", "_OTHER"),
        ("ключ x", "_OTHER"),
    ] {
        let capture = Capture::new();
        let expected = command(name)
            .without("db.operation.batch.size")
            .without("db.query.text")
            .without("db.stored_procedure.name")
            .without("cache.hit");
        check_command(config(&capture), &capture, line, expected).await;
    }
    let long = "x".repeat(1_000_000);
    let capture = Capture::new();
    check_command(config(&capture), &capture, &long, command("_OTHER")).await;
}

#[tokio::test]
async fn a_pipeline_is_one_span() {
    for (lines, name, size) in [
        (&["SET a 1", "set b 2"][..], "PIPELINE SET", Some(2)),
        (&["SET a 1", "GET a", "SET a 1"], "PIPELINE", Some(3)),
        (&["FT.X a", "ft.x b"], "PIPELINE FT.X", Some(2)),
        (&["FT.X a", "FT.Y b"], "PIPELINE", Some(2)),
        (&["CLIENT ID", "client id"], "PIPELINE CLIENT ID", Some(2)),
        (&["CLIENT ID", "CLIENT INFO"], "PIPELINE", Some(2)),
        (&["GET a"], "GET", None),
        (&[], "PIPELINE", Some(0)),
    ] {
        let capture = Capture::new();
        let expected = match size {
            Some(size) => command(name).attribute("db.operation.batch.size", size as i64),
            None => command(name).without("db.operation.batch.size"),
        };
        check_batch(config(&capture), &capture, &batch(lines), expected).await;
    }
}

#[tokio::test]
async fn a_transaction_is_one_span() {
    for (lines, name, size) in [
        (&["SET a 1", "SET b 2"][..], "MULTI SET", Some(2)),
        (&["SET a 1", "GET a"], "MULTI", Some(2)),
        (&["SET a 1"], "MULTI SET", None),
        (&["FT.X a"], "MULTI FT.X", None),
        (&[], "MULTI", Some(0)),
    ] {
        let capture = Capture::new();
        let expected = match size {
            Some(size) => command(name).attribute("db.operation.batch.size", size as i64),
            None => command(name).without("db.operation.batch.size"),
        };
        let transaction = batch(lines).atomic().clone();
        check_batch(config(&capture), &capture, &transaction, expected).await;
    }
}

#[tokio::test]
async fn scripts_and_functions_are_named() {
    let sha = "4a2267357833227dd98abdedb8cf24b15a986445";
    for (line, name, procedure) in [
        (format!("EVALSHA {sha} 0"), "EVALSHA", Some(sha)),
        (format!("evalsha_ro {sha} 0"), "EVALSHA_RO", Some(sha)),
        ("FCALL my_function 1 k".to_owned(), "FCALL", Some("my_function")),
        ("EVAL return(1) 0".to_owned(), "EVAL", None),
        (format!("FCALL {} 0", "f".repeat(5000)), "FCALL", None),
        ("FCALL".to_owned(), "FCALL", None),
    ] {
        let capture = Capture::new();
        let expected = match procedure {
            Some(procedure) => command(name).attribute("db.stored_procedure.name", procedure),
            None => command(name).without("db.stored_procedure.name"),
        };
        check_command(config(&capture), &capture, &line, expected).await;
    }
    for (lines, procedure) in
        [(&["FCALL f 0", "FCALL f 1 k"][..], Some("f")), (&["FCALL f 0", "FCALL g 0"], None)]
    {
        let capture = Capture::new();
        let expected = match procedure {
            Some(procedure) => expect::span("PIPELINE FCALL")
                .client()
                .attribute("db.stored_procedure.name", procedure),
            None => expect::span("PIPELINE FCALL").client().without("db.stored_procedure.name"),
        };
        check_batch(config(&capture), &capture, &batch(lines), expected).await;
    }
}

#[tokio::test]
async fn the_text_is_there_by_choice_and_masked() {
    for (what, line, name, text) in [
        (QueryText::Masked, "SET user:7 secret", "SET", "SET ? ?"),
        (QueryText::Keys, "SET user:7 secret", "SET", "SET user:7 ?"),
        (QueryText::Keys, "AUTH user secret", "AUTH", "AUTH ? ?"),
    ] {
        let capture = Capture::new();
        let config = config(&capture).query_text(what);
        let expected = command(name).attribute("db.query.text", text);
        check_command(config, &capture, line, expected).await;
    }
    let capture = Capture::new();
    let transaction = batch(&["SET a secret", "GET a"]).atomic().clone();
    let expected = command("MULTI").attribute("db.query.text", "SET a ?; GET a");
    let keys = config(&capture).query_text(QueryText::Keys);
    check_batch(keys, &capture, &transaction, expected).await;
}

#[tokio::test]
async fn reads_tell_by_choice_whether_they_hit() {
    let list = |items: &[Value]| Value::Array(items.to_vec());
    for (line, reply, hit) in [
        ("GET k", bulk("v"), Some(true)),
        ("GET k", Value::Nil, Some(false)),
        ("get k", bulk(""), Some(true)),
        ("MGET a b", list(&[bulk("v"), bulk("v")]), Some(true)),
        ("MGET a b", list(&[bulk("v"), Value::Nil]), Some(false)),
        ("HGETALL k", list(&[]), Some(false)),
        ("HGETALL k", Value::Map(vec![(bulk("f"), bulk("v"))]), Some(true)),
        ("HGETALL k", Value::Map(vec![]), Some(false)),
        ("SMEMBERS k", Value::Set(vec![bulk("v")]), Some(true)),
        ("SET k v", Value::Okay, None),
        ("LPOP k", Value::Nil, None),
    ] {
        let capture = Capture::new();
        let config = config(&capture).cache_hit();
        let fake = Fake::new([Reply::Value(reply.clone())]);
        let mut connection = Connection::with_config(fake, &config);
        words(line).query_async::<Value>(&mut connection).await.unwrap();
        let spans = capture.trace();
        let found = spans.roots()[0].attribute("cache.hit").cloned();
        assert_eq!(found, hit.map(Into::into), "{line} {reply:?}");
    }
}

#[tokio::test]
async fn the_database_and_the_server_are_on_the_span_from_its_start() {
    for (database, namespace) in [(0, "0"), (3, "3"), (15, "15"), (4711, "4711"), (-1, "-1")] {
        let capture = Capture::new();
        let config = config(&capture).server_address("cache.internal", 6380);
        let fake = Fake::default().database(database);
        let mut connection = Connection::with_config(fake, &config);
        let _: () = connection.set("k", "v").await.unwrap();
        let trace = capture.trace();
        trace.assert(
            command("SET")
                .attribute("db.namespace", namespace)
                .attribute("server.address", "cache.internal")
                .attribute("server.port", 6380),
        );
        let span = &trace.roots()[0].span;
        assert_eq!(capture.attributes_at_start(span), span.attributes);
    }
}

#[tokio::test]
async fn the_address_is_that_of_the_connection_without_its_secrets() {
    for (url, address, port) in [
        ("redis://user:secret@cache.internal/2", Some("cache.internal"), None),
        ("redis://cache.internal:6379", Some("cache.internal"), None),
        ("redis://[::1]:7000", Some("::1"), Some(7000)),
        ("redis+unix:///run/redis.sock?pass=secret", Some("/run/redis.sock"), None),
    ] {
        let capture = Capture::new();
        let info = redis::IntoConnectionInfo::into_connection_info(url).unwrap();
        let config = config(&capture).server_address("replaced", 1).server(&info);
        let mut connection = Connection::with_config(Fake::default(), &config);
        let _: () = connection.get("k").await.unwrap();
        let node = capture.trace().roots()[0].clone();
        assert_eq!(node.attribute("server.address").cloned(), address.map(Into::into), "{url}");
        assert_eq!(
            node.attribute("server.port").cloned(),
            port.map(|port: i64| port.into()),
            "{url}"
        );
        assert!(!capture.trace().to_string().contains("secret"), "{url}");
    }
}

#[tokio::test]
async fn a_command_without_words_is_a_span_too() {
    let capture = Capture::new();
    let mut connection = Connection::with_config(Fake::default(), &config(&capture));
    Cmd::new().query_async::<()>(&mut connection).await.unwrap();
    cmd("").query_async::<()>(&mut connection).await.unwrap();
    for trace in capture.traces() {
        trace.assert(command("_OTHER"));
    }
    assert_eq!(capture.spans().len(), 2);
}
