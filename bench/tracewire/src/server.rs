//! The layers for servers: axum and tonic.

use axum::Router;
use bench_harness::{Case, Mode, server, spans, tonic};
use tower::Layer as _;
use tracewire::Telemetry;
use tracewire::axum::ServerLayer;

use crate::{MODES, SCENARIOS, VARIANT, measuring, telemetry};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = server::bare();
    cases.extend(server::layered(VARIANT, &MODES, layer));
    cases.extend(server::layered(
        "tracewire, sampler reads attributes",
        &[Mode::Unsampled],
        layer_that_reads,
    ));
    cases.push(server::bare_in("metrics"));
    cases.extend(server::layered_in(
        "metrics",
        VARIANT,
        &[Mode::Sampled, Mode::Unsampled],
        |app, mode| app.layer(ServerLayer::new().telemetry(&measuring(mode))),
    ));
    for (scenario, members, telemetry, modes) in SCENARIOS {
        let tracestate = members > 0;
        cases.push(Case::bare("grpc server", scenario, move || {
            tonic::receive(tonic::server(), true, tracestate)
        }));
        for mode in modes.iter().copied() {
            cases.push(Case::new("grpc server", scenario, VARIANT, mode, move || {
                let layer = tracewire::tonic::ServerLayer::new().telemetry(&telemetry(mode));
                tonic::receive(layer.layer(tonic::server()), mode != Mode::Unsampled, tracestate)
            }));
        }
    }
    cases
}

pub(crate) fn layer(app: Router, mode: Mode) -> Router {
    app.layer(ServerLayer::new().telemetry(&telemetry(mode)))
}

/// For a sampler that may look at anything, so that a span has to be started before it is known that nobody wants it.
fn layer_that_reads(app: Router, mode: Mode) -> Router {
    let provider = spans::provider(mode == Mode::Sampled);
    app.layer(ServerLayer::new().telemetry(&Telemetry::new(&provider)))
}
