//! Metrics of what is traced, from the same layers and wrappers.
//!
//! There is nothing to add to a program: whatever has a span is measured too, whether it is sampled
//! or not. Measurements go to [`Telemetry::meter_provider`], or to OpenTelemetry's global meter
//! provider.
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
//! # Providers that are not the SDK's
//!
//! Series are bound once and then used without looking them up. OpenTelemetry's SDK can do that; a
//! meter provider that is not built on it has to implement `bind` of its instruments.

mod pool;

use crate::Telemetry;

pub use crate::measure::{Attributes, Choice, ExemplarFilter, InUse, PoolNumbers, Waiting};
pub use pool::ConnectionPool;

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
