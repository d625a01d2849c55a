//! The instruments: names, units and bucket boundaries of the semantic conventions 1.44.0.

/// One instrument.
#[derive(Debug)]
pub(crate) struct Instrument {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) description: &'static str,
    pub(crate) kind: Kind,
}

/// What an instrument does with its values.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A histogram of seconds with these upper bounds.
    Seconds(&'static [f64]),
    /// A histogram of whole numbers with these upper bounds; none where the conventions name none.
    Amounts(&'static [f64]),
    /// A sum of whole numbers that only grows.
    Counter,
    /// A sum of whole numbers that goes up and down.
    UpDown,
}

impl Kind {
    /// The upper bounds of a histogram's buckets; where the conventions name none, those that
    /// OpenTelemetry has then.
    pub(crate) fn bounds(self) -> Option<&'static [f64]> {
        match self {
            Self::Amounts([]) => Some(USUAL),
            Self::Seconds(bounds) | Self::Amounts(bounds) => Some(bounds),
            Self::Counter | Self::UpDown => None,
        }
    }
}

const USUAL: &[f64] = &[
    0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1_000.0, 2_500.0, 5_000.0,
    7_500.0, 10_000.0,
];
const REQUESTS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
const DATABASE: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];
const ROWS: &[f64] =
    &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0];

macro_rules! instruments {
    ($($constant:ident: $name:literal, $unit:literal, $kind:expr, $description:literal;)*) => {
        $(
            pub(super) static $constant: Instrument =
                Instrument { name: $name, unit: $unit, description: $description, kind: $kind };
        )*
    };
}

instruments! {
    HTTP_SERVER_DURATION: "http.server.request.duration", "s", Kind::Seconds(REQUESTS), "Duration of HTTP server requests.";
    HTTP_SERVER_ACTIVE: "http.server.active_requests", "{request}", Kind::UpDown, "Number of active HTTP server requests.";
    HTTP_SERVER_REQUEST_SIZE: "http.server.request.body.size", "By", Kind::Amounts(&[]), "Size of HTTP server request bodies.";
    HTTP_SERVER_RESPONSE_SIZE: "http.server.response.body.size", "By", Kind::Amounts(&[]), "Size of HTTP server response bodies.";
    HTTP_CLIENT_DURATION: "http.client.request.duration", "s", Kind::Seconds(REQUESTS), "Duration of HTTP client requests.";
    HTTP_CLIENT_ACTIVE: "http.client.active_requests", "{request}", Kind::UpDown, "Number of active HTTP requests.";
    HTTP_CLIENT_REQUEST_SIZE: "http.client.request.body.size", "By", Kind::Amounts(&[]), "Size of HTTP client request bodies.";
    HTTP_CLIENT_RESPONSE_SIZE: "http.client.response.body.size", "By", Kind::Amounts(&[]), "Size of HTTP client response bodies.";
    DB_DURATION: "db.client.operation.duration", "s", Kind::Seconds(DATABASE), "Duration of database client operations.";
    DB_ROWS: "db.client.response.returned_rows", "{row}", Kind::Amounts(ROWS), "The actual number of records returned by the database operation.";
    DB_POOL_COUNT: "db.client.connection.count", "{connection}", Kind::UpDown, "The number of connections that are currently in state described by the `state` attribute.";
    DB_POOL_IDLE_MAX: "db.client.connection.idle.max", "{connection}", Kind::UpDown, "The maximum number of idle open connections allowed.";
    DB_POOL_IDLE_MIN: "db.client.connection.idle.min", "{connection}", Kind::UpDown, "The minimum number of idle open connections allowed.";
    DB_POOL_MAX: "db.client.connection.max", "{connection}", Kind::UpDown, "The maximum number of open connections allowed.";
    DB_POOL_PENDING: "db.client.connection.pending_requests", "{request}", Kind::UpDown, "The number of current pending requests for an open connection.";
    DB_POOL_TIMEOUTS: "db.client.connection.timeouts", "{timeout}", Kind::Counter, "The number of connection timeouts that have occurred trying to obtain a connection from the pool.";
    DB_POOL_CREATE_TIME: "db.client.connection.create_time", "s", Kind::Seconds(DATABASE), "The time it took to create a new connection.";
    DB_POOL_WAIT_TIME: "db.client.connection.wait_time", "s", Kind::Seconds(DATABASE), "The time it took to obtain an open connection from the pool.";
    DB_POOL_USE_TIME: "db.client.connection.use_time", "s", Kind::Seconds(DATABASE), "The time between borrowing a connection and returning it to the pool.";
    RPC_SERVER_DURATION: "rpc.server.call.duration", "s", Kind::Seconds(REQUESTS), "Measures the duration of an incoming Remote Procedure Call (RPC).";
    RPC_CLIENT_DURATION: "rpc.client.call.duration", "s", Kind::Seconds(REQUESTS), "Measures the duration of an outgoing Remote Procedure Call (RPC).";
    MESSAGING_DURATION: "messaging.client.operation.duration", "s", Kind::Seconds(REQUESTS), "Duration of messaging operation initiated by a producer or consumer client.";
    MESSAGING_SENT: "messaging.client.sent.messages", "{message}", Kind::Counter, "Number of messages producer attempted to send to the broker.";
    MESSAGING_CONSUMED: "messaging.client.consumed.messages", "{message}", Kind::Counter, "Number of messages that were delivered to the application.";
    MESSAGING_PROCESS: "messaging.process.duration", "s", Kind::Seconds(REQUESTS), "Duration of processing operation.";
}
