//! Which statements have spans already, so that [`QueryLayer`](super::QueryLayer) makes no second
//! ones.
//!
//! sqlx reports a statement when it is over: mostly on the task that ran it, but for SQLite on the
//! connection's own thread, where nothing tells who asked. So statements are known by their text.
//! A statement that was read to its end has been reported before it ends here; one that was
//! cancelled or failed may be reported a moment later, and is remembered for that moment.
//!
//! When a statement with a span and one without run at the same time and are alike to the letter,
//! one report is taken for the other, which leaves as many spans as there should be.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;

/// Stands for taking a connection from a pool, which is no statement.
pub(super) const ACQUIRE: &str = "\0acquire";

/// How long after its end a statement may be reported.
const MOMENT: Duration = Duration::from_secs(2);

/// How many statements are remembered after their end.
const MOST_REMEMBERED: usize = 1024;

static LAYERS: AtomicUsize = AtomicUsize::new(0);
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);
static RUNNING: LazyLock<Mutex<Running>> = LazyLock::new(Mutex::default);

/// A layer that listens. Without one nothing is noted.
#[derive(Debug)]
pub(super) struct Listener(());

/// A statement that has a span.
#[derive(Debug)]
pub(super) struct Ticket {
    hash: u64,
    /// Whether everything that will be reported of it has been when it ends.
    complete: bool,
}

#[derive(Default)]
struct Running {
    statements: HashMap<u64, Count>,
    /// Ended, and perhaps still to be reported.
    remembered: Vec<(u64, Instant)>,
}

#[derive(Default)]
struct Count {
    running: usize,
    /// How many of them have been reported.
    reported: usize,
}

impl Listener {
    pub(super) fn new() -> Self {
        LAYERS.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        LAYERS.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Ticket {
    /// Notes that a statement of this text runs, if anybody listens.
    pub(super) fn of(text: &str) -> Option<Self> {
        if LAYERS.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let hash = HASHER.hash_one(text);
        lock().statements.entry(hash).or_default().running += 1;
        Some(Self { hash, complete: false })
    }

    /// Says that the statement was read to its end.
    pub(super) fn complete(&mut self) {
        self.complete = true;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut running = lock();
        let Some(count) = running.statements.get_mut(&self.hash) else { return };
        count.running = count.running.saturating_sub(1);
        let was_reported = count.reported > 0;
        count.reported = count.reported.saturating_sub(1);
        if count.running == 0 {
            running.statements.remove(&self.hash);
        }
        if !was_reported && !self.complete {
            running.remember(self.hash);
        }
    }
}

/// Whether a statement that sqlx reports has a span already. Counts as its report.
pub(super) fn has_span(text: &str) -> bool {
    let hash = HASHER.hash_one(text);
    let mut running = lock();
    if let Some(count) = running.statements.get_mut(&hash)
        && count.reported < count.running
    {
        count.reported += 1;
        return true;
    }
    running.forget_old();
    let found = running.remembered.iter().position(|(other, _)| *other == hash);
    found.map(|at| running.remembered.swap_remove(at)).is_some()
}

impl Running {
    fn remember(&mut self, hash: u64) {
        self.forget_old();
        if self.remembered.len() < MOST_REMEMBERED {
            self.remembered.push((hash, Instant::now()));
        }
    }

    fn forget_old(&mut self) {
        if !self.remembered.is_empty() {
            self.remembered.retain(|(_, ended)| ended.elapsed() < MOMENT);
        }
    }
}

fn lock() -> MutexGuard<'static, Running> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{Listener, Ticket, has_span};

    #[test]
    fn every_report_is_counted_once() {
        let text = "SELECT every_report";
        let _listener = Listener::new();
        assert!(!has_span(text));
        let first = Ticket::of(text);
        let second = Ticket::of(text);
        assert!(has_span(text) && has_span(text) && !has_span(text));
        drop((first, second));
        assert!(!has_span(text));
    }

    #[test]
    fn a_statement_cut_short_is_reported_late() {
        let text = "SELECT cut_short";
        let _listener = Listener::new();
        drop(Ticket::of(text));
        assert!(has_span(text) && !has_span(text));
    }

    #[test]
    fn a_statement_read_to_its_end_is_not_waited_for() {
        let text = "SELECT to_its_end";
        let _listener = Listener::new();
        let mut ticket = Ticket::of(text);
        ticket.iter_mut().for_each(Ticket::complete);
        drop(ticket);
        assert!(!has_span(text));
    }
}
