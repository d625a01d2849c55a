//! How many spans there were, and what became of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use super::exporter::Report;
use super::{Sampler, Signal};

/// What became of the spans of this process, since telemetry was set up.
///
/// `started` is the sum of `exported`, `dropped` and `sampled_out`, and of the spans that have not
/// ended yet, wait to be sent, or wait for the decision of tail sampling.
///
/// Spans that go to several places are the same in each; `exported` and `dropped` are then those of
/// the place that has lost the most, so that the sum holds and no loss is hidden.
/// [`Guard::exporters`](super::Guard::exporters) has the numbers of every place, of which each makes
/// the same sum. Where spans go nowhere, nothing is exported or dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Spans that the sampler was asked about. It is not asked where an unsampled caller has decided
    /// for it.
    pub started: u64,
    /// Spans that arrived.
    pub exported: u64,
    /// Spans that were lost: the queue was full, the receiver refused them or could not be reached,
    /// or the end came first.
    pub dropped: u64,
    /// Spans that were not wanted.
    pub sampled_out: u64,
}

/// What became of the telemetry that was handed to one exporter.
///
/// What it was given is the sum of `exported` and `dropped`, and of what waits to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExporterStats {
    /// Whether these are spans, data points or log records.
    pub signal: Signal,
    /// Where it sends them: a URL without secrets, or `standard output`.
    pub to: String,
    /// Those that arrived.
    pub exported: u64,
    /// Those that were lost.
    pub dropped: u64,
}

impl ExporterStats {
    pub(super) fn of(report: &Report) -> Self {
        let (signal, to) = report.of();
        // In this order, so that the sum is never more than there are.
        let (exported, dropped) = (report.exported_so_far(), report.dropped_so_far());
        Self { signal, to: to.to_owned(), exported, dropped }
    }
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
