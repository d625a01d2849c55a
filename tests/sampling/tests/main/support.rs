//! A sampler that writes down what it sees, and samplers asked directly.

use std::sync::{Arc, Mutex};

use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};
use tracewire::Telemetry;
use tracewire::sdk::Sampler;
use tracewire::test::Capture;

/// Drops everything, and keeps what it was shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<Shown>>>);

/// The kind and the attributes of one span.
type Shown = (SpanKind, Vec<KeyValue>);

impl Seen {
    pub(crate) fn telemetry(&self) -> Telemetry {
        Capture::with_sampler(self.clone()).telemetry()
    }

    /// One span of this kind was shown, with each of these attributes once.
    #[track_caller]
    pub(crate) fn assert(&self, kind: &SpanKind, required: &[&str]) {
        let seen = self.0.lock().unwrap();
        let [(found, attributes)] = &seen[..] else {
            panic!("one span is expected: {seen:?}");
        };
        assert_eq!(found, kind);
        for key in required {
            let values = attributes.iter().filter(|attribute| attribute.key.as_str() == *key);
            assert_eq!(values.count(), 1, "{key} in {attributes:?}");
        }
    }
}

impl ShouldSample for Seen {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        assert_ne!(name, "");
        self.0.lock().unwrap().push((kind.clone(), attributes.to_vec()));
        SamplingResult {
            decision: SamplingDecision::Drop,
            attributes: Vec::new(),
            trace_state: TraceState::NONE,
        }
    }
}

/// What a sampler is asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) parent: Context,
    pub(crate) id: u128,
    pub(crate) name: &'static str,
    pub(crate) kind: SpanKind,
    pub(crate) attributes: Vec<KeyValue>,
}

impl Question {
    /// About a root.
    pub(crate) fn root(id: u128) -> Self {
        let (name, kind, attributes) = ("GET /", SpanKind::Server, Vec::new());
        Self { parent: Context::new(), id, name, kind, attributes }
    }

    /// About the child of another process's span with this `tracestate`.
    pub(crate) fn below(id: u128, sampled: bool, state: &str) -> Self {
        let mut question = Self::root(id);
        question.parent = question.parent.with_remote_span_context(span(id, sampled, true, state));
        question
    }

    pub(crate) fn with(mut self, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        self.attributes.extend(attributes);
        self
    }

    pub(crate) fn ask(&self, sampler: &Sampler) -> SamplingResult {
        sampler.should_sample(
            Some(&self.parent),
            TraceId::from(self.id),
            self.name,
            &self.kind,
            &self.attributes,
            &[],
        )
    }

    pub(crate) fn is_kept(&self, sampler: &Sampler) -> bool {
        self.ask(sampler).decision == SamplingDecision::RecordAndSample
    }
}

pub(crate) fn span(id: u128, sampled: bool, remote: bool, state: &str) -> SpanContext {
    let flags = TraceFlags::NOT_SAMPLED.with_sampled(sampled);
    let state = state.parse().expect("a valid trace state");
    SpanContext::new(TraceId::from(id), SpanId::from(1), flags, remote, state)
}

/// Trace ids that are as good as random and always the same (SplitMix64).
pub(crate) fn ids(count: usize) -> impl Iterator<Item = u128> {
    let mut state = 42_u64;
    let mut next = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u128::from(mixed ^ (mixed >> 31))
    };
    (0..count).map(move |_| next() << 64 | next())
}
