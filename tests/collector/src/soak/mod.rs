//! A process that makes spans without pause, on a way to the Collector that fails again and again.

mod load;
mod report;
mod tally;
mod vitals;

use std::thread;
use std::time::{Duration, Instant};

use sdk_tests::{Child, PATIENCE, Wire};

pub use load::work;
pub use report::Report;
use tally::Tally;
pub use vitals::Vitals;

use crate::{Collector, Mode, Proxy, SPANS_ALONE, Setup};

/// Spans of one export, at most.
pub const BATCH: usize = 256;

/// How often the process is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// How long a round should take. It has six parts.
const ROUND: Duration = Duration::from_secs(30);

/// Soaks for about this long. `program` is one that calls [`work`] with its arguments.
///
/// Each round is calm, then without a Collector, then calm, then with a network that swallows
/// everything, then calm, then with a slow network.
pub fn run(program: &str, length: Duration, wire: Wire) -> Report {
    // An even number, so that both halves go through the same.
    let rounds = 2 * (length.as_secs() / (2 * ROUND.as_secs())).max(1);
    let part = length / (6 * u32::try_from(rounds).unwrap());
    let mut collector = Collector::start(Setup::new());
    let proxy = Proxy::start(collector.address(wire));
    let endpoint = format!("http://{}", proxy.address());
    let batch = BATCH.to_string();
    let variables = [
        SPANS_ALONE,
        ("OTEL_SERVICE_NAME", "soak"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", wire.protocol()),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "5000"),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", &*batch),
        ("RUST_LOG", "warn"),
    ];
    let mut child = Child::start(program, &[("role", "load")], &variables);
    let id: u32 = child.say("id").parse().unwrap();
    let (before, tasks_before) = (Vitals::of(id), number(&child.say("tasks")));
    let mut tally = Tally::default();
    let mut halves = [Vitals::default(); 2];
    let start = Instant::now();
    child.ok("init");
    child.ok("start");
    for round in 0..rounds {
        let half = &mut halves[usize::from(round >= rounds / 2)];
        let mut watch = || {
            let end = Instant::now() + part;
            while Instant::now() < end {
                *half = half.highest(Vitals::of(id));
                thread::sleep(GLANCE);
            }
        };
        watch();
        collector.kill();
        tally.add(&collector.take());
        watch();
        collector.restart();
        watch();
        proxy.turn(Mode::BlackHole);
        watch();
        proxy.turn(Mode::Open);
        watch();
        proxy.turn(Mode::Slow);
        watch();
        proxy.turn(Mode::Open);
    }
    let requests = number(&child.say("stop"));
    let ended: Vec<u64> = child.say("shutdown").split(' ').map(number).collect();
    let [started, exported, dropped, sampled_out, asked] = ended[..] else { unreachable!() };
    let took = start.elapsed();
    let deadline = Instant::now() + PATIENCE;
    let (mut after, mut tasks_after);
    loop {
        (after, tasks_after) = (Vitals::of(id), number(&child.say("tasks")));
        let back = after.threads <= before.threads && after.files <= before.files;
        if (back && tasks_after <= tasks_before) || Instant::now() > deadline {
            break;
        }
        thread::sleep(GLANCE);
    }
    collector.kill();
    tally.add(&collector.take());
    let warnings = child.end().matches("WARN").count();
    Report {
        wire,
        took,
        rounds,
        requests,
        started,
        exported,
        dropped,
        sampled_out,
        asked,
        received: tally.distinct(),
        received_again: tally.again(),
        before,
        halves,
        after,
        tasks: [tasks_before, tasks_after],
        warnings: warnings as u64,
    }
}

#[track_caller]
fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}
