//! One request through a service: a server span, an `#[instrument]` span, a client span.

use http::HeaderMap;
use opentelemetry::trace::SpanKind;
use opentelemetry::{Context, KeyValue};
use tracewire::Telemetry;
use tracewire::span::Outcome;

/// Serves a request that came with these headers, and returns those of the request it sends.
pub async fn trace(incoming: &HeaderMap) -> HeaderMap {
    let telemetry = Telemetry::default();
    let parent = telemetry.read(incoming).into_context(Context::new());
    let server = telemetry.start(SpanKind::Server, &parent, |span| {
        span.name("server");
        span.set(KeyValue::new("url.path", "/"));
    });
    let outgoing = server.run(middle(&telemetry)).await;
    server.finish(Outcome::Success);
    outgoing
}

#[tracing::instrument(skip_all)]
async fn middle(telemetry: &Telemetry) -> HeaderMap {
    tokio::task::yield_now().await;
    tracing::info!("in the middle");
    let client = telemetry.start(SpanKind::Client, &Context::current(), |span| {
        span.name("client");
    });
    let mut outgoing = HeaderMap::new();
    telemetry.inject(client.context(), &mut outgoing);
    client.run(tokio::task::yield_now()).await;
    client.finish(Outcome::Success);
    outgoing
}
