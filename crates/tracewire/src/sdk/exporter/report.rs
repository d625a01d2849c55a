//! What is said when spans do not arrive.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Endpoint;

/// Counts lost spans, and says so at most once a minute.
#[derive(Debug)]
pub(crate) struct Report {
    endpoint: Endpoint,
    lost: AtomicU64,
    said: Mutex<Said>,
}

#[derive(Debug, Default)]
struct Said {
    last: Option<Instant>,
    unsaid: u64,
}

const PAUSE: Duration = Duration::from_secs(60);

impl Report {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, lost: AtomicU64::new(0), said: Mutex::new(Said::default()) }
    }

    /// How many spans have been lost so far.
    pub(crate) fn lost_so_far(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// A batch did not arrive.
    pub(super) fn lost(&self, spans: usize, why: &impl Display) {
        let spans = spans as u64;
        self.lost.fetch_add(spans, Ordering::Relaxed);
        if let Some(spans) = self.take_turn(spans) {
            let endpoint = &self.endpoint;
            say(&format!("{spans} spans could not be sent to {endpoint}: {why}"));
        }
    }

    /// The process ends before everything has arrived.
    pub(crate) fn out_of_time(&self, bound: Duration) {
        if self.take_turn(0).is_some() {
            let endpoint = &self.endpoint;
            say(&format!("the last spans could not be sent to {endpoint} within {bound:?}"));
        }
    }

    /// How many lost spans to tell of, when it is time to speak again.
    fn take_turn(&self, spans: u64) -> Option<u64> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.unsaid += spans;
        if said.last.is_some_and(|last| last.elapsed() < PAUSE) {
            return None;
        }
        said.last = Some(Instant::now());
        Some(std::mem::take(&mut said.unsaid))
    }
}

/// Logs a warning; to standard error where nobody listens to logs.
pub(crate) fn say(message: &str) {
    if tracing::dispatcher::has_been_set() {
        tracing::warn!(target: "tracewire", "{message}");
    } else {
        eprintln!("tracewire: {message}");
    }
}
