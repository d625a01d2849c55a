//! The tracer behind `#[instrument]`: it finds the telemetry of the process when a span starts.
//!
//! A `tracing` layer is installed once and for ever, often before there is a provider, and must not
//! hold on to one that has been shut down. So the layer gets this tracer, which asks anew for each
//! span. Where no span is recorded, the caller's context stays what it was, random flag included, so
//! that a span that nobody keeps cannot break a trace.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, Status, TraceContextExt as _, Tracer, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span as SdkSpan};

use super::exporter::is_exporting;
use crate::Sampling;
use crate::context::RANDOM;

/// What is behind every [`LateTracer`].
#[derive(Debug)]
struct Live {
    tracer: SdkTracer,
    sampling: Sampling,
}

static LIVE: RwLock<Option<Arc<Live>>> = RwLock::new(None);

/// Lets all late tracers make spans of this provider.
pub(super) fn connect(provider: &SdkTracerProvider, sampling: Sampling) {
    let tracer = provider.tracer("tracing");
    let live = Arc::new(Live { tracer, sampling });
    *LIVE.write().unwrap_or_else(PoisonError::into_inner) = Some(live);
}

/// Lets all late tracers make no more spans.
pub(super) fn disconnect() {
    *LIVE.write().unwrap_or_else(PoisonError::into_inner) = None;
}

/// A tracer that is bound to a provider span by span.
#[derive(Clone, Copy, Debug)]
pub(super) struct LateTracer;

/// A span that is recorded, or a place in the trace that is handed on.
#[derive(Debug)]
pub(super) struct Span {
    recorded: Option<SdkSpan>,
    /// Read when nothing is recorded.
    place: SpanContext,
}

impl Tracer for LateTracer {
    type Span = Span;

    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> Span {
        let above = parent.span();
        let above = above.span_context();
        if is_exporting() {
            return Span::passing(above.clone());
        }
        let live = LIVE.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(live) = live else {
            return Span::passing(above.clone());
        };
        let follows = live.sampling == Sampling::FollowsParent;
        if follows && above.is_valid() && !above.is_sampled() {
            return Span::passing(above.clone());
        }
        let span = live.tracer.build_with_context(builder, parent);
        let own = span.span_context();
        if span.is_recording() {
            Span { recorded: Some(span), place: SpanContext::NONE }
        } else if own.is_valid() {
            // The SDK forgets that the trace id is random when it drops a span.
            let random = above.trace_flags() & RANDOM;
            let (trace, id) = (own.trace_id(), own.span_id());
            let state = own.trace_state().clone();
            Span::passing(SpanContext::new(trace, id, random, false, state))
        } else {
            Span::passing(above.clone())
        }
    }
}

impl Span {
    fn passing(place: SpanContext) -> Self {
        Self { recorded: None, place }
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
        let recorded = self.recorded.as_ref();
        recorded.map_or(&self.place, SdkSpan::span_context)
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
