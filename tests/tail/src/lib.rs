//! A service with tail sampling, a clock that is set by hand, and a sink for what is kept.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "this is test code"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::trace::{
    SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId,
    TraceState, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    Sampler, SdkTracer, SdkTracerProvider, ShouldSample, Span, SpanData, SpanProcessor,
};
use tracewire::sdk::{TailHandle, TailSampling, TailStats};

pub const POLICY: &str = "tracewire.sampling.policy";
pub const ADJUSTED_COUNT: &str = "tracewire.sampling.adjusted_count";

/// Keeps what it is handed.
#[derive(Clone, Debug, Default)]
pub struct Sink(Arc<Mutex<Vec<SpanData>>>);

impl Sink {
    pub fn spans(&self) -> Vec<SpanData> {
        self.0.lock().unwrap().clone()
    }
}

impl SpanProcessor for Sink {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().unwrap().push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// A clock that moves when told to.
#[derive(Clone, Debug)]
pub struct Clock {
    begin: (Instant, SystemTime),
    passed: Arc<Mutex<Duration>>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { begin: (Instant::now(), SystemTime::now()), passed: Arc::default() }
    }
}

impl Clock {
    pub fn advance(&self, by: Duration) {
        *self.passed.lock().unwrap() += by;
    }

    pub fn instant(&self) -> Instant {
        self.begin.0 + *self.passed.lock().unwrap()
    }

    pub fn time(&self) -> SystemTime {
        self.begin.1 + *self.passed.lock().unwrap()
    }
}

/// A process with tail sampling.
#[derive(Debug)]
pub struct Service {
    pub clock: Clock,
    pub sink: Sink,
    pub tail: TailHandle,
    pub provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// A span that has started. Dropping it ends it.
#[derive(Debug)]
pub struct Open {
    pub context: Context,
    clock: Clock,
}

impl Service {
    pub fn new(settings: TailSampling) -> Self {
        Self::with_sampler(settings, Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
    }

    pub fn with_sampler(settings: TailSampling, sampler: impl ShouldSample + 'static) -> Self {
        let (clock, sink) = (Clock::default(), Sink::default());
        let now = clock.clone();
        let tail = settings.clock(move || now.instant()).in_front_of(sink.clone());
        let handle = tail.handle();
        let provider =
            SdkTracerProvider::builder().with_sampler(sampler).with_span_processor(tail).build();
        let tracer = provider.tracer("tests");
        Self { clock, sink, tail: handle, provider, tracer }
    }

    pub fn stats(&self) -> TailStats {
        self.tail.stats()
    }

    /// A request of the trace with this number, from another process.
    pub fn request(&self, trace: u64) -> Open {
        self.request_with(trace, TraceState::NONE)
    }

    pub fn request_with(&self, trace: u64, state: TraceState) -> Open {
        let caller = SpanContext::new(id(trace), SpanId::from(1), TraceFlags::SAMPLED, true, state);
        self.below(&Context::new().with_remote_span_context(caller), "GET /x", SpanKind::Server)
    }

    pub fn child(&self, parent: &Open) -> Open {
        self.below(&parent.context, "work", SpanKind::Internal)
    }

    /// A call that comes back to this process.
    pub fn loopback(&self, caller: &Open) -> Open {
        let caller = caller.context.span();
        let caller = caller.span_context();
        let remote = SpanContext::new(
            caller.trace_id(),
            caller.span_id(),
            caller.trace_flags(),
            true,
            caller.trace_state().clone(),
        );
        self.below(&Context::new().with_remote_span_context(remote), "GET /x", SpanKind::Server)
    }

    pub fn below(&self, parent: &Context, name: &'static str, kind: SpanKind) -> Open {
        let mut builder = SpanBuilder::from_name(name);
        builder.span_kind = Some(kind);
        builder.start_time = Some(self.clock.time());
        let span = self.tracer.build_with_context(builder, parent);
        Open { context: parent.with_span(span), clock: self.clock.clone() }
    }

    /// How many spans of each trace arrived.
    pub fn kept(&self) -> BTreeMap<u64, usize> {
        let mut kept = BTreeMap::new();
        for span in self.sink.spans() {
            *kept.entry(number(span.span_context.trace_id())).or_default() += 1;
        }
        kept
    }

    /// The policies on the spans that arrived, each once, or nothing.
    pub fn policies(&self) -> String {
        let mut found: Vec<_> = self.sink.spans().iter().map(|span| text(span, POLICY)).collect();
        found.sort();
        found.dedup();
        found.join(" ")
    }
}

impl Open {
    pub fn id(&self) -> SpanId {
        self.context.span().span_context().span_id()
    }

    pub fn fail(self) {
        self.context.span().set_status(Status::error("it did not work"));
    }

    pub fn rename(self, name: &'static str) -> Self {
        self.context.span().update_name(name);
        self
    }

    pub fn set(self, key: &'static str, value: impl Into<Value>) -> Self {
        self.context.span().set_attribute(KeyValue::new(key, value));
        self
    }

    pub fn end(self) {}
}

impl Drop for Open {
    fn drop(&mut self) {
        self.context.span().end_with_timestamp(self.clock.time());
    }
}

/// The trace with this number: chance goes by its seven low bytes, so that the number times 2⁴⁸ is
/// what is compared with thresholds; low numbers are dropped first.
pub fn id(trace: u64) -> TraceId {
    assert!(trace < 256, "numbers of traces are bytes here");
    TraceId::from(u128::from(trace) << 48 | 1 << 100)
}

pub fn number(id: TraceId) -> u64 {
    u64::try_from(u128::from_be_bytes(id.to_bytes()) >> 48 & 0xff).unwrap()
}

/// An attribute as text, empty when there is none.
pub fn text(span: &SpanData, key: &str) -> String {
    let found = span.attributes.iter().find(|it| it.key.as_str() == key);
    found.map(|it| it.value.to_string()).unwrap_or_default()
}
