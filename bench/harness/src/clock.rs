//! Measures time, in rounds over all cases, so that what else the machine does hits them alike.

use std::time::{Duration, Instant};

use crate::{Case, Operation, spans};

/// Below the batch processor's queue for every case, so that no span is dropped and no batch is sent meanwhile.
const BATCH: u32 = 200;

pub(crate) fn print(cases: &[Case], rounds: usize) {
    let mut all: Vec<(Operation, Vec<Duration>)> =
        cases.iter().map(|case| ((case.make)(), Vec::with_capacity(rounds))).collect();
    for (operation, _) in &mut all {
        batch(operation);
    }
    for _ in 0..rounds {
        for (operation, times) in &mut all {
            times.push(batch(operation));
        }
    }
    for (case, (_, times)) in cases.iter().zip(&mut all) {
        times.sort_unstable();
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        println!("{case}\t{}", median.as_nanos());
    }
}

fn batch(operation: &mut Operation) -> Duration {
    let start = Instant::now();
    for _ in 0..BATCH {
        operation();
    }
    let time = start.elapsed();
    spans::flush();
    time / BATCH
}
