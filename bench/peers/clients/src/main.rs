//! What other layers for clients cost, and what is written by hand on OpenTelemetry's API.
//!
//! Each is set up as its documentation says. In the mode "off" there is no provider, and for layers on `tracing` no
//! subscriber, which is the cheapest that they can be; those do not hand on the caller's context then.

use bench_by_hand::{Side, call, checked, rpc};
use bench_harness::globals::{provider, subscriber};
use bench_harness::{Case, Mode, Operation, client, redis, sql, tonic};
use tonic_tracing_opentelemetry::middleware::client::OtelGrpcLayer;
use tower::Layer as _;
use tower_otel::trace::{GrpcLayer, HttpLayer};
use tracing::Level;

mod floor;
mod tricks;

const MODES: [Mode; 3] = [Mode::Sampled, Mode::Unsampled, Mode::Off];
const FLOOR: &str = "by hand on the OpenTelemetry API";
const TRICKS: &str = "by hand, every trick";
const TOWER_OTEL: &str = "tower-otel 0.12";

/// An operation below a caller, recorded or not, with a `tracestate` of as many members.
type Make = fn(bool, usize) -> Operation;

/// What there is to trace, without tracing.
const BARE: [(&str, Make); 6] = [
    ("reqwest client", |sampled, members| client::middleware(|it| it, sampled, members)),
    ("tower client", |sampled, members| client::tower(client::answering(), sampled, members)),
    ("grpc client", |sampled, members| tonic::send(tonic::channel(), sampled, members)),
    ("redis", |sampled, members| redis::get(redis::Instant, sampled, members)),
    ("sql", |sampled, members| sql::answered(sampled, members, || sql::execute(&sql::Answering))),
    ("sqlite", |sampled, members| sql::select(sql::pool(), sampled, members)),
];

/// What is traced, who does, what that needs in the process, and the operation.
type Traced = (&'static str, &'static str, fn(Mode), Make);

const TRACED: [Traced; 8] = [
    ("reqwest client", FLOOR, provider, |sampled, members| {
        client::middleware(|it| it.with(floor::http::ByHand::new(())), sampled, members)
    }),
    ("tower client", FLOOR, provider, |sampled, members| {
        client::tower(floor::http::ByHand::new(client::answering()), sampled, members)
    }),
    ("tower client", TOWER_OTEL, subscriber, |sampled, members| {
        let layer = HttpLayer::client(Level::INFO);
        client::tower(layer.layer(client::answering()), sampled, members)
    }),
    ("grpc client", FLOOR, provider, |sampled, members| {
        tonic::send(rpc::ByHand::new(tonic::channel(), Side::Client), sampled, members)
    }),
    ("grpc client", "tonic-tracing-opentelemetry 0.42", subscriber, |sampled, members| {
        tonic::send(OtelGrpcLayer.layer(tonic::channel()), sampled, members)
    }),
    ("grpc client", TOWER_OTEL, subscriber, |sampled, members| {
        let layer = GrpcLayer::client(Level::INFO);
        tonic::send(layer.layer(tonic::channel()), sampled, members)
    }),
    ("redis", FLOOR, provider, |sampled, members| {
        redis::get(floor::redis::ByHand::new(redis::Instant), sampled, members)
    }),
    ("sqlite", FLOOR, provider, floor::sql::select),
];

/// The same with every trick, and what its span must have.
type Tricky = (&'static str, fn(Mode, usize) -> Operation, &'static [&'static str]);

const TRICKY: [Tricky; 5] = [
    (
        "tower client",
        |mode, members| {
            let client = tricks::http::Tricks::new(client::answering(), mode);
            client::tower(client, mode != Mode::Unsampled, members)
        },
        &tricks::http::ATTRIBUTES,
    ),
    (
        "grpc client",
        |mode, members| {
            let channel = call::Tricks::new(tonic::channel(), Side::Client, mode);
            tonic::send(channel, mode != Mode::Unsampled, members)
        },
        &call::ATTRIBUTES,
    ),
    (
        "redis",
        |mode, members| {
            let connection = tricks::redis::Tricks::new(redis::Instant, mode);
            redis::get(connection, mode != Mode::Unsampled, members)
        },
        &tricks::redis::ATTRIBUTES,
    ),
    ("sql", tricks::sql::execute, &tricks::sql::UNNAMED),
    ("sqlite", tricks::sql::select, &tricks::sql::ATTRIBUTES),
];

fn main() {
    let mut cases = Vec::new();
    for (scenario, members) in [("traceparent", 0), ("tracestate", 2)] {
        for (area, make) in BARE {
            cases.push(Case::bare(area, scenario, move || make(true, members)));
        }
        let traced = |(area, variant, set_up, make): Traced| {
            MODES.map(|mode| {
                Case::new(area, scenario, variant, mode, move || {
                    set_up(mode);
                    make(mode != Mode::Unsampled, members)
                })
            })
        };
        let by_hand = |(_, variant, ..): &Traced| *variant == FLOOR;
        cases.extend(TRACED.into_iter().filter(by_hand).flat_map(traced));
        for (area, make, keys) in TRICKY {
            let case = |mode| Case::new(area, scenario, TRICKS, mode, move || make(mode, members));
            cases.extend(checked(MODES.map(case).into(), keys));
        }
        cases.extend(TRACED.into_iter().filter(|it| !by_hand(it)).flat_map(traced));
    }
    bench_harness::run(&cases);
}
