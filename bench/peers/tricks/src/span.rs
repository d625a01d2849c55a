//! Starting and ending spans of the SDK, without the boxes of a global tracer.

use std::borrow::Cow;

use bench_harness::{Mode, Operation, spans};
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanKind, Status, TraceContextExt as _, Tracer as _,
    TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;

/// Where spans come from: nowhere when the SDK is off.
#[derive(Debug)]
pub struct Tracing(Option<SdkTracer>);

impl Tracing {
    /// The harness's provider, whose sampler follows the caller.
    pub fn of(mode: Mode) -> Self {
        let provider = (mode != Mode::Off).then(|| spans::provider(mode == Mode::Sampled));
        Self(provider.map(|it| it.tracer("by hand")))
    }

    /// Who makes the span below this context, unless it is known that none is wanted: a sampler that follows an
    /// unsampled parent has nothing to decide.
    #[inline]
    pub fn wanted(&self, parent: &Context) -> Option<&SdkTracer> {
        let tracer = self.0.as_ref()?;
        let parent = parent.span();
        let decided = parent.span_context().is_valid() && !parent.span_context().is_sampled();
        (!decided).then_some(tracer)
    }

    /// A context with a new span below `parent`, and whether it is recorded. With none that is wanted, the parent's.
    #[inline]
    pub fn start(
        &self,
        parent: Context,
        kind: SpanKind,
        describe: impl FnOnce() -> (Cow<'static, str>, Vec<KeyValue>),
    ) -> (Context, bool) {
        let Some(tracer) = self.wanted(&parent) else {
            return (parent, false);
        };
        let (name, attributes) = describe();
        let builder = SpanBuilder {
            span_kind: Some(kind),
            name,
            attributes: Some(attributes),
            ..SpanBuilder::default()
        };
        let span = tracer.build_with_context(builder, &parent);
        let is_recorded = span.is_recording();
        (parent.with_span(span), is_recorded)
    }
}

/// Ends a span, with the `error.type` of what failed if anything did.
#[inline]
pub fn end(context: &Context, error: Option<Cow<'static, str>>) {
    let span = context.span();
    if let Some(error) = error {
        span.set_attribute(KeyValue::new("error.type", error));
        span.set_status(Status::error(""));
    }
    span.end();
}

/// Panics unless an operation records one span with just these attributes: what is cheap by leaving something out is
/// not measured.
pub fn assert_recorded(mut operation: Operation, mode: Mode, keys: &[&str]) -> Operation {
    let spans = spans::recorded(&mut operation);
    let recorded: Vec<Vec<&str>> = spans
        .iter()
        .map(|span| {
            let mut keys: Vec<&str> = span.attributes.iter().map(|it| it.key.as_str()).collect();
            keys.sort_unstable();
            keys
        })
        .collect();
    let expected = if mode == Mode::Sampled { vec![keys.to_vec()] } else { Vec::new() };
    assert_eq!(recorded, expected);
    operation
}
