//! What a server calls: other servers and caches.

use bench_harness::{Case, Mode, client, redis, tonic};
use reqwest_middleware::ClientBuilder;
use tower::Layer as _;
use tracewire::http::ClientLayer;
use tracewire::reqwest::Middleware;

use crate::{MODES, VARIANT, telemetry};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (scenario, members) in [("traceparent", 0), ("tracestate", 2)] {
        let bare = |area, make: fn(usize) -> bench_harness::Operation| {
            Case::bare(area, scenario, move || make(members))
        };
        cases.extend([
            bare("reqwest client", |members| client::middleware(|builder| builder, true, members)),
            bare("tower client", |members| client::tower(client::answering(), true, members)),
            bare("grpc client", |members| tonic::send(tonic::channel(), true, members)),
            bare("redis", |members| redis::get(redis::Instant, true, members)),
        ]);
        for mode in MODES {
            let sampled = mode != Mode::Unsampled;
            let case = |area, make: fn(Mode, bool, usize) -> bench_harness::Operation| {
                Case::new(area, scenario, VARIANT, mode, move || make(mode, sampled, members))
            };
            cases.extend([
                case("reqwest client", |mode, sampled, members| {
                    client::middleware(|builder| with_middleware(builder, mode), sampled, members)
                }),
                case("tower client", |mode, sampled, members| {
                    let layer = ClientLayer::new().telemetry(&telemetry(mode));
                    client::tower(layer.layer(client::answering()), sampled, members)
                }),
                case("grpc client", |mode, sampled, members| {
                    let layer = tracewire::tonic::ClientLayer::new().telemetry(&telemetry(mode));
                    tonic::send(layer.layer(tonic::channel()), sampled, members)
                }),
                case("redis", |mode, sampled, members| {
                    let config = tracewire::redis::Config::new()
                        .telemetry(&telemetry(mode))
                        .server_address("cache.internal", 6380);
                    let connection =
                        tracewire::redis::Connection::with_config(redis::Instant, &config);
                    redis::get(connection, sampled, members)
                }),
            ]);
        }
    }
    cases
}

fn with_middleware(builder: ClientBuilder, mode: Mode) -> ClientBuilder {
    let layer = tracewire::reqwest::ClientLayer::new().telemetry(&telemetry(mode));
    builder.with(Middleware::from(layer))
}
