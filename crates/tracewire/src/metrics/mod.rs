//! Metrics of what is traced, from the same layers and wrappers.
//!
//! There is nothing to add to a program: whatever has a span is measured too, whether it is sampled
//! or not. Measurements go to [`Telemetry::meter_provider`], or to OpenTelemetry's global meter
//! provider; those of a [`Telemetry::propagate_only`] only to the former.
//!
//! | metric | of | by choice |
//! |---|---|---|
//! | `http.server.request.duration` | server layers | |
//! | `http.client.request.duration` | client layers | |
//! | `rpc.server.call.duration`, `rpc.client.call.duration` | the layers for gRPC | |
//! | `db.client.operation.duration` | databases and caches | |
//! | `messaging.client.operation.duration` | sending, receiving, settling | |
//! | `messaging.process.duration` | processing | |
//! | `messaging.client.sent.messages` | sending | |
//! | `messaging.client.consumed.messages` | receiving, or processing what nobody has received before | |
//! | `http.server.active_requests`, `http.client.active_requests` | | [`Choice::active_requests`] |
//! | `http.server.request.body.size` and the other three | | [`Choice::body_sizes`] |
//! | `db.client.response.returned_rows` | databases | [`Choice::returned_rows`] |
//! | `db.client.connection.*` | connection pools | [`Choice::connection_pools`] |
//!
//! Units, bucket boundaries and attributes are those of the semantic conventions 1.44.0. A duration
//! is the span's, `error.type` is the span's, and the span is current when it is recorded, so that
//! exemplars can lead to it.
//!
//! # Cardinality
//!
//! No attribute is what a stranger says: the route and never the path, `_OTHER` for a method or a
//! scheme that is not known, no host of a server's request. What a program adds, or may add without
//! knowing, such as the hosts it calls, is bounded: [`Choice::most_series`].
//!
//! # Connection pools
//!
//! Their metrics are named by the pool, `host:port/database` or what
//! [`sqlx::Settings::pool_name`](../sqlx/struct.Settings.html#method.pool_name) says. The
//! conventions have no buckets for them; they have those of `db.client.operation.duration`.
//!
//! | `db.client.connection.` | of sqlx |
//! |---|---|
//! | `count`, `max`, `idle.min` | what the pool says of itself when somebody collects |
//! | `idle.max` | the same as `max`, as sqlx has no other limit |
//! | `pending_requests`, `wait_time`, `use_time` | what is taken through [`sqlx::Pool`](../sqlx/struct.Pool.html), statements included |
//! | `timeouts` | sqlx's `PoolTimedOut` of the same |
//! | `create_time` | how long it took to obtain a connection where none was idle, there was room for one more, and the pool has grown |
//!
//! What cannot be told: connections taken from sqlx's own pool, by `Deref` or `Acquire`, are in
//! `count` alone. sqlx tells nobody when it makes a connection, so `create_time` is inferred. Those
//! that it makes unasked, for `connect` or `min_connections`, or in place of a broken one while the
//! pool is full, have none; that of the others has the time in it that sqlx spends on retries and
//! `after_connect`. Where several ask at the same time and the pool grows for one of them, another
//! that is handed a connection which was given back meanwhile counts as well.
//!
//! A pool is looked at until the last wrapper of it is dropped. One that was made before the telemetry
//! is measured from its first use on.
//!
//! Clients of Redis have no pools: a multiplexed connection or a connection manager is one
//! connection, which everybody uses at the same time. Nobody borrows it, and the driver does not tell
//! when it connects anew. Pools around them, such as those of bb8 and deadpool, hand out connections
//! without a word; [`ConnectionPool`] measures them with a few lines where they are used.
//!
//! # Providers that are not the SDK's
//!
//! Series are bound once and then used without looking them up. OpenTelemetry's SDK can do that; a
//! meter provider that is not built on it has to implement `bind` of its instruments.

mod hook;
mod pool;

use crate::Telemetry;

pub use crate::measure::{Attributes, Choice, ExemplarFilter, InUse, PoolNumbers, Waiting};
pub use pool::ConnectionPool;

pub(crate) use hook::on_measurement;

impl Telemetry {
    /// Says what is measured besides durations.
    ///
    /// ```
    /// use tracewire::{Telemetry, metrics::Choice};
    ///
    /// Telemetry::default().measure(Choice::new().active_requests().body_sizes()).install();
    /// ```
    #[must_use]
    pub fn measure(self, choice: Choice) -> Self {
        self.change_measuring(|measuring| measuring.choose(choice))
    }
}
