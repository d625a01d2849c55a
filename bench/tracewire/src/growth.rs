//! How the cost of a server's layer grows with what a request brings along: it must be in proportion.

use axum::Router;
use bench_harness::server::{Exchange, drive, in_flight, router};
use bench_harness::{Case, Mode, Operation};
use tracewire::axum::ServerLayer;

use crate::{VARIANT, server, telemetry};

/// What grows, and how an operation of this size is made, with tracing or without.
type Growth = (&'static str, &'static [usize], fn(usize, Option<Mode>) -> Operation);

const GROWTHS: [Growth; 5] = [
    ("headers of the request", &[0, 8, 16, 32, 64], |count, mode| {
        drive(layered(mode), Exchange::plain().headers(count), true)
    }),
    ("members of tracestate", &[0, 1, 2, 4, 8, 16, 32], |count, mode| {
        drive(layered(mode), Exchange::plain().members(count), true)
    }),
    ("headers recorded as attributes", &[0, 2, 4, 8, 16, 32], |count, mode| {
        let app = match mode {
            None => router(),
            Some(mode) => {
                let names = Exchange::header_names(count);
                router()
                    .layer(ServerLayer::new().telemetry(&telemetry(mode)).request_headers(names))
            }
        };
        drive(app, Exchange::plain().headers(count), true)
    }),
    ("layers", &[0, 1, 2, 3, 4, 6, 8], |count, mode| {
        let layers = if mode.is_some() { count } else { 0 };
        let app = (0..layers).fold(router(), |app, _| server::layer(app, Mode::Sampled));
        drive(app, Exchange::plain(), true)
    }),
    ("requests in flight on one thread", &[1, 10, 100, 1000], |count, mode| {
        in_flight(layered(mode), count)
    }),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (what, sizes, make) in GROWTHS {
        for size in sizes.iter().copied() {
            let scenario = format!("{what} {size}");
            cases.push(Case::bare("growth", &*scenario, move || make(size, None)));
            let mode = Mode::Sampled;
            cases
                .push(Case::new("growth", scenario, VARIANT, mode, move || make(size, Some(mode))));
        }
    }
    cases
}

fn layered(mode: Option<Mode>) -> Router {
    match mode {
        None => router(),
        Some(mode) => server::layer(router(), mode),
    }
}
