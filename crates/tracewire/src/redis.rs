//! Redis: every command, pipeline and transaction is a span, call sites unchanged.
//!
//! [`Connection`] goes around any asynchronous connection of the `redis` crate — a
//! `MultiplexedConnection`, a `ConnectionManager`, one of a cluster or of `deadpool` — and is one
//! itself; [`Pooled`] makes one of what only dereferences to one, such as the objects of `bb8`.
//! [`SyncConnection`] does the same for blocking connections. [`Config`] says what is recorded.
//!
//! ```
//! use redis::AsyncCommands;
//! use tracewire::redis::{Config, Connection};
//!
//! # #[derive(Default)]
//! # struct Memory;
//! # impl redis::aio::ConnectionLike for Memory {
//! #     fn req_packed_command<'a>(&'a mut self, _: &'a redis::Cmd) -> redis::RedisFuture<'a, redis::Value> {
//! #         Box::pin(std::future::ready(Ok(redis::Value::Int(4200))))
//! #     }
//! #     fn req_packed_commands<'a>(&'a mut self, _: &'a redis::Pipeline, _: usize, _: usize) -> redis::RedisFuture<'a, Vec<redis::Value>> {
//! #         Box::pin(std::future::ready(Ok(Vec::new())))
//! #     }
//! #     fn get_db(&self) -> i64 { 0 }
//! # }
//! # #[cfg(feature = "test")]
//! # futures_executor::block_on(async {
//! # let connect = async || Memory;
//! # let capture = tracewire::test::Capture::new();
//! # let config = Config::new().telemetry(&capture.telemetry());
//! // `connect` stands for `client.get_connection_manager()` and its like.
//! let mut connection = Connection::with_config(connect().await, &config);
//! let price: i64 = connection.get("price:7").await?;
//!
//! # use tracewire::test::expect;
//! capture.assert(
//!     expect::span("GET").client().attribute("db.system.name", "redis").without("db.query.text"),
//! );
//! # assert_eq!(price, 4200);
//! # redis::RedisResult::Ok(())
//! # }).unwrap();
//! ```
//!
//! # Spans
//!
//! They are of kind client and follow the database conventions and those for Redis (semantic
//! conventions 1.44, "Redis client operations"):
//!
//! | what is sent | name and `db.operation.name` |
//! |---|---|
//! | a command | `GET`, `CLUSTER INFO`; upper case, with the subcommand where the command has known ones |
//! | a pipeline | `PIPELINE`, or `PIPELINE SET` where all commands are the same; a pipeline of one command is that command |
//! | an atomic pipeline | `MULTI`, or `MULTI SET` where all commands are the same |
//!
//! A name that is no plain word of at most 64 letters, digits, dots, dashes and underscores is
//! `_OTHER`: names are low in cardinality.
//!
//! | attribute | when | value |
//! |---|---|---|
//! | `db.system.name` | always | `redis` |
//! | `db.namespace` | always | the index of the database, as the connection was opened with; `SELECT` does not change it |
//! | `db.operation.name` | always | the name of the span |
//! | `server.address`, `server.port` | by [`Config::server`] or [`Config::server_address`] | the port only if it is not 6379 |
//! | `db.operation.batch.size` | pipelines and transactions | how many commands; never 1 |
//! | `db.stored_procedure.name` | `EVALSHA`, `FCALL` and their `_RO` forms | the hash of the script, the name of the function |
//! | `db.query.text` | by [`Config::query_text`] | what was sent, values always `?` |
//! | `cache.hit` | reads, by [`Config::cache_hit`] | see below |
//! | `tracewire.limit_reached` | by [`Config::rate_limit`] | true on the last span before the limit |
//! | `db.response.status_code` | the server refused | the prefix of its message: `WRONGTYPE`, `NOSCRIPT` |
//! | `error.type` | it failed | the same, or one of the table below |
//!
//! All but the last two and `cache.hit` are there when the span starts, so samplers see them.
//!
//! # Errors
//!
//! What the server refuses is an error on the span, also where the driver hands it on as a value:
//! within pipelines, within the replies of `EXEC`, and where `ignore_errors` keeps it from the
//! caller. A pipeline has the first error of its commands. `nil` is not an error, nor is a
//! transaction that did not happen because a watched key had changed. The server's messages quote
//! arguments and are never recorded.
//!
//! | `error.type` | the driver's `ErrorKind` |
//! |---|---|
//! | `timeout`, `connection_refused`, `connection_dropped`, `io` | `Io` |
//! | `parse` | `Parse` |
//! | `authentication_failed` | `AuthenticationFailed` |
//! | `unexpected_return_type` | `UnexpectedReturnType` |
//! | `invalid_client_config` | `InvalidClientConfig` |
//! | `client` | `Client` |
//! | `cluster_connection_not_found` | `ClusterConnectionNotFound` |
//! | `master_name_not_found`, `no_valid_replicas`, `empty_sentinel_list` | those of Sentinel |
//! | `resp3_not_supported` | `RESP3NotSupported` |
//! | `_OTHER` | anything else, and messages of scripts that do not begin with a code |
//!
//! A command whose future is dropped ends without an error: the caller gave it up. A multiplexed
//! connection may still carry it out.
//!
//! # Query text
//!
//! Off until [`Config::query_text`] turns it on. Values are never shown; with [`QueryText::Keys`]
//! keys, hash fields and channels are. What is a key is known for each command from a table; every
//! argument of a command that is not in it counts as a value, and so do those of `AUTH`, `HELLO`,
//! `ACL`, `CONFIG SET`, `MIGRATE` and whatever else takes secrets. The text of a pipeline joins its
//! commands with `; `, or is that of one command if all read the same. Texts end after about 1024
//! bytes, keys after 128.
//!
//! # Hit or miss
//!
//! [`Config::cache_hit`] adds `cache.hit` to what reads from a cache: `GET`, `GETEX`, `GETDEL`,
//! `MGET`, `HGET`, `HMGET`, `HGETALL`, `HGETEX`, `HGETDEL`, `LRANGE`, `SMEMBERS`, `ZRANGE`, `ZSCORE`,
//! `JSON.GET`, `JSON.MGET`. It is true if all that was asked for was there: no `nil` among the
//! replies, and no empty list. Batches have none. The semantic conventions have no attribute for
//! it; this name is the one in widest use.
//!
//! # Too many spans
//!
//! Commands are cheap and many. A trace can be kept readable with pipelines, which are one span,
//! and with [`Config::skip`], [`Config::filter`], [`Config::require_parent`] and
//! [`Config::rate_limit`]. Commands that are left out run as if the wrapper were not there.
//!
//! # What is not seen
//!
//! - What goes around the connection's own interface: methods that it has besides, reached by
//!   dereferencing (`subscribe`, `send_packed_command`, `route_command`), `Monitor`, and the
//!   handshake.
//! - **Pub/sub**: `PUBLISH` and `SPUBLISH` are spans like other commands. A message that is received
//!   is no command; where its payload has room for a context, record its processing by the
//!   messaging conventions with an operation of your own ([`Telemetry`](crate::Telemetry)).
//!   `BLPOP`, `XREAD` and their kin are commands, and their spans last as long as they block.
//! - In a cluster, redirects, retries and which node answered: `server.address` is what
//!   [`Config::server_address`] says.
//! - Whether the driver's client-side cache answered: such a command is a span as well.
//! - How a pool of connections stands. The driver has none; those around it can be measured with
//!   `metrics::ConnectionPool`.
//!
//! # Cost
//!
//! A command that is not recorded allocates nothing: the driver's own future is returned. One that
//! is recorded allocates four times: the attributes, the span and its context, and a box for the
//! future around the driver's.

mod call;
mod commands;
mod config;
mod connection;
mod future;
mod name;
mod packed;
mod rate;
mod reply;
mod sync;
mod text;
mod words;

pub use config::{Config, QueryText};
pub use connection::{Connection, Pooled};
pub use sync::SyncConnection;
