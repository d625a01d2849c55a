//! Counts allocations and bytes of one operation, on all threads.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use crate::{Operation, spans};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const WARM_UP: usize = 100;
const TIMES: usize = 2000;

/// The least of many: almost all operations cost the same, and those that do not wait for another thread.
pub(crate) fn print(mut operation: Operation) {
    for _ in 0..WARM_UP {
        operation();
    }
    spans::flush();
    let mut counted: Vec<(usize, usize)> = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let region = Region::new(ALLOCATOR);
        operation();
        let change = region.change();
        counted.push((change.allocations + change.reallocations, change.bytes_allocated));
    }
    let (count, bytes) = counted.into_iter().min().unwrap_or_default();
    println!("{count}\t{bytes}");
}
