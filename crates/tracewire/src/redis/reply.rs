//! What a reply says: did it work, was it found.

use std::borrow::Cow;

use opentelemetry::KeyValue;
use redis::{ErrorKind, RedisError, RedisResult, ServerError, Value};

use crate::span::attributes::{CACHE_HIT, DB_RESPONSE_STATUS_CODE};
use crate::span::{Operation, Outcome};

/// What stands for a failure that has no name of its own.
const OTHER: &str = "_OTHER";

/// Errors lie no deeper than this: in a pipeline's list, in the list of an `EXEC` in it, in what a
/// script returned there.
const DEEPEST: usize = 16;

/// The reply to one command or to many.
pub(super) trait Reply {
    /// The first error the server reported. The driver hands such errors on as values and makes
    /// them errors only after we have seen them.
    fn error(&self) -> Option<&ServerError>;

    /// Whether everything asked for was there.
    fn is_hit(&self) -> bool;
}

impl Reply for Value {
    fn error(&self) -> Option<&ServerError> {
        error_in(self, DEEPEST)
    }

    fn is_hit(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Array(items) | Value::Set(items) => {
                !items.is_empty() && !items.contains(&Value::Nil)
            }
            Value::Map(items) => !items.is_empty(),
            Value::Attribute { data, .. } => data.is_hit(),
            _ => true,
        }
    }
}

impl Reply for Vec<Value> {
    fn error(&self) -> Option<&ServerError> {
        self.iter().find_map(|value| error_in(value, DEEPEST))
    }

    fn is_hit(&self) -> bool {
        self.iter().all(Reply::is_hit)
    }
}

/// Ends the operation as the result tells.
pub(super) fn finish<T: Reply>(operation: &mut Operation, result: &RedisResult<T>, is_read: bool) {
    if !operation.is_watched() {
        return operation.end(Outcome::Success);
    }
    let (status_code, error_type) = match result {
        Ok(reply) => match reply.error() {
            Some(error) => from_server(error.code()),
            None => {
                if is_read {
                    operation.set_one(KeyValue::new(CACHE_HIT, reply.is_hit()));
                }
                return operation.end(Outcome::Success);
            }
        },
        Err(error) => match error.code() {
            Some(code) => from_server(code),
            None => (None, Cow::Borrowed(client_error(error))),
        },
    };
    if let Some(code) = status_code {
        operation.label(|labels| labels.text(DB_RESPONSE_STATUS_CODE, &code));
        operation.set_one(KeyValue::new(DB_RESPONSE_STATUS_CODE, code));
    }
    // No description: messages of the server quote arguments.
    operation.end(Outcome::error(error_type));
}

fn error_in(value: &Value, depth: usize) -> Option<&ServerError> {
    let depth = depth.checked_sub(1)?;
    match value {
        Value::ServerError(error) => Some(error),
        Value::Array(items) | Value::Set(items) | Value::Push { data: items, .. } => {
            items.iter().find_map(|item| error_in(item, depth))
        }
        Value::Map(items) => items
            .iter()
            .find_map(|(key, value)| error_in(key, depth).or_else(|| error_in(value, depth))),
        Value::Attribute { data, .. } => error_in(data, depth),
        _ => None,
    }
}

/// The prefix of an error message. Scripts make messages of their own, so only what looks like a
/// prefix is taken for one.
fn from_server(prefix: &str) -> (Option<Cow<'static, str>>, Cow<'static, str>) {
    const KNOWN: &[&str] = &[
        "ERR",
        "WRONGTYPE",
        "MOVED",
        "ASK",
        "NOSCRIPT",
        "EXECABORT",
        "OOM",
        "READONLY",
        "LOADING",
        "BUSY",
        "NOAUTH",
        "WRONGPASS",
        "NOPERM",
        "CLUSTERDOWN",
        "CROSSSLOT",
        "TRYAGAIN",
        "MASTERDOWN",
        "MISCONF",
        "NOREPLICAS",
        "BUSYGROUP",
        "NOGROUP",
        "BUSYKEY",
        "NOTBUSY",
        "UNBLOCKED",
        "NOPROTO",
        "NOSUB",
    ];
    let is_prefix = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let code = match KNOWN.iter().find(|known| **known == prefix) {
        Some(known) => Cow::Borrowed(*known),
        None if (1..=32).contains(&prefix.len()) && prefix.bytes().all(is_prefix) => {
            Cow::Owned(prefix.to_owned())
        }
        None => return (None, Cow::Borrowed(OTHER)),
    };
    (Some(code.clone()), code)
}

/// A name for what went wrong on this side of the connection.
fn client_error(error: &RedisError) -> &'static str {
    match error.kind() {
        ErrorKind::Io if error.is_timeout() => "timeout",
        ErrorKind::Io if error.is_connection_refusal() => "connection_refused",
        ErrorKind::Io if error.is_connection_dropped() => "connection_dropped",
        ErrorKind::Io => "io",
        ErrorKind::Parse => "parse",
        ErrorKind::AuthenticationFailed => "authentication_failed",
        ErrorKind::UnexpectedReturnType => "unexpected_return_type",
        ErrorKind::InvalidClientConfig => "invalid_client_config",
        ErrorKind::Client => "client",
        ErrorKind::MasterNameNotFoundBySentinel => "master_name_not_found",
        ErrorKind::NoValidReplicasFoundBySentinel => "no_valid_replicas",
        ErrorKind::EmptySentinelList => "empty_sentinel_list",
        ErrorKind::ClusterConnectionNotFound => "cluster_connection_not_found",
        ErrorKind::RESP3NotSupported => "resp3_not_supported",
        _ => OTHER,
    }
}
