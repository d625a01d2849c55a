//! What is known of a trace while it is undecided.

use std::time::{Duration, Instant, SystemTime};

use opentelemetry::trace::{SpanContext, SpanId, Status};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

use super::rules::Rules;
use super::size;
use crate::sdk::sampler::ot::Ot;
use crate::sdk::sampler::threshold::{Randomness, Threshold};

/// The local roots of a trace that are open at the same time, and all below them.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) began: Instant,
    /// Its place among the undecided.
    pub(super) order: u64,
    pub(super) origin: Origin,
    /// The local roots that have not ended.
    open: Vec<SpanId>,
    pub(super) spans: Vec<SpanData>,
    /// Which of them are local roots.
    roots: Vec<usize>,
    /// What it takes up, by estimate.
    pub(super) bytes: usize,
    pub(super) has_error: bool,
    pub(super) is_slow: bool,
    /// An earlier part of the trace was kept.
    pub(super) follows_kept: bool,
    /// An earlier part was dropped: spans that began before this one belong to that.
    pub(super) since: Option<SystemTime>,
}

/// What was decided when the trace began, and what everybody decides by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) randomness: Randomness,
    pub(super) threshold: Option<Threshold>,
}

/// What a part takes up without its spans: itself and its places in two maps.
const OVERHEAD: usize = size_of::<Part>() + 128;

impl Origin {
    pub(super) fn of(span: &SpanContext) -> Self {
        let ot = Ot::read(span.trace_state());
        Self { randomness: ot.randomness(span.trace_id()), threshold: ot.threshold_of(span) }
    }
}

impl Part {
    pub(super) fn new(root: SpanId, origin: Origin, began: Instant, order: u64) -> Self {
        Self {
            began,
            order,
            origin,
            open: vec![root],
            spans: Vec::new(),
            roots: Vec::new(),
            bytes: OVERHEAD,
            has_error: false,
            is_slow: false,
            follows_kept: false,
            since: None,
        }
    }

    pub(super) fn open(&mut self, root: SpanId) {
        self.open.push(root);
    }

    /// Whether a span is of this part, and not of one that was dropped before.
    pub(super) fn owns(&self, span: &SpanData) -> bool {
        self.since.is_none_or(|since| span.start_time >= since)
    }

    /// Adds a span that has ended. Whether that was the last open local root.
    pub(super) fn add(&mut self, span: SpanData, rules: &Rules) -> bool {
        self.has_error |= matches!(span.status, Status::Error { .. });
        let id = span.span_context.span_id();
        let root = self.open.iter().position(|open| *open == id);
        if let Some(index) = root {
            self.open.swap_remove(index);
            self.is_slow |= rules.is_slow(&span);
            self.roots.push(self.spans.len());
        }
        let capacity = self.spans.capacity();
        self.bytes += size::of_heap(&span);
        self.spans.push(span);
        self.bytes += (self.spans.capacity() - capacity) * size_of::<SpanData>();
        root.is_some() && self.open.is_empty()
    }

    /// Takes what is known for all there is to know.
    pub(super) fn cut_short(&mut self, now: Instant, rules: &Rules) {
        self.is_slow |=
            !self.open.is_empty() && rules.is_slow_already(now.duration_since(self.began));
    }

    pub(super) fn view(&self) -> LocalTrace<'_> {
        LocalTrace { part: self }
    }
}

/// What this process has seen of a trace, for predicates.
///
/// That is everything below one local root, a span whose parent is in another process or nowhere, or
/// below several that were open at the same time. It is not complete when it was cut short by the
/// time limit, by a bound, or by the end of the process.
#[derive(Clone, Copy, Debug)]
pub struct LocalTrace<'a> {
    part: &'a Part,
}

impl<'a> LocalTrace<'a> {
    /// The spans that have ended, in the order in which they did.
    pub fn spans(&self) -> &'a [SpanData] {
        &self.part.spans
    }

    /// The local root, the first to start when there are several; `None` when it has not ended.
    pub fn root(&self) -> Option<&'a SpanData> {
        self.roots().min_by_key(|span| span.start_time)
    }

    /// Every local root that has ended.
    pub fn roots(&self) -> impl Iterator<Item = &'a SpanData> {
        let part = self.part;
        part.roots.iter().filter_map(|index| part.spans.get(*index))
    }

    /// The value of an attribute of [`root`](Self::root), the last one where it was set twice.
    pub fn attribute(&self, key: &str) -> Option<&'a Value> {
        let attributes = &self.root()?.attributes;
        let found = attributes.iter().rev().find(|KeyValue { key: it, .. }| it.as_str() == key);
        found.map(|KeyValue { value, .. }| value)
    }

    /// How long [`root`](Self::root) took.
    pub fn duration(&self) -> Option<Duration> {
        self.root().and_then(|root| root.end_time.duration_since(root.start_time).ok())
    }

    /// Whether the status of any span is an error.
    pub fn has_error(&self) -> bool {
        self.part.has_error
    }

    /// Whether every local root has ended.
    pub fn is_complete(&self) -> bool {
        self.part.open.is_empty()
    }
}
