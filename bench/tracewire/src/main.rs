//! What tracewire costs: every adapter in every mode, and how the cost grows.

use bench_harness::{Case, Mode, spans};
use tracewire::{Sampling, Telemetry};

mod answering;
mod growth;
mod outgoing;
mod server;
mod sql;

const VARIANT: &str = "tracewire";
const MODES: [Mode; 3] = [Mode::Sampled, Mode::Unsampled, Mode::Off];

fn main() {
    let mut cases: Vec<Case> = server::cases();
    cases.extend(outgoing::cases());
    cases.extend(sql::cases());
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
