//! What a server calls: other servers and caches.

use bench_harness::{Case, Mode, Operation, client, redis, tonic};
use tower::Layer as _;
use tracewire::Telemetry;
use tracewire::http::ClientLayer;
use tracewire::reqwest::Middleware;

use crate::{SCENARIOS, VARIANT};

/// What is called, an operation without tracing, and one with it. Both are below a caller, recorded or not, with a
/// `tracestate` of as many members.
type Outgoing = (&'static str, fn(usize) -> Operation, fn(&Telemetry, bool, usize) -> Operation);

const OUTGOING: [Outgoing; 4] = [
    (
        "reqwest client",
        |members| client::middleware(|builder| builder, true, members),
        |telemetry, sampled, members| {
            let layer = tracewire::reqwest::ClientLayer::new().telemetry(telemetry);
            client::middleware(|builder| builder.with(Middleware::from(layer)), sampled, members)
        },
    ),
    (
        "tower client",
        |members| client::tower(client::answering(), true, members),
        |telemetry, sampled, members| {
            let layer = ClientLayer::new().telemetry(telemetry);
            client::tower(layer.layer(client::answering()), sampled, members)
        },
    ),
    (
        "grpc client",
        |members| tonic::send(tonic::channel(), true, members),
        |telemetry, sampled, members| {
            let layer = tracewire::tonic::ClientLayer::new().telemetry(telemetry);
            tonic::send(layer.layer(tonic::channel()), sampled, members)
        },
    ),
    (
        "redis",
        |members| redis::get(redis::Instant, true, members),
        |telemetry, sampled, members| {
            let config = tracewire::redis::Config::new()
                .telemetry(telemetry)
                .server_address("cache.internal", 6380);
            let connection = tracewire::redis::Connection::with_config(redis::Instant, &config);
            redis::get(connection, sampled, members)
        },
    ),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (scenario, members, telemetry, modes) in SCENARIOS {
        for (area, bare, traced) in OUTGOING {
            cases.push(Case::bare(area, scenario, move || bare(members)));
            cases.extend(modes.iter().map(|mode| {
                Case::new(area, scenario, VARIANT, *mode, move || {
                    traced(&telemetry(*mode), *mode != Mode::Unsampled, members)
                })
            }));
        }
    }
    cases
}
