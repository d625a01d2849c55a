//! What is measured only where somebody asks for it.

/// What is measured besides durations, and how many series there may be; for
/// [`Telemetry::measure`](crate::Telemetry::measure).
///
/// The conventions leave all of it to choice, so nothing is on at first.
#[derive(Clone, Debug)]
pub struct Choice {
    pub(crate) active_requests: bool,
    pub(crate) body_sizes: bool,
    pub(crate) returned_rows: bool,
    pub(crate) server_address: bool,
    pub(crate) url_template: bool,
    pub(super) connection_pools: bool,
    pub(super) most_series: usize,
}

/// Fewer than the 2000 at which OpenTelemetry's SDK stops.
const MOST_SERIES: usize = 1000;

impl Choice {
    /// Durations alone.
    pub fn new() -> Self {
        Self {
            active_requests: false,
            body_sizes: false,
            returned_rows: false,
            server_address: false,
            url_template: false,
            connection_pools: false,
            most_series: MOST_SERIES,
        }
    }

    /// Counts requests under way: `http.server.active_requests`, `http.client.active_requests`.
    #[must_use]
    pub fn active_requests(self) -> Self {
        Self { active_requests: true, ..self }
    }

    /// Measures bodies: `http.server.request.body.size`, `http.server.response.body.size` and the
    /// same of clients. A request's is what its `content-length` says, and not known without one; a
    /// response's is what has passed.
    #[must_use]
    pub fn body_sizes(self) -> Self {
        Self { body_sizes: true, ..self }
    }

    /// Counts rows: `db.client.response.returned_rows`.
    #[must_use]
    pub fn returned_rows(self) -> Self {
        Self { returned_rows: true, ..self }
    }

    /// Measures connection pools, `db.client.connection.*`: those of [`sqlx::Pool`] and each
    /// [`ConnectionPool`].
    ///
    /// [`sqlx::Pool`]: ../sqlx/struct.Pool.html
    /// [`ConnectionPool`]: crate::metrics::ConnectionPool
    #[must_use]
    pub fn connection_pools(self) -> Self {
        Self { connection_pools: true, ..self }
    }

    /// Has `server.address` and `server.port` on the metrics of servers, too. They are what the
    /// caller says, who can make any number of series of them until the bound is reached.
    #[must_use]
    pub fn server_address(self) -> Self {
        Self { server_address: true, ..self }
    }

    /// Has `url.template` on the metrics of HTTP clients.
    #[must_use]
    pub fn url_template(self) -> Self {
        Self { url_template: true, ..self }
    }

    /// How many series one instrument may have; 1000 by default. What would be one more is counted
    /// in the series whose only attribute is `otel.metric.overflow`.
    #[must_use]
    pub fn most_series(self, most_series: usize) -> Self {
        Self { most_series, ..self }
    }
}

impl Default for Choice {
    fn default() -> Self {
        Self::new()
    }
}
