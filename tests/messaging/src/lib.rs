//! What the tests of `tracewire::messaging` and of its adapters share.

mod proxy;
mod server;

pub use proxy::Proxy;
pub use server::Broker;

use std::future::Future;

use test_support::service;
use tracewire::messaging::Config;
use tracewire::otel::Context;
use tracewire::otel::trace::SpanKind;
use tracewire::span::Outcome;
use tracewire::test::{Capture, SpanData};

/// Where the RabbitMQ is that tests share.
pub fn amqp_url() -> String {
    service("TRACEWIRE_AMQP_URL")
}

/// Settings that record into `capture`.
pub fn config(capture: &Capture) -> Config {
    Config::new().telemetry(&capture.telemetry())
}

/// Does some work as an application would: below the span of a request.
pub async fn request<F: Future>(capture: &Capture, work: F) -> F::Output {
    let operation = capture.telemetry().start(SpanKind::Server, &Context::new(), |span| {
        span.name("request");
    });
    let output = operation.run(work).await;
    operation.finish(Outcome::Success);
    output
}

/// The spans of this name, in the order of their starts.
pub fn named(capture: &Capture, name: &str) -> Vec<SpanData> {
    let mut spans = capture.spans();
    spans.retain(|span| span.name == name);
    spans.sort_by_key(|span| span.start_time);
    spans
}

/// Whether a span links to exactly these, in this order.
pub fn links_to(span: &SpanData, others: &[&SpanData]) -> bool {
    let linked = span.links.iter().map(|link| link.span_context.span_id());
    linked.eq(others.iter().map(|other| other.span_context.span_id()))
}
