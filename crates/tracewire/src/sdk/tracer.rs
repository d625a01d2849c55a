//! The tracer behind `#[instrument]`: it finds the telemetry of the process when a span starts.
//!
//! A `tracing` layer is installed once and for ever, often before there is a provider, and must not
//! hold on to one that has been shut down. So the layer gets this tracer, which asks anew for each
//! span. Where no span is recorded, the caller's context stays what it was, random flag included, so
//! that a span that nobody keeps cannot break a trace.

use std::sync::{Arc, PoisonError, RwLock};

use opentelemetry::Context;
use opentelemetry::trace::{Span as _, SpanBuilder, TraceContextExt as _, TracerProvider as _};

use super::exporter::is_exporting;
use super::provider::{Provider, Span, Tracer};
use crate::Sampling;

/// What is behind every [`LateTracer`].
#[derive(Debug)]
struct Live {
    tracer: Tracer,
    sampling: Sampling,
}

static LIVE: RwLock<Option<Arc<Live>>> = RwLock::new(None);

/// Lets all late tracers make spans of this provider.
pub(super) fn connect(provider: &Provider, sampling: Sampling) {
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

impl opentelemetry::trace::Tracer for LateTracer {
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
        if span.span_context().is_valid() { span } else { Span::passing(above.clone()) }
    }
}
