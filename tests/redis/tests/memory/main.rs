//! The wrapper over a connection that answers from memory.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod blocking;
mod context;
mod errors;
mod settings;
mod spans;
mod types;

use redis::{RedisError, ServerError, Value};
use tracewire_redis_tests::Reply;

/// A reply of the server that says no.
fn server_error(line: &str) -> Value {
    let parsed = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
    let is_error = |error: &ServerError| !error.code().is_empty();
    assert!(matches!(&parsed, Value::ServerError(error) if is_error(error)));
    parsed
}

/// A failure on this side.
fn io_error(kind: std::io::ErrorKind) -> Reply {
    Reply::Error(RedisError::from(std::io::Error::from(kind)))
}

fn bulk(text: &str) -> Value {
    Value::BulkString(text.as_bytes().to_vec())
}
