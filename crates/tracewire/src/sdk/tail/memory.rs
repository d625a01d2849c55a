//! What was decided about the latest traces, so that late spans can follow.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::SystemTime;

use foldhash::fast::RandomState;
use opentelemetry::trace::TraceId;
use opentelemetry_sdk::trace::SpanData;

use super::rules::Mark;

/// The latest decisions: so many to keep, and as many to drop.
#[derive(Debug)]
pub(super) struct Memory {
    capacity: usize,
    kept: HashMap<TraceId, Kept, RandomState>,
    kept_order: VecDeque<TraceId>,
    dropped: HashSet<TraceId, RandomState>,
    dropped_order: VecDeque<TraceId>,
}

/// A decision to keep.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) mark: Mark,
    /// Spans that began earlier are of a part that was dropped.
    pub(super) since: Option<SystemTime>,
}

/// What is remembered of a trace.
#[derive(Debug)]
pub(super) enum Remembered<'a> {
    Kept(&'a Kept),
    Dropped,
}

impl Kept {
    pub(super) fn covers(&self, span: &SpanData) -> bool {
        self.since.is_none_or(|since| span.start_time >= since)
    }
}

impl Memory {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            kept: HashMap::default(),
            kept_order: VecDeque::new(),
            dropped: HashSet::default(),
            dropped_order: VecDeque::new(),
        }
    }

    pub(super) fn of(&self, id: TraceId) -> Option<Remembered<'_>> {
        if let Some(kept) = self.kept.get(&id) {
            return Some(Remembered::Kept(kept));
        }
        self.dropped.contains(&id).then_some(Remembered::Dropped)
    }

    /// The latest decision counts.
    pub(super) fn keep(&mut self, id: TraceId, kept: Kept) {
        if self.kept.insert(id, kept).is_none() {
            make_room(&mut self.kept_order, self.capacity, |old| {
                self.kept.remove(&old);
            });
            self.kept_order.push_back(id);
        }
    }

    /// The latest decision counts.
    pub(super) fn drop(&mut self, id: TraceId) {
        // Its place in the order is left behind and stands for nothing.
        self.kept.remove(&id);
        if self.dropped.insert(id) {
            make_room(&mut self.dropped_order, self.capacity, |old| {
                self.dropped.remove(&old);
            });
            self.dropped_order.push_back(id);
        }
    }
}

fn make_room(order: &mut VecDeque<TraceId>, capacity: usize, mut forget: impl FnMut(TraceId)) {
    while order.len() >= capacity.max(1) {
        if let Some(old) = order.pop_front() {
            forget(old);
        }
    }
}
