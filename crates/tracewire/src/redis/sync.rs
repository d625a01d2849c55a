//! Blocking connections whose commands are recorded.

use std::ops::Deref;

use redis::{Cmd, ConnectionLike, RedisResult, Value};

use super::call::Call;
use super::config::Config;
use super::connection::Opened;
use super::reply::{Reply, finish};

/// A blocking connection whose commands are spans: over `redis::Connection`, a cluster connection,
/// an object of `r2d2`.
///
/// It is a [`ConnectionLike`] itself, so `Commands`, `Cmd::query`, pipelines and scripts take it. It
/// can be dereferenced only for reading, because the driver makes a plain connection of everything
/// that can be for writing; [`inner_mut`](Self::inner_mut) gives what needs more, such as
/// `as_pubsub`.
///
/// ```no_run
/// use redis::Commands;
///
/// let client = redis::Client::open("redis://127.0.0.1")?;
/// let mut connection = tracewire::redis::SyncConnection::new(client.get_connection()?);
/// let price: Option<i64> = connection.get("price")?;
/// # Ok::<(), redis::RedisError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SyncConnection<C> {
    inner: C,
    config: Config,
}

impl<C> SyncConnection<C> {
    /// Records all commands on the process-wide telemetry.
    pub fn new(connection: C) -> Self
    where
        C: ConnectionLike,
    {
        Self::with_config(connection, &Config::new())
    }

    /// Records what `config` says.
    pub fn with_config(connection: C, config: &Config) -> Self
    where
        C: ConnectionLike,
    {
        Self { inner: connection, config: config.clone() }
    }

    /// The connection itself; what goes through it is not recorded.
    pub fn inner_mut(&mut self) -> &mut C {
        &mut self.inner
    }

    /// The connection without the spans.
    pub fn into_inner(self) -> C {
        self.inner
    }
}

impl<C: ConnectionLike> ConnectionLike for SyncConnection<C> {
    fn req_packed_command(&mut self, cmd: &[u8]) -> RedisResult<Value> {
        let Self { inner, config } = self;
        let opened = config.open(Call::Packed(cmd), || inner.get_db());
        send(opened, || inner.req_packed_command(cmd))
    }

    fn req_packed_commands(
        &mut self,
        cmd: &[u8],
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        let Self { inner, config } = self;
        // The replies that are skipped are those to `MULTI` and to each command queued after it.
        let call = Call::PackedPipeline { bytes: cmd, transaction: offset.checked_sub(1) };
        let opened = config.open(call, || inner.get_db());
        send(opened, || inner.req_packed_commands(cmd, offset, count))
    }

    fn req_command(&mut self, cmd: &Cmd) -> RedisResult<Value> {
        let Self { inner, config } = self;
        let opened = config.open(Call::Command(cmd), || inner.get_db());
        send(opened, || inner.req_command(cmd))
    }

    fn get_db(&self) -> i64 {
        self.inner.get_db()
    }

    fn supports_pipelining(&self) -> bool {
        self.inner.supports_pipelining()
    }

    fn check_connection(&mut self) -> bool {
        self.inner.check_connection()
    }

    fn is_open(&self) -> bool {
        self.inner.is_open()
    }
}

impl<C> Deref for SyncConnection<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.inner
    }
}

/// Lets the driver work, with the operation current if there is one.
fn send<T: Reply>(
    opened: Option<Opened>,
    driver: impl FnOnce() -> RedisResult<T>,
) -> RedisResult<T> {
    let Some(Opened { mut operation, is_read }) = opened else {
        return driver();
    };
    let result = {
        let _entered = operation.enter();
        driver()
    };
    finish(&mut operation, &result, is_read);
    result
}
