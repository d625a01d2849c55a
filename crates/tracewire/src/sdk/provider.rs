//! The SDK's provider with the random flag of W3C Trace Context level 2 on its traces.
//!
//! The SDK makes random trace ids, never says so, and forgets when it drops a span that others have
//! said so. Samplers elsewhere may go by the flag.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::trace::{Span as _, SpanBuilder, SpanContext, Status, TraceContextExt as _};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span as SdkSpan};

use crate::context::RANDOM;

/// A provider whose generator of ids is the SDK's, which makes random ones.
#[derive(Clone, Debug)]
pub(super) struct Provider(pub(super) SdkTracerProvider);

#[derive(Clone, Debug)]
pub(super) struct Tracer(SdkTracer);

/// A span that is recorded, or a place in the trace that is handed on.
#[derive(Debug)]
pub(super) struct Span {
    recorded: Option<SdkSpan>,
    /// What is said instead of the recorded span's own context.
    place: Option<SpanContext>,
}

impl opentelemetry::trace::TracerProvider for Provider {
    type Tracer = Tracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> Tracer {
        Tracer(self.0.tracer_with_scope(scope))
    }
}

impl opentelemetry::trace::Tracer for Tracer {
    type Span = Span;

    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> Span {
        let span = self.0.build_with_context(builder, parent);
        let own = span.span_context();
        if !own.is_valid() {
            return Span::passing(own.clone());
        }
        let above = parent.span();
        let above = above.span_context();
        let random = if above.is_valid() { above.trace_flags() & RANDOM } else { RANDOM };
        let place = (own.trace_flags() & RANDOM != random).then(|| with_random_flag(own));
        if span.is_recording() {
            Span { recorded: Some(span), place }
        } else {
            Span::passing(place.unwrap_or_else(|| own.clone()))
        }
    }
}

/// The same context with the flag.
pub(super) fn with_random_flag(context: &SpanContext) -> SpanContext {
    SpanContext::new(
        context.trace_id(),
        context.span_id(),
        context.trace_flags() | RANDOM,
        context.is_remote(),
        context.trace_state().clone(),
    )
}

impl Span {
    pub(super) fn passing(place: SpanContext) -> Self {
        Self { recorded: None, place: Some(place) }
    }
}

impl opentelemetry::trace::Span for Span {
    fn add_event_with_timestamp<T>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        attributes: Vec<KeyValue>,
    ) where
        T: Into<Cow<'static, str>>,
    {
        if let Some(span) = &mut self.recorded {
            span.add_event_with_timestamp(name, timestamp, attributes);
        }
    }

    fn span_context(&self) -> &SpanContext {
        match (&self.place, &self.recorded) {
            (Some(place), _) => place,
            (None, Some(span)) => span.span_context(),
            (None, None) => &SpanContext::NONE,
        }
    }

    fn is_recording(&self) -> bool {
        self.recorded.as_ref().is_some_and(SdkSpan::is_recording)
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        if let Some(span) = &mut self.recorded {
            span.set_attribute(attribute);
        }
    }

    fn set_status(&mut self, status: Status) {
        if let Some(span) = &mut self.recorded {
            span.set_status(status);
        }
    }

    fn update_name<T>(&mut self, new_name: T)
    where
        T: Into<Cow<'static, str>>,
    {
        if let Some(span) = &mut self.recorded {
            span.update_name(new_name);
        }
    }

    fn add_link(&mut self, to: SpanContext, attributes: Vec<KeyValue>) {
        if let Some(span) = &mut self.recorded {
            span.add_link(to, attributes);
        }
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        if let Some(span) = &mut self.recorded {
            span.end_with_timestamp(timestamp);
        }
    }
}
