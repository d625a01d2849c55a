//! What the tests of `tracewire::redis` share: connections without a server, and servers.

mod fake;
mod server;

pub use fake::{Fake, Moment, Reply};
pub use server::Server;

use std::future::Future;

use test_support::service;
use tracewire::otel::Context;
use tracewire::otel::trace::SpanKind;
use tracewire::redis::Config;
use tracewire::span::Outcome;
use tracewire::test::{Capture, expect};

/// Where the server is that tests share.
pub fn redis_url() -> String {
    service("TRACEWIRE_REDIS_URL")
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

/// The trace of a request that sent these.
pub fn sent(commands: impl IntoIterator<Item = expect::Span>) -> expect::Span {
    let request = expect::span("request").server();
    commands.into_iter().fold(request, expect::Span::child)
}

/// The span of a command that worked.
pub fn command(name: &'static str) -> expect::Span {
    expect::span(name)
        .client()
        .attribute("db.system.name", "redis")
        .attribute("db.operation.name", name)
        .without("db.response.status_code")
}

/// The span of a command that the server refused with this code.
pub fn refused(name: &'static str, code: &'static str) -> expect::Span {
    expect::span(name)
        .client()
        .attribute("db.operation.name", name)
        .attribute("db.response.status_code", code)
        .error(code)
}
