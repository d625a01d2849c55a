//! How many spans there were, and what became of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use super::Sampler;

/// What became of the spans of this process, since telemetry was set up.
///
/// `started` is the sum of `exported`, `dropped` and `sampled_out`, and of the spans that have not
/// ended yet, wait to be sent, or wait for the decision of tail sampling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Spans that the sampler was asked about. It is not asked where an unsampled caller has decided
    /// for it.
    pub started: u64,
    /// Spans that arrived. Zero where spans go nowhere or to the console alone.
    pub exported: u64,
    /// Spans that were lost: the queue was full, the receiver refused them or could not be reached,
    /// or the end came first.
    pub dropped: u64,
    /// Spans that were not wanted.
    pub sampled_out: u64,
}

/// What is counted before spans reach an exporter.
#[derive(Debug, Default)]
pub(super) struct Started {
    spans: AtomicU64,
    unwanted: AtomicU64,
}

impl Started {
    pub(super) fn stats(&self) -> Stats {
        let sampled_out = self.unwanted.load(Ordering::Relaxed);
        let started = self.spans.load(Ordering::Relaxed);
        Stats { started, sampled_out, exported: 0, dropped: 0 }
    }
}

/// A sampler that counts what it is asked.
#[derive(Clone, Debug)]
pub(super) struct Counting {
    inner: Sampler,
    started: Arc<Started>,
}

impl Counting {
    pub(super) fn new(inner: Sampler, started: Arc<Started>) -> Self {
        Self { inner, started }
    }
}

impl ShouldSample for Counting {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let result = self.inner.should_sample(parent, trace_id, name, kind, attributes, links);
        self.started.spans.fetch_add(1, Ordering::Relaxed);
        if result.decision != SamplingDecision::RecordAndSample {
            self.started.unwanted.fetch_add(1, Ordering::Relaxed);
        }
        result
    }
}
