//! What the types promise.

use redis::aio::{ConnectionLike, ConnectionManager, MultiplexedConnection};
use redis::{AsyncCommands, AsyncTypedCommands, Commands, TypedCommands};
use tracewire::redis::{Config, Connection, Pooled, QueryText, SyncConnection};

fn shared<T: Clone + Send + Sync + 'static>() {}
fn sendable<T: Send + 'static>() {}
fn debug<T: std::fmt::Debug>() {}
fn asynchronous<T: ConnectionLike + AsyncCommands + AsyncTypedCommands>() {}
fn blocking<T: redis::ConnectionLike + Commands + TypedCommands>() {}

#[test]
fn wrappers_are_what_they_wrap() {
    shared::<Connection<MultiplexedConnection>>();
    shared::<Connection<ConnectionManager>>();
    shared::<Config>();
    shared::<QueryText>();
    sendable::<SyncConnection<redis::Connection>>();
    sendable::<Connection<deadpool_redis::Connection>>();
    debug::<Config>();
    debug::<Connection<MultiplexedConnection>>();

    asynchronous::<Connection<MultiplexedConnection>>();
    asynchronous::<Connection<ConnectionManager>>();
    asynchronous::<Connection<deadpool_redis::Connection>>();
    asynchronous::<Connection<Pooled<bb8::PooledConnection<'static, redis::Client>>>>();
    asynchronous::<Connection<Pooled<&mut MultiplexedConnection>>>();
    asynchronous::<Connection<Connection<MultiplexedConnection>>>();
    blocking::<SyncConnection<redis::Connection>>();
    blocking::<SyncConnection<redis::Client>>();
    blocking::<SyncConnection<Box<redis::Connection>>>();
}

/// Code written for any connection takes ours, whichever way it asks for one.
#[test]
fn call_sites_need_no_change() {
    async fn by_trait(connection: &mut impl AsyncCommands) -> redis::RedisResult<Option<String>> {
        connection.get("k").await
    }
    async fn by_connection(
        connection: &mut (impl ConnectionLike + Send),
    ) -> redis::RedisResult<Option<String>> {
        redis::pipe().get("k").query_async::<()>(connection).await?;
        redis::Script::new("return 1").invoke_async::<_, ()>(connection).await?;
        redis::cmd("GET").arg("k").query_async(connection).await
    }
    fn blocking(connection: &mut dyn redis::ConnectionLike) -> redis::RedisResult<Option<String>> {
        redis::cmd("GET").arg("k").query(connection)
    }
    fn is_send<T: Send>(_: T) {}
    fn uses(mut one: Connection<MultiplexedConnection>, mut other: SyncConnection<redis::Client>) {
        is_send(by_trait(&mut one));
        is_send(by_connection(&mut one));
        let _ = blocking(&mut other);
    }
    let _ = uses;
}
