//! What is an error and what is not.

use std::io::ErrorKind as Io;

use redis::{ErrorKind, RedisError, RedisResult, Value};
use tracewire::redis::Connection;
use tracewire::test::{Capture, expect};
use tracewire_redis_tests::{Fake, Reply, command, config, refused};

use crate::spans::{batch, words};
use crate::{bulk, io_error, server_error};

async fn check(line: &str, reply: Reply, expected: expect::Span) -> RedisResult<Value> {
    let capture = Capture::new();
    let mut connection = Connection::with_config(Fake::new([reply]), &config(&capture));
    let result = words(line).query_async(&mut connection).await;
    capture.assert(expected);
    result
}

async fn check_batch(lines: &[&str], atomic: bool, replies: Vec<Value>, expected: expect::Span) {
    let capture = Capture::new();
    let reply = Reply::Value(Value::Array(replies));
    let mut connection = Connection::with_config(Fake::new([reply]), &config(&capture));
    let mut batch = batch(lines);
    if atomic {
        batch.atomic();
    }
    let _: RedisResult<Value> = batch.query_async(&mut connection).await;
    capture.assert(expected);
}

#[tokio::test]
async fn an_error_of_the_server_is_one_though_it_comes_as_a_value() {
    for (line, code) in [
        ("ERR unknown command 'X'", "ERR"),
        ("WRONGTYPE Operation against a key", "WRONGTYPE"),
        ("NOSCRIPT No matching script", "NOSCRIPT"),
        ("MOVED 1 host:1", "MOVED"),
        ("MY_ERROR of a script", "MY_ERROR"),
    ] {
        let reply = Reply::Value(server_error(line));
        let result = check("GET k", reply, refused("GET", code)).await;
        assert_eq!(result.unwrap_err().code(), Some(code));
    }
}

#[tokio::test]
async fn what_does_not_look_like_a_code_is_not_recorded() {
    let long = "X".repeat(5000);
    for line in ["user-4711 is unknown", "oops", &long] {
        let expected =
            expect::span("EVAL").client().error("_OTHER").without("db.response.status_code");
        let reply = Reply::Value(server_error(line));
        check("EVAL x 0", reply, expected).await.unwrap_err();
    }
}

#[tokio::test]
async fn an_error_within_a_reply_is_one() {
    let error = || server_error("ERR inside");
    let attribute = Value::Attribute { data: Box::new(error()), attributes: Vec::new() };
    for reply in [
        Value::Array(vec![Value::Okay, error()]),
        Value::Set(vec![error()]),
        Value::Map(vec![(bulk("k"), error())]),
        Value::Array(vec![Value::Array(vec![Value::Nil, error()])]),
        attribute,
    ] {
        check("EXEC", Reply::Value(reply), refused("EXEC", "ERR")).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_reply_as_deep_as_any_is_looked_through_without_a_fault() {
    let mut reply = server_error("ERR at the bottom");
    for _ in 0..2000 {
        reply = Value::Array(vec![reply]);
    }
    let capture = Capture::new();
    let fake = Fake::new([Reply::Value(reply)]);
    let mut connection = Connection::with_config(fake, &config(&capture));
    let get = words("EXEC");
    let reply = redis::aio::ConnectionLike::req_packed_command(&mut connection, &get).await;
    assert!(reply.is_ok());
    assert_eq!(capture.open(), 0);
}

#[tokio::test]
async fn nil_is_not_an_error() {
    for reply in [Value::Nil, Value::Array(vec![Value::Nil]), Value::Int(0), bulk("")] {
        check("GET k", Reply::Value(reply), command("GET")).await.unwrap();
    }
}

#[tokio::test]
async fn an_error_in_a_pipeline_or_a_transaction_is_one_of_the_whole() {
    let set_and_get = &["SET k v", "GET k"][..];
    let wrong = || server_error("WRONGTYPE it is");
    for (atomic, replies, expected) in [
        (false, vec![Value::Okay, wrong()], refused("PIPELINE", "WRONGTYPE")),
        (false, vec![server_error("OOM first"), wrong()], refused("PIPELINE", "OOM")),
        (false, vec![Value::Okay, Value::Nil], command("PIPELINE")),
        (true, vec![Value::Array(vec![Value::Okay, wrong()])], refused("MULTI", "WRONGTYPE")),
        (
            true,
            vec![server_error("EXECABORT Transaction discarded")],
            refused("MULTI", "EXECABORT"),
        ),
        // A watched key changed: the caller tries again, nothing failed.
        (true, vec![Value::Nil], command("MULTI")),
        (true, vec![Value::Array(vec![Value::Okay, Value::Nil])], command("MULTI")),
    ] {
        check_batch(set_and_get, atomic, replies, expected).await;
    }
}

#[tokio::test]
async fn failures_on_this_side_have_names() {
    let failure = |kind| Reply::Error(RedisError::from((kind, "no")));
    for (reply, error_type) in [
        (io_error(Io::TimedOut), "timeout"),
        (io_error(Io::ConnectionRefused), "connection_refused"),
        (io_error(Io::BrokenPipe), "connection_dropped"),
        (io_error(Io::UnexpectedEof), "connection_dropped"),
        (io_error(Io::PermissionDenied), "io"),
        (failure(ErrorKind::Parse), "parse"),
        (failure(ErrorKind::AuthenticationFailed), "authentication_failed"),
        (failure(ErrorKind::UnexpectedReturnType), "unexpected_return_type"),
        (failure(ErrorKind::InvalidClientConfig), "invalid_client_config"),
        (failure(ErrorKind::Client), "client"),
        (failure(ErrorKind::ClusterConnectionNotFound), "cluster_connection_not_found"),
        (failure(ErrorKind::Extension), "_OTHER"),
    ] {
        let expected =
            expect::span("GET").client().error(error_type).without("db.response.status_code");
        check("GET k", reply, expected).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_driver_that_makes_an_error_of_it_itself_is_understood() {
    let kind = ErrorKind::Server(redis::ServerErrorKind::ReadOnly);
    let reply = Reply::Error(RedisError::from((kind, "a replica")));
    check("SET k v", reply, refused("SET", "READONLY")).await.unwrap_err();
}

#[tokio::test]
async fn messages_of_the_server_are_not_recorded() {
    let reply = Reply::Value(server_error("ERR unknown command, with args beginning with: secret"));
    let capture = Capture::new();
    let mut connection = Connection::with_config(Fake::new([reply]), &config(&capture));
    let result: RedisResult<Value> = words("OOPS secret").query_async(&mut connection).await;
    result.unwrap_err();
    assert!(!capture.trace().to_string().contains("secret"));
}
