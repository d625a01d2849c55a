//! Layers for gRPC servers.

use bench_by_hand::{Side, call, checked, rpc};
use bench_harness::globals::{provider, subscriber};
use bench_harness::{Case, Mode, tonic};
use tonic_tracing_opentelemetry::middleware::server::OtelGrpcLayer;
use tower::Layer as _;
use tower_otel::trace::GrpcLayer;
use tracing::Level;

use crate::{FLOOR, MODES, TOWER_OTEL, TRICKS};

const AREA: &str = "grpc server";

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (scenario, tracestate) in [("traceparent", false), ("tracestate", true)] {
        cases.push(Case::bare(AREA, scenario, move || {
            tonic::receive(tonic::server(), true, tracestate)
        }));
        let tricks = MODES.map(|mode| {
            Case::new(AREA, scenario, TRICKS, mode, move || {
                let server = call::Tricks::new(tonic::server(), Side::Server, mode);
                tonic::receive(server, mode != Mode::Unsampled, tracestate)
            })
        });
        for mode in MODES {
            cases.push(Case::new(AREA, scenario, FLOOR, mode, move || {
                provider(mode);
                let server = rpc::ByHand::new(tonic::server(), Side::Server);
                tonic::receive(server, mode != Mode::Unsampled, tracestate)
            }));
        }
        cases.extend(checked(tricks.into(), &call::ATTRIBUTES));
        for mode in MODES {
            let sampled = mode != Mode::Unsampled;
            cases.push(Case::new(AREA, scenario, "tonic-tracing-opentelemetry 0.42", mode, {
                move || {
                    subscriber(mode);
                    let server = OtelGrpcLayer::default().layer(tonic::server());
                    tonic::receive(server, sampled, tracestate)
                }
            }));
            cases.push(Case::new(AREA, scenario, TOWER_OTEL, mode, move || {
                subscriber(mode);
                let server = GrpcLayer::server(Level::INFO).layer(tonic::server());
                tonic::receive(server, sampled, tracestate)
            }));
        }
    }
    cases
}
