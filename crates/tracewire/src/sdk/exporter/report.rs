//! What became of finished telemetry, and what is said when it does not arrive.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::exchange::Accepted;
use super::failure::{Failure, quoted};
use crate::sdk::Signal;

/// Counts what one signal sends and loses, and tells of losses at most once a minute.
#[derive(Debug)]
pub(crate) struct Report {
    signal: Signal,
    to: String,
    /// Handed over and not yet being sent.
    waiting: AtomicU64,
    /// Being sent.
    leaving: AtomicU64,
    /// Everything has been counted, and nothing is any more.
    ended: AtomicBool,
    /// Whoever sees one counted here, or below, sees its beginning counted as well.
    exported: AtomicU64,
    dropped: AtomicU64,
    said: Mutex<Said>,
}

/// What was lost since a warning was last logged.
#[derive(Debug, Default)]
struct Said {
    last: Option<Instant>,
    unsent: u64,
    refused: u64,
    no_room: u64,
}

const PAUSE: Duration = Duration::from_secs(60);

impl Report {
    /// For what `signal` sends to `to`.
    pub(crate) fn new(signal: Signal, to: impl fmt::Display) -> Self {
        Self {
            signal,
            to: to.to_string(),
            waiting: AtomicU64::new(0),
            leaving: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            exported: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            said: Mutex::new(Said::default()),
        }
    }

    /// What is sent, and where to.
    pub(crate) fn of(&self) -> (Signal, &str) {
        (self.signal, &self.to)
    }

    /// How many have arrived so far.
    pub(crate) fn exported_so_far(&self) -> u64 {
        self.exported.load(Ordering::Acquire)
    }

    /// How many have been lost so far.
    pub(crate) fn dropped_so_far(&self) -> u64 {
        self.dropped.load(Ordering::Acquire)
    }

    /// One more wants to wait; whether there is room for it among `size`. It is counted either way.
    pub(crate) fn queue(&self, size: usize) -> bool {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let room = before < size as u64;
        if !room {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Release);
            self.tell("more end than can be sent", |said| said.no_room += 1);
        }
        room
    }

    /// One came after the end.
    pub(crate) fn late(&self) {
        self.dropped.fetch_add(1, Ordering::Release);
    }

    /// Sends one as soon as it comes.
    pub(crate) fn at_once(&self, send: impl FnOnce() -> Result<Accepted, Failure>) {
        if self.ended.load(Ordering::Acquire) {
            self.late();
        } else {
            // It is nobody else's: not among those that are lost when the end comes meanwhile.
            self.came(1, &send());
        }
    }

    /// So many no longer wait, and are being sent.
    pub(crate) fn taken(&self, count: usize) {
        if !self.ended.load(Ordering::Acquire) {
            self.leaving.fetch_add(count as u64, Ordering::Relaxed);
            self.waiting.fetch_sub(count as u64, Ordering::Relaxed);
        }
    }

    /// So many are being sent that never had to wait.
    pub(crate) fn leaving(&self, count: usize) {
        if !self.ended.load(Ordering::Acquire) {
            self.leaving.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    /// What became of a batch that was taken.
    pub(crate) fn sent(&self, count: usize, result: &Result<Accepted, Failure>) {
        if self.ended.load(Ordering::Acquire) {
            return;
        }
        self.leaving.fetch_sub(count as u64, Ordering::Relaxed);
        self.came(count as u64, result);
    }

    fn came(&self, count: u64, result: &Result<Accepted, Failure>) {
        match result {
            Ok(Accepted { refused, message }) => {
                let refused = (*refused).min(count);
                self.exported.fetch_add(count - refused, Ordering::Release);
                self.dropped.fetch_add(refused, Ordering::Release);
                if refused > 0 || !message.is_empty() {
                    self.tell(quoted(message), |said| said.refused += refused);
                }
            }
            Err(failure) => {
                self.dropped.fetch_add(count, Ordering::Release);
                self.tell(failure, |said| said.unsent += count);
            }
        }
    }

    /// The process ends, in time or not: what has not arrived will not arrive.
    pub(crate) fn end(&self, in_time: bool, bound: Duration) {
        self.ended.store(true, Ordering::Release);
        let left =
            self.waiting.swap(0, Ordering::Relaxed) + self.leaving.swap(0, Ordering::Relaxed);
        self.dropped.fetch_add(left, Ordering::Release);
        if !in_time {
            self.tell(format!("time was up after {bound:?}"), |said| said.unsent += left);
        }
    }

    /// Notes a loss, and says everything that was noted when it is time to speak again.
    fn tell(&self, why: impl fmt::Display, note: impl FnOnce(&mut Said)) {
        let told = {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            note(&mut said);
            if said.last.is_some_and(|last| last.elapsed() < PAUSE) {
                return;
            }
            std::mem::replace(&mut *said, Said { last: Some(Instant::now()), ..Said::default() })
        };
        say(&self.sentence(&told, &why));
    }

    fn sentence(&self, told: &Said, why: &dyn fmt::Display) -> String {
        let (pieces, to) = (self.signal.pieces(), &self.to);
        let parts: Vec<String> = [
            (told.unsent, format!("could not be sent to {to}")),
            (told.refused, format!("were refused by {to}")),
            (told.no_room, "found the queue full".to_owned()),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, fate)| format!("{count} {pieces} {fate}"))
        .collect();
        match parts.is_empty() {
            true => format!("{to} has something to say about {pieces}: {why}"),
            false => format!("{}: {why}", parts.join(", ")),
        }
    }
}

static QUIET: AtomicBool = AtomicBool::new(false);

/// Whether nothing is to be said at all.
pub(crate) fn set_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// Logs a warning; to standard error where nobody listens to logs.
pub(crate) fn say(message: &str) {
    if QUIET.load(Ordering::Relaxed) {
        return;
    }
    if tracing::dispatcher::has_been_set() {
        tracing::warn!(target: "tracewire", "{message}");
    } else {
        eprintln!("tracewire: {message}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_at_once_counts_whenever_the_end_comes() {
        let report = Report::new(Signal::Traces, "a terminal");
        let ended_by_then = || {
            report.end(true, Duration::ZERO);
            Ok(Accepted::default())
        };
        report.at_once(ended_by_then);
        assert_eq!((report.exported_so_far(), report.dropped_so_far()), (1, 0));
        report.at_once(|| Ok(Accepted::default()));
        assert_eq!((report.exported_so_far(), report.dropped_so_far()), (1, 1));
    }
}
