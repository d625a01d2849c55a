//! Messages that nobody acknowledges one by one: whoever drops one is done with it.

use std::sync::atomic::{AtomicBool, Ordering};

use super::process::Process;
use crate::span::Outcome;

/// The processing of such a message. Dropped it is a success, unless a panic dropped it, or whoever
/// stopped a [`run`](Self::run) in its middle.
#[derive(Debug)]
pub(crate) struct Unsettled {
    process: Process,
    /// A `run` has begun and not come to its end.
    running: AtomicBool,
}

impl Unsettled {
    pub(crate) fn new(process: Process) -> Self {
        Self { process, running: AtomicBool::new(false) }
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    pub(crate) async fn run<F: Future>(&self, work: F) -> F::Output {
        self.running.store(true, Ordering::Relaxed);
        let output = self.process.run(work).await;
        self.running.store(false, Ordering::Relaxed);
        output
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        let interrupted = *self.running.get_mut() || std::thread::panicking();
        self.process.end(if interrupted { Outcome::Cancelled } else { Outcome::Success });
    }
}
