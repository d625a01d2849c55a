//! The server, and clients whose spans are kept.

use test_support::{service, unique};
use tracewire::messaging::Config;
use tracewire::nats::Client;
use tracewire::otel::trace::{SpanContext, TraceContextExt as _};
use tracewire::test::Capture;

/// A connection without spans.
pub(crate) async fn plain() -> async_nats::Client {
    async_nats::connect(service("TRACEWIRE_NATS_URL")).await.unwrap()
}

/// Waits until the server has done all that a connection has asked of it so far. A flush does not: it
/// only writes.
pub(crate) async fn done(connection: &async_nats::Client) {
    connection.request(unique("nobody"), "".into()).await.unwrap_err();
}

/// A client whose spans are kept.
pub(crate) async fn client() -> (Client, Capture) {
    client_with(|config| config).await
}

pub(crate) async fn client_with(change: impl FnOnce(Config) -> Config) -> (Client, Capture) {
    let capture = Capture::new().with_meters();
    let config = change(Config::new().telemetry(&capture.telemetry()));
    (Client::with_config(plain().await, &config), capture)
}

/// The place in its trace of whatever is current.
pub(crate) fn current() -> SpanContext {
    tracewire::otel::Context::map_current(|context| context.span().span_context().clone())
}
