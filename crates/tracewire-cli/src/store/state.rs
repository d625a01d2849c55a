//! The store's bookkeeping: what is kept, what has to go.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::{Limits, Stats};
use crate::span::{Span, SpanId, TraceId};

#[derive(Default)]
pub(super) struct State {
    traces: HashMap<TraceId, Group>,
    /// Trace ids in the order in which each first came.
    order: VecDeque<TraceId>,
    stats: Stats,
}

/// The spans of one trace, each with the bytes it is charged.
#[derive(Default)]
struct Group {
    spans: HashMap<SpanId, (Arc<Span>, usize)>,
    bytes: usize,
}

// === impl State ===

impl State {
    /// Keeps one span; `false` if its trace alone would be over a limit.
    pub(super) fn add(&mut self, span: Arc<Span>, bytes: usize, limits: &Limits) -> bool {
        self.stats.received += 1;
        let (trace_id, span_id) = (span.trace_id, span.span_id);
        let group = self.traces.get(&trace_id);
        let old = group.and_then(|group| group.spans.get(&span_id));
        // What this span adds to the trace and to all of them together.
        let traces = usize::from(group.is_none());
        let spans = usize::from(old.is_none());
        let more = bytes.saturating_sub(old.map_or(0, |(_, bytes)| *bytes));
        let (own_spans, own_bytes) = group.map_or((0, 0), |group| (group.spans.len(), group.bytes));
        if own_spans + spans > limits.spans.max(1) || own_bytes + more > limits.bytes.max(1) {
            self.stats.refused += 1;
            return false;
        }
        while self.stats.traces + traces > limits.traces.max(1)
            || self.stats.spans + spans > limits.spans.max(1)
            || self.stats.bytes + more > limits.bytes.max(1)
        {
            self.evict_oldest_but(trace_id);
        }
        let group = self.traces.entry(trace_id).or_default();
        let replaced = group.spans.insert(span_id, (span, bytes));
        let freed = replaced.as_ref().map_or(0, |(_, bytes)| *bytes);
        group.bytes = group.bytes + bytes - freed;
        self.stats.bytes = self.stats.bytes + bytes - freed;
        self.stats.replaced += u64::from(replaced.is_some());
        self.stats.spans += spans;
        self.stats.traces += traces;
        if traces == 1 {
            self.order.push_back(trace_id);
        }
        true
    }

    /// The spans of a trace, in no order.
    pub(super) fn spans(&self, id: TraceId) -> Option<Vec<Arc<Span>>> {
        let spans = self.traces.get(&id)?.spans.values();
        Some(spans.map(|(span, _)| Arc::clone(span)).collect())
    }

    /// The ids of all traces, in the order in which each first came.
    pub(super) fn ids(&self) -> impl Iterator<Item = TraceId> {
        self.order.iter().copied()
    }

    /// Whether a span of one trace links to the other.
    pub(super) fn links(&self, from: TraceId, to: TraceId) -> bool {
        let spans = self.traces.get(&from).into_iter().flat_map(|group| group.spans.values());
        spans.flat_map(|(span, _)| &span.links).any(|link| link.trace_id == to)
    }

    pub(super) fn stats(&self) -> Stats {
        self.stats
    }

    pub(super) fn clear(&mut self) {
        self.traces.clear();
        self.order.clear();
        (self.stats.traces, self.stats.spans, self.stats.bytes) = (0, 0, 0);
    }

    /// There is another one whenever this is called: what the limits allow one trace is checked before.
    fn evict_oldest_but(&mut self, kept: TraceId) {
        let oldest = usize::from(self.order.front() == Some(&kept));
        let id = self.order.remove(oldest);
        let group = id.and_then(|id| self.traces.remove(&id)).unwrap_or_default();
        self.stats.traces -= 1;
        self.stats.spans -= group.spans.len();
        self.stats.bytes -= group.bytes;
        self.stats.evicted_traces += 1;
        self.stats.evicted_spans += group.spans.len() as u64;
    }
}
