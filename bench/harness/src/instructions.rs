//! Lets callgrind count the instructions of many operations.
//!
//! It is told to collect only within [`callgrind_collects_this`], on the thread that calls it. A process counts one case,
//! as what others leave behind in the allocator would change its figure.

use std::hint::black_box;

use crate::{Operation, spans};

/// What is sent to the batch processor before it is emptied.
const BATCH: usize = 50;
const WARM_UP: usize = 4;

/// Does the operation in `batches`, and prints how often that is.
pub(crate) fn print(mut operation: Operation, batches: usize) {
    // Allocating costs more where there is another thread, as in every program that serves requests.
    std::thread::spawn(std::thread::park);
    for _ in 0..WARM_UP {
        batch(&mut operation);
    }
    for _ in 0..batches {
        callgrind_collects_this(&mut operation);
        spans::flush();
    }
    println!("{}", batches * BATCH);
}

#[inline(never)]
fn callgrind_collects_this(operation: &mut Operation) {
    for _ in 0..black_box(BATCH) {
        operation();
    }
}

fn batch(operation: &mut Operation) {
    for _ in 0..BATCH {
        operation();
    }
    spans::flush();
}
