//! The undecided traces of one shard, oldest first, and what they take up.

use std::collections::{BTreeMap, HashMap};
use std::time::{Instant, SystemTime};

use foldhash::fast::RandomState;
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::SpanData;

use super::memory::{Memory, Remembered};
use super::part::{Origin, Part};
use super::rules::Rules;
use super::size;

/// Traces that share a lock.
#[derive(Debug)]
pub(super) struct Shard {
    slots: HashMap<TraceId, Slot, RandomState>,
    /// What can be decided, in the order in which it began.
    order: BTreeMap<u64, TraceId>,
    last: u64,
    spans: usize,
    bytes: usize,
    pub(super) memory: Memory,
}

/// How much a shard may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) traces: usize,
    pub(super) spans: usize,
    pub(super) bytes: usize,
}

#[derive(Debug)]
enum Slot {
    Open(Box<Part>),
    /// Predicates are being asked; what ends meanwhile is late.
    Deciding(Vec<SpanData>),
}

/// What became of a span that has ended.
#[expect(clippy::large_enum_variant, reason = "it lives for a moment, and a box would be work")]
pub(super) enum Added {
    /// With so many others of its part.
    Waits(usize),
    /// It was the last local root.
    Completes,
    /// Its part is not here, or not any more.
    Late(SpanData),
}

impl Shard {
    pub(super) fn new(remember: usize) -> Self {
        Self {
            slots: HashMap::default(),
            order: BTreeMap::new(),
            last: 0,
            spans: 0,
            bytes: 0,
            memory: Memory::new(remember),
        }
    }

    /// A local root starts, with `start` as its time, which is asked for only where it matters.
    pub(super) fn begin(
        &mut self,
        (id, root): (TraceId, SpanId),
        origin: Origin,
        now: Instant,
        start: impl FnOnce() -> SystemTime,
    ) {
        match self.slots.get_mut(&id) {
            Some(Slot::Open(part)) => return part.open(root),
            // So little time before a decision is as good as after it.
            Some(Slot::Deciding(_)) => return,
            None => {}
        }
        self.last += 1;
        let mut part = Part::new(root, origin, now, self.last);
        match self.memory.of(id) {
            Some(Remembered::Kept(kept)) => {
                part.follows_kept = true;
                part.since = kept.since;
            }
            Some(Remembered::Dropped) => part.since = Some(start()),
            None => {}
        }
        self.bytes += part.bytes;
        self.order.insert(part.order, id);
        self.slots.insert(id, Slot::Open(Box::new(part)));
    }

    /// A span has ended.
    pub(super) fn add(&mut self, span: SpanData, rules: &Rules) -> Added {
        match self.slots.get_mut(&span.span_context.trace_id()) {
            Some(Slot::Open(part)) if part.owns(&span) => {
                let bytes = part.bytes;
                let completes = part.add(span, rules);
                self.spans += 1;
                self.bytes += part.bytes - bytes;
                if completes { Added::Completes } else { Added::Waits(part.spans.len()) }
            }
            Some(Slot::Deciding(late)) => {
                self.spans += 1;
                self.bytes += of_late(&span);
                late.push(span);
                Added::Waits(0)
            }
            Some(Slot::Open(_)) | None => Added::Late(span),
        }
    }

    /// Takes out what is to be decided. Until [`settle`](Self::settle) its late spans wait.
    pub(super) fn take(&mut self, id: TraceId) -> Option<Box<Part>> {
        let slot = self.slots.get_mut(&id)?;
        match std::mem::replace(slot, Slot::Deciding(Vec::new())) {
            Slot::Open(part) => {
                self.order.remove(&part.order);
                self.spans -= part.spans.len();
                self.bytes -= part.bytes;
                Some(part)
            }
            deciding @ Slot::Deciding(_) => {
                *slot = deciding;
                None
            }
        }
    }

    /// The spans that waited for the decision.
    pub(super) fn settle(&mut self, id: TraceId) -> Vec<SpanData> {
        match self.slots.remove(&id) {
            Some(Slot::Deciding(late)) => {
                self.spans -= late.len();
                self.bytes -= late.iter().map(of_late).sum::<usize>();
                late
            }
            _ => Vec::new(),
        }
    }

    /// The oldest that can be decided, and when it began.
    pub(super) fn oldest(&self) -> Option<(TraceId, Instant)> {
        let (_, id) = self.order.first_key_value()?;
        match self.slots.get(id) {
            Some(Slot::Open(part)) => Some((*id, part.began)),
            _ => None,
        }
    }

    /// How many spans wait for this decision.
    pub(super) fn waiting(&self, id: TraceId) -> usize {
        match self.slots.get(&id) {
            Some(Slot::Open(part)) => part.spans.len(),
            _ => 0,
        }
    }

    pub(super) fn is_over(&self, bounds: Bounds) -> bool {
        self.order.len() > bounds.traces || self.spans > bounds.spans || self.bytes > bounds.bytes
    }

    /// What it holds now.
    pub(super) fn load(&self) -> Bounds {
        Bounds { traces: self.order.len(), spans: self.spans, bytes: self.bytes }
    }
}

fn of_late(span: &SpanData) -> usize {
    size::of_heap(span) + 2 * size_of::<SpanData>()
}
