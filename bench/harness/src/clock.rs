//! Measures time. Whoever runs the programs does so in rounds, so that what else the machine does hits them alike.

use std::time::Instant;

use crate::{Operation, spans};

/// Below the batch processor's queue, so that no span is dropped and no batch is sent meanwhile.
const BATCH: u32 = 200;
const BATCHES: usize = 41;

pub(crate) fn print(mut operation: Operation) {
    let mut times: Vec<u128> = (0..BATCHES).map(|_| batch(&mut operation)).collect();
    times.sort_unstable();
    println!("{}", times[BATCHES / 2]);
}

fn batch(operation: &mut Operation) -> u128 {
    let start = Instant::now();
    for _ in 0..BATCH {
        operation();
    }
    let time = start.elapsed() / BATCH;
    spans::flush();
    time.as_nanos()
}
