//! A server whose traces are kept or dropped when they have ended.

use axum::Router;
use bench_harness::{Case, Mode, server, spans};
use tracewire::axum::ServerLayer;
use tracewire::sdk::TailSampling;
use tracewire::{Sampling, Telemetry};

const SCENARIO: &str = "tail sampling";

pub(crate) fn cases() -> Vec<Case> {
    let modes = &[Mode::Sampled];
    let mut cases = vec![server::bare_in(SCENARIO)];
    cases.extend(server::layered_in(SCENARIO, "tracewire, kept", modes, |app, _| layer(app, 1.0)));
    cases.extend(server::layered_in(SCENARIO, "tracewire, dropped", modes, |app, _| {
        layer(app, 0.0)
    }));
    cases
}

/// The usual rules, of which none matches, so that this share decides.
fn layer(app: Router, share: f64) -> Router {
    let tail = TailSampling::new()
        .keep_errors()
        .slower_than(std::time::Duration::from_secs(60))
        .otherwise(share);
    let provider = spans::behind(|batch| tail.in_front_of(batch));
    let telemetry = Telemetry::new(&provider).sampling(Sampling::FollowsParent);
    app.layer(ServerLayer::new().telemetry(&telemetry))
}
