//! What a caller decided about sampling, in the four states that B3 names.
//!
//! OpenTelemetry's sampled flag knows two of them. The other two travel beside the span context, in
//! the [`Context`] of the same trace, so that they can be passed on.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceFlags, TraceId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sampling {
    Deny,
    Accept,
    /// Accept, whatever a sampler further down would say (B3, Jaeger).
    Debug,
    /// The receiver decides. It counts as not sampled until it does.
    Deferred,
}

/// Debug or deferred, of one trace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carried {
    trace_id: TraceId,
    sampling: Sampling,
}

impl Sampling {
    /// What to tell the next process about `span`, the one of `context`.
    pub(super) fn of(context: &Context, span: &SpanContext) -> Self {
        let carried =
            context.get::<Carried>().filter(|carried| carried.trace_id == span.trace_id());
        match carried.map(|carried| carried.sampling) {
            Some(Self::Debug) => Self::Debug,
            // A span of our own means that the decision has been made here.
            Some(Self::Deferred) if span.is_remote() => Self::Deferred,
            _ => Self::decided(span.is_sampled()),
        }
    }

    pub(super) fn decided(sampled: bool) -> Self {
        if sampled { Self::Accept } else { Self::Deny }
    }

    pub(super) fn is_sampled(self) -> bool {
        matches!(self, Self::Accept | Self::Debug)
    }

    pub(super) fn flags(self) -> TraceFlags {
        TraceFlags::NOT_SAMPLED.with_sampled(self.is_sampled())
    }

    /// Puts into `context` what the flags of its span, of trace `trace_id`, cannot say.
    #[inline]
    pub(super) fn carry(self, trace_id: TraceId, context: Context) -> Context {
        let beyond_flags = matches!(self, Self::Debug | Self::Deferred);
        if beyond_flags || context.get::<Carried>().is_some() {
            let sampling = self;
            context.with_value(Carried { trace_id, sampling })
        } else {
            context
        }
    }
}
