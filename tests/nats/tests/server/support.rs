//! The server, and clients whose spans are kept.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tracewire::messaging::Config;
use tracewire::nats::Client;
use tracewire::otel::trace::{SpanContext, TraceContextExt as _};
use tracewire::test::Capture;

/// Longer than anything takes that works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What `cargo xtask services up` has said of a server that it started, or the environment.
pub(crate) fn variable(name: &str) -> String {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/services/env");
    let started = std::fs::read_to_string(file).unwrap_or_default();
    let line = started.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    std::env::var(name).ok().or(line.map(str::to_owned)).unwrap_or_else(|| {
        panic!("{name} is not known: run `cargo xtask services up` first");
    })
}

/// A connection without spans.
pub(crate) async fn plain() -> async_nats::Client {
    async_nats::connect(variable("TRACEWIRE_NATS_URL")).await.unwrap()
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

/// A subject that no other test uses.
pub(crate) fn unique(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}-{}-{count}", std::process::id())
}

/// The place in its trace of whatever is current.
pub(crate) fn current() -> SpanContext {
    tracewire::otel::Context::map_current(|context| context.span().span_context().clone())
}

/// Waits for something that should come soon.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("it does not come"),
    }
}
