//! How many traces were kept and dropped, and why.

use std::sync::atomic::{AtomicU64, Ordering};

use super::rules::Policy;
use super::shard::Bounds;

/// What tail sampling has done so far, and what it holds.
///
/// A trace counts once for every part of it that was decided on. Of the spans that have been handed
/// in, `spans_kept + spans_dropped + spans_lost + spans_waiting` is all, except those that a
/// decision is being made on at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TailStats {
    /// Kept because of an error.
    pub traces_kept_for_errors: u64,
    /// Kept because they were slow.
    pub traces_kept_for_slowness: u64,
    /// Kept by a rule with a name.
    pub traces_kept_by_rules: u64,
    /// Kept by chance.
    pub traces_kept_by_chance: u64,
    /// Kept because an earlier part was.
    pub traces_kept_with_earlier_parts: u64,
    /// Dropped by the rules or by chance.
    pub traces_dropped: u64,
    /// To be kept, but the queue of the exporter had no room for them.
    pub traces_lost: u64,
    /// Decided early because of the time limit.
    pub traces_cut_by_time: u64,
    /// Decided early because there was too much to hold.
    pub traces_cut_by_bounds: u64,
    /// Handed on to the exporter.
    pub spans_kept: u64,
    /// Dropped with their traces.
    pub spans_dropped: u64,
    /// To be kept, but the queue of the exporter had no room, or telemetry had ended.
    pub spans_lost: u64,
    /// Of all these, those that ended after their trace was decided.
    pub spans_late: u64,
    /// Traces that are undecided.
    pub traces_waiting: u64,
    /// Spans that wait for a decision.
    pub spans_waiting: u64,
    /// What all that waits takes up, by estimate.
    pub bytes_waiting: u64,
}

/// Why a trace is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its local roots have ended.
    Complete,
    /// They have taken too long.
    Time,
    /// There was too much to hold.
    Bounds,
    /// Telemetry is flushed or ends.
    Flush,
}

/// The numbers while they grow.
#[derive(Debug, Default)]
pub(super) struct Counters {
    kept_for_errors: AtomicU64,
    kept_for_slowness: AtomicU64,
    kept_by_rules: AtomicU64,
    kept_by_chance: AtomicU64,
    kept_with_earlier_parts: AtomicU64,
    dropped: AtomicU64,
    lost: AtomicU64,
    cut_by_time: AtomicU64,
    cut_by_bounds: AtomicU64,
    spans_kept: AtomicU64,
    spans_dropped: AtomicU64,
    spans_lost: AtomicU64,
    spans_late: AtomicU64,
}

impl Counters {
    pub(super) fn cut(&self, cause: Cause) {
        match cause {
            Cause::Time => add(&self.cut_by_time, 1),
            Cause::Bounds => add(&self.cut_by_bounds, 1),
            Cause::Complete | Cause::Flush => {}
        }
    }

    pub(super) fn kept(&self, policy: &Policy, spans: usize) {
        add(
            match policy {
                Policy::Error => &self.kept_for_errors,
                Policy::Slow => &self.kept_for_slowness,
                Policy::Rule(_) => &self.kept_by_rules,
                Policy::Probability => &self.kept_by_chance,
                Policy::EarlierPart => &self.kept_with_earlier_parts,
            },
            1,
        );
        add(&self.spans_kept, spans);
    }

    pub(super) fn dropped(&self, spans: usize) {
        add(&self.dropped, 1);
        add(&self.spans_dropped, spans);
    }

    pub(super) fn lost(&self, spans: usize) {
        add(&self.lost, 1);
        add(&self.spans_lost, spans);
    }

    pub(super) fn late_kept(&self) {
        add(&self.spans_late, 1);
        add(&self.spans_kept, 1);
    }

    pub(super) fn late_dropped(&self) {
        add(&self.spans_late, 1);
        add(&self.spans_dropped, 1);
    }

    pub(super) fn late_lost(&self) {
        add(&self.spans_late, 1);
        add(&self.spans_lost, 1);
    }

    pub(super) fn late(&self, spans: usize) {
        add(&self.spans_late, spans);
    }

    pub(super) fn read(&self, loads: impl Iterator<Item = Bounds>) -> TailStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut stats = TailStats {
            traces_kept_for_errors: read(&self.kept_for_errors),
            traces_kept_for_slowness: read(&self.kept_for_slowness),
            traces_kept_by_rules: read(&self.kept_by_rules),
            traces_kept_by_chance: read(&self.kept_by_chance),
            traces_kept_with_earlier_parts: read(&self.kept_with_earlier_parts),
            traces_dropped: read(&self.dropped),
            traces_lost: read(&self.lost),
            traces_cut_by_time: read(&self.cut_by_time),
            traces_cut_by_bounds: read(&self.cut_by_bounds),
            spans_kept: read(&self.spans_kept),
            spans_dropped: read(&self.spans_dropped),
            spans_lost: read(&self.spans_lost),
            spans_late: read(&self.spans_late),
            ..TailStats::default()
        };
        for load in loads {
            stats.traces_waiting += load.traces as u64;
            stats.spans_waiting += load.spans as u64;
            stats.bytes_waiting += load.bytes as u64;
        }
        stats
    }
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}
