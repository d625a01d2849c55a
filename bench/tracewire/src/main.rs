//! What tracewire costs: every adapter in every mode, and how the cost grows.

use bench_harness::{Case, Mode, meters, spans};
use tracewire::{Sampling, Telemetry};

mod growth;
mod logs;
mod outgoing;
mod server;
mod sql;
mod tail;

const VARIANT: &str = "tracewire";
const MODES: [Mode; 3] = [Mode::Sampled, Mode::Unsampled, Mode::Off];

/// What it is called, members of `tracestate`, who traces, and in which modes.
type Scenario = (&'static str, usize, fn(Mode) -> Telemetry, &'static [Mode]);

/// What every client, database and gRPC server is put through.
const SCENARIOS: [Scenario; 3] = [
    ("traceparent", 0, telemetry, &MODES),
    ("tracestate", 2, telemetry, &MODES),
    ("metrics", 0, measuring, &[Mode::Sampled, Mode::Unsampled]),
];

fn main() {
    let mut cases: Vec<Case> = server::cases();
    cases.extend(outgoing::cases());
    cases.extend(sql::cases());
    cases.extend(tail::cases());
    cases.extend(logs::cases());
    cases.extend(growth::cases());
    bench_harness::run(&cases);
}

/// As `tracewire::sdk::init` sets it up for OpenTelemetry's default sampler.
fn telemetry(mode: Mode) -> Telemetry {
    match mode {
        Mode::Bare | Mode::Off => Telemetry::propagate_only(),
        Mode::Sampled | Mode::Unsampled => {
            let provider = spans::provider(mode == Mode::Sampled);
            Telemetry::new(&provider).sampling(Sampling::FollowsParent)
        }
    }
}

/// The same with metrics, of what is measured by default.
fn measuring(mode: Mode) -> Telemetry {
    telemetry(mode).meter_provider(meters::provider())
}
