//! The blocking wrapper.

use redis::{Commands, ConnectionLike, RedisResult, Value};
use tracewire::redis::{QueryText, SyncConnection};
use tracewire::test::{Capture, expect};
use tracewire_redis_tests::{Fake, Moment, Reply, command, config, refused};

use crate::server_error;
use crate::spans::{batch, words};

#[test]
fn commands_are_spans_and_current() {
    let capture = Capture::new();
    let fake = Fake::default();
    let mut connection = SyncConnection::with_config(fake.clone(), &config(&capture));
    let _: Value = connection.get("k").unwrap();
    capture.assert(command("GET"));
    let span = capture.spans()[0].span_context.span_id();
    assert_eq!(fake.notes(), [(Moment::Call, span)]);
}

#[test]
fn packed_commands_are_read() {
    for (packed, name, text) in [
        (words("SET k v").get_packed_command(), "SET", "SET k ?"),
        (words("CLUSTER INFO").get_packed_command(), "CLUSTER INFO", "CLUSTER INFO"),
        (b"nonsense".to_vec(), "_OTHER", "_OTHER"),
        (Vec::new(), "_OTHER", "_OTHER"),
    ] {
        let capture = Capture::new();
        let config = config(&capture).query_text(QueryText::Keys);
        let mut connection = SyncConnection::with_config(Fake::default(), &config);
        connection.req_packed_command(&packed).unwrap();
        capture.assert(command(name).attribute("db.query.text", text));
    }
}

#[test]
fn batches_are_one_span() {
    for (lines, atomic, name, size, text) in [
        (&["SET a 1", "SET b 2"][..], false, "PIPELINE SET", Some(2), "SET a ?; SET b ?"),
        (&["SET a 1", "GET a", "SET b 2"], false, "PIPELINE", Some(3), "SET a ?; GET a; SET b ?"),
        (&["SET a 1", "SET b 2"], true, "MULTI SET", Some(2), "SET a ?; SET b ?"),
        (&["SET a 1", "GET a"], true, "MULTI", Some(2), "SET a ?; GET a"),
        (&["SET a 1"], true, "MULTI SET", None, "SET a ?"),
        (&["SET a 1"], false, "SET", None, "SET a ?"),
    ] {
        let capture = Capture::new();
        let config = config(&capture).query_text(QueryText::Keys);
        let reply = Value::Array(vec![Value::Array(Vec::new()); lines.len()]);
        let fake = Fake::new([Reply::Value(reply)]);
        let mut connection = SyncConnection::with_config(fake, &config);
        let mut batch = batch(lines);
        if atomic {
            batch.atomic();
        }
        let _: RedisResult<Value> = batch.query(&mut connection);
        let expected = command(name).attribute("db.query.text", text);
        capture.assert(match size {
            Some(size) => expected.attribute("db.operation.batch.size", size),
            None => expected.without("db.operation.batch.size"),
        });
    }
}

#[test]
fn errors_are_on_the_span() {
    let capture = Capture::new();
    let fake = Fake::new([
        Reply::Value(server_error("WRONGTYPE it is")),
        Reply::Value(Value::Array(vec![Value::Okay, server_error("OOM no room")])),
        Reply::Silence,
    ]);
    let mut connection = SyncConnection::with_config(fake, &config(&capture));
    connection.get::<_, Value>("k").unwrap_err();
    batch(&["SET a 1", "SET b 1"]).query::<Value>(&mut connection).unwrap_err();
    connection.get::<_, Value>("k").unwrap_err();
    let traces = capture.traces();
    traces[0].assert(refused("GET", "WRONGTYPE"));
    traces[1].assert(refused("PIPELINE SET", "OOM"));
    traces[2].assert(expect::span("GET").client().error("timeout"));
}

#[test]
fn a_panic_of_the_driver_is_on_the_span() {
    let capture = Capture::new();
    let mut connection = SyncConnection::with_config(Fake::new([Reply::Panic]), &config(&capture));
    let get = || connection.get::<_, Value>("k");
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(get)).unwrap_err();
    capture.assert(expect::span("GET").client().error("panic"));
}

#[test]
fn the_rest_is_the_connections_own() {
    let capture = Capture::new();
    let fake = Fake::default().database(5);
    let mut connection = SyncConnection::with_config(fake, &config(&capture));
    assert_eq!(connection.get_db(), 5);
    assert!(connection.is_open() && connection.check_connection());
    assert!(connection.supports_pipelining());
    let _: Value = Commands::get(connection.inner_mut(), "k").unwrap();
    let _: Value = Commands::get(&mut connection.into_inner(), "k").unwrap();
    assert!(capture.spans().is_empty());
}
