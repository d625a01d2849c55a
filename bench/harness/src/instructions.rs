//! Lets callgrind count the instructions of many operations.
//!
//! It is told to collect only within [`callgrind_collects_this`], on the thread that calls it, and to dump what it has
//! after each call: `--toggle-collect` and `--dump-after` with that name. The n-th dump belongs to the n-th line that
//! is printed here.

use std::hint::black_box;

use crate::{Case, Operation, spans};

const WARM_UP: usize = 50;

pub(crate) fn print(cases: &[Case], times: usize) {
    for case in cases {
        let mut operation = (case.make)();
        for _ in 0..WARM_UP {
            operation();
        }
        spans::flush();
        callgrind_collects_this(&mut operation, times);
        spans::flush();
        println!("{case}");
    }
}

#[inline(never)]
fn callgrind_collects_this(operation: &mut Operation, times: usize) {
    for _ in 0..black_box(times) {
        operation();
    }
}
