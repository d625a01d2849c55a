//! A tracer provider that keeps what it is given.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as Task, Poll, Waker};
use std::time::{Duration, Instant};

use opentelemetry::trace::{Span as _, SpanContext};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    Sampler, SdkTracerProvider, ShouldSample, Span, SpanData, SpanProcessor,
};

use super::expect;
use super::tree::Trace;
use crate::Telemetry;
use crate::test_metrics::Meters;

/// Keeps every span of one test. Clones share what they keep.
#[derive(Clone, Debug)]
pub struct Capture {
    provider: SdkTracerProvider,
    kept: Arc<Kept>,
    meters: Option<Meters>,
    telemetry: Telemetry,
}

#[derive(Debug, Default)]
struct Kept {
    spans: Mutex<Spans>,
}

#[derive(Debug, Default)]
struct Spans {
    started: Vec<(SpanContext, Vec<KeyValue>)>,
    ended: Vec<SpanData>,
    waiting: Vec<Waker>,
}

impl Capture {
    /// Keeps everything.
    pub fn new() -> Self {
        Self::with_sampler(Sampler::AlwaysOn)
    }

    /// Keeps what this sampler lets through.
    pub fn with_sampler(sampler: impl ShouldSample + 'static) -> Self {
        let kept = Arc::new(Kept::default());
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_span_processor(Keep(kept.clone()))
            .build();
        let telemetry = Telemetry::new(&provider);
        Self { provider, kept, meters: None, telemetry }
    }

    /// A telemetry for the layers under test.
    pub fn telemetry(&self) -> Telemetry {
        self.telemetry.clone()
    }

    /// The provider behind it, for a `tracing-opentelemetry` layer or for spans made by hand.
    pub fn provider(&self) -> &SdkTracerProvider {
        &self.provider
    }

    /// The spans that have ended, in the order in which they did.
    pub fn spans(&self) -> Vec<SpanData> {
        self.lock().ended.clone()
    }

    /// How many spans have started and not ended: what leaks.
    pub fn open(&self) -> usize {
        let spans = self.lock();
        spans.started.len().saturating_sub(spans.ended.len())
    }

    /// The attributes that a span had when it started, which is what samplers saw.
    pub fn attributes_at_start(&self, span: &SpanData) -> Vec<KeyValue> {
        let spans = self.lock();
        let started = spans.started.iter().find(|(context, _)| *context == span.span_context);
        started.map(|(_, attributes)| attributes.clone()).unwrap_or_default()
    }

    /// The spans as trees, one for each trace id, in the order of their starts.
    pub fn traces(&self) -> Vec<Trace> {
        Trace::all(self.spans())
    }

    /// The one trace there is.
    ///
    /// # Panics
    /// When there is none, or more than one.
    #[track_caller]
    pub fn trace(&self) -> Trace {
        let mut traces = self.traces();
        match (traces.pop(), traces.is_empty()) {
            (Some(trace), true) => trace,
            (None, _) => expect::fail("expected one trace, found none"),
            (Some(last), false) => {
                traces.push(last);
                let outlines: Vec<String> = traces.iter().map(Trace::to_string).collect();
                let count = outlines.len();
                expect::fail(&format!(
                    "expected one trace, found {count}:\n\n{}",
                    outlines.join("\n")
                ))
            }
        }
    }

    /// Compares the one trace there is.
    ///
    /// # Panics
    /// When it differs; the message tells all differences.
    #[track_caller]
    pub fn assert(&self, expected: expect::Span) {
        self.trace().assert(expected);
    }

    /// Waits until this many spans have ended, for work that goes on in other tasks.
    ///
    /// # Panics
    /// When they have not ended within ten seconds.
    pub fn ended(&self, count: usize) -> Ended {
        Ended { capture: self.clone(), count, deadline: None }
    }

    /// Forgets all spans. What is measured goes on from where it was.
    pub fn clear(&self) {
        let mut spans = self.lock();
        spans.started.clear();
        spans.ended.clear();
    }

    pub(crate) fn attach(self, meters: Meters) -> Self {
        let telemetry = meters.attach(self.telemetry);
        Self { meters: Some(meters), telemetry, ..self }
    }

    pub(crate) fn meters(&self) -> Option<&Meters> {
        self.meters.as_ref()
    }

    fn lock(&self) -> MutexGuard<'_, Spans> {
        self.kept.lock()
    }
}

impl Default for Capture {
    fn default() -> Self {
        Self::new()
    }
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Spans> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The future of [`Capture::ended`].
#[must_use = "futures do nothing unless polled"]
#[derive(Debug)]
pub struct Ended {
    capture: Capture,
    count: usize,
    deadline: Option<Instant>,
}

impl Future for Ended {
    type Output = ();

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<()> {
        const PATIENCE: Duration = Duration::from_secs(10);
        let mut spans = self.capture.kept.lock();
        if spans.ended.len() >= self.count {
            return Poll::Ready(());
        }
        spans.waiting.push(task.waker().clone());
        let ended = spans.ended.len();
        drop(spans);
        match self.deadline {
            None => {
                self.deadline = Some(Instant::now() + PATIENCE);
                let waker = task.waker().clone();
                std::thread::spawn(move || {
                    std::thread::sleep(PATIENCE);
                    waker.wake();
                });
            }
            Some(deadline) if Instant::now() >= deadline => {
                let (count, traces) = (self.count, self.capture.traces());
                let outlines: Vec<String> = traces.iter().map(Trace::to_string).collect();
                expect::fail(&format!(
                    "{ended} of {count} spans have ended:\n\n{}",
                    outlines.join("\n")
                ));
            }
            Some(_) => {}
        }
        Poll::Pending
    }
}

/// The span processor that fills a capture.
#[derive(Debug)]
struct Keep(Arc<Kept>);

impl SpanProcessor for Keep {
    fn on_start(&self, span: &mut Span, _: &Context) {
        let attributes = span.exported_data().map(|data| data.attributes).unwrap_or_default();
        self.0.lock().started.push((span.span_context().clone(), attributes));
    }

    fn on_end(&self, span: SpanData) {
        let mut spans = self.0.lock();
        spans.ended.push(span);
        spans.waiting.drain(..).for_each(Waker::wake);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
