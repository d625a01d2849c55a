//! Where spans come from: the OpenTelemetry API, or a `tracing-opentelemetry` layer.

use std::sync::{Arc, LazyLock};

use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanKind, TraceContextExt as _, Tracer, TracerProvider,
};
use opentelemetry::{Context, InstrumentationScope, global};

use super::attributes::SCHEMA_URL;
use super::entered::Place;
use super::{Extras, Start};
use crate::context::RANDOM;
use crate::telemetry::Sampling;

mod front;
pub(crate) mod probe;

/// Where the spans of a telemetry come from.
#[derive(Clone)]
pub(crate) enum Source {
    /// Nowhere.
    Nothing,
    /// From this provider.
    Provider(Arc<dyn StartSpan>),
    /// From the `tracing-opentelemetry` layer of the current subscriber.
    Tracing,
    /// From OpenTelemetry's global provider if it is a real one, otherwise as `Tracing`.
    Automatic,
}

/// A span of a tracer inside its context.
pub(crate) struct Below {
    context: Context,
    recording: bool,
}

/// A span that has been started.
pub(crate) struct Started {
    pub(super) context: Context,
    pub(super) place: Place,
    pub(super) extras: Option<Box<Extras>>,
    pub(super) recording: bool,
}

/// One virtual call from attributes to a started span inside its context.
pub(crate) trait StartSpan: Send + Sync {
    /// `None` when the tracer is not a real one, or has been shut down.
    fn start(&self, builder: SpanBuilder, parent: &Context) -> Option<Below>;

    /// Whether a provider is behind it.
    fn is_real(&self) -> bool;
}

static SCOPE: LazyLock<InstrumentationScope> = LazyLock::new(|| {
    InstrumentationScope::builder("tracewire")
        .with_version(env!("CARGO_PKG_VERSION"))
        .with_schema_url(SCHEMA_URL)
        .build()
});

/// Who makes the spans and the instruments.
pub(crate) fn scope() -> InstrumentationScope {
    SCOPE.clone()
}

impl Source {
    pub(crate) fn of_provider<P>(provider: &P) -> Self
    where
        P: TracerProvider,
        P::Tracer: Send + Sync + 'static,
        <P::Tracer as Tracer>::Span: Send + Sync + 'static,
    {
        Self::Provider(Arc::new(Direct(provider.tracer_with_scope(scope()))))
    }

    /// Whether there will be no span below this context, which is known before anybody is asked.
    pub(crate) fn ignores(&self, sampling: Sampling, parent: &Context) -> bool {
        matches!(self, Self::Nothing)
            || parent.is_telemetry_suppressed()
            || (sampling == Sampling::FollowsParent && follows_unsampled(parent))
    }

    /// Starts a span, or `None` when this source has none to give.
    #[inline]
    pub(super) fn start(&self, kind: SpanKind, start: Start, parent: &Context) -> Option<Started> {
        match self {
            Self::Nothing => None,
            Self::Provider(tracer) => {
                tracer.start(start.into_builder(kind), parent).map(Started::of_tracer)
            }
            Self::Tracing => front::start(&kind, start, parent),
            Self::Automatic => start_globally(kind, start, parent),
        }
    }
}

/// Starts a span of the global provider if it is a real one, otherwise of a layer. The provider may
/// be set or replaced at any time and cannot be compared with the one seen last, so it is asked anew.
#[inline(never)]
fn start_globally(kind: SpanKind, start: Start, parent: &Context) -> Option<Started> {
    let global = global::tracer_with_scope(scope());
    if is_real(&global) {
        Direct(global).start(start.into_builder(kind), parent).map(Started::of_tracer)
    } else {
        front::start(&kind, start, parent)
    }
}

/// An unsampled parent of which a sampler that follows parents knows all it needs.
fn follows_unsampled(parent: &Context) -> bool {
    let span = parent.span();
    span.span_context().is_valid() && !span.span_context().is_sampled()
}

/// Whether a provider is behind a tracer. One that has none hands the parent's own context back,
/// even where telemetry is suppressed; a real one then answers with an invalid context, and records
/// nothing.
fn is_real(tracer: &impl Tracer) -> bool {
    let span = tracer.build_with_context(SpanBuilder::from_name("probe"), &probe::SILENT);
    !probe::is_handed_back(span.span_context())
}

impl Start {
    #[inline(always)]
    fn into_builder(self, kind: SpanKind) -> SpanBuilder {
        SpanBuilder {
            span_kind: Some(kind),
            name: self.name,
            start_time: self.start_time,
            attributes: Some(self.attributes),
            links: self.links,
            ..SpanBuilder::default()
        }
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Provider(_) => "Provider",
            Self::Tracing => "Tracing",
            Self::Automatic => "Automatic",
        })
    }
}

impl Started {
    /// No span: whatever `parent` says travels on.
    #[inline]
    pub(super) fn none(parent: Context) -> Self {
        Self { context: parent, place: Place::Parents, extras: None, recording: false }
    }

    #[inline]
    fn of_tracer(Below { context, recording }: Below) -> Self {
        Self { context, place: Place::Own, extras: None, recording }
    }
}

/// A tracer used without a box around its spans.
struct Direct<T>(T);

impl<T> StartSpan for Direct<T>
where
    T: Tracer + Send + Sync,
    T::Span: Send + Sync + 'static,
{
    fn start(&self, builder: SpanBuilder, parent: &Context) -> Option<Below> {
        // A span is large, and copied once less where nothing is decided before it is in its context.
        if parent.span().span_context().is_sampled() {
            let span = self.0.build_with_context(builder, parent);
            let recording = span.is_recording();
            let context = parent.with_span(span);
            return if recording {
                Some(Below { context, recording })
            } else {
                Below::dropped(context.span().span_context(), parent)
            };
        }
        let span = self.0.build_with_context(builder, parent);
        if span.is_recording() {
            Some(Below { context: parent.with_span(span), recording: true })
        } else {
            Below::dropped(span.span_context(), parent)
        }
    }

    fn is_real(&self) -> bool {
        is_real(&self.0)
    }
}

impl Below {
    /// A span that is not recorded, or `None` where there was none to give: a tracer without a
    /// provider hands the parent's context back, one that has been shut down an invalid one.
    #[inline(never)]
    fn dropped(own: &SpanContext, parent: &Context) -> Option<Self> {
        let parents = parent.span();
        let parents = parents.span_context();
        if !own.is_valid() || own.span_id() == parents.span_id() {
            return None;
        }
        let context = parent.with_remote_span_context(dropped(own, parents));
        Some(Self { context, recording: false })
    }
}

/// The identity of a span that a sampler has dropped. The SDK forgets that the trace id is random.
fn dropped(own: &SpanContext, parents: &SpanContext) -> SpanContext {
    let known = if own.trace_id() == parents.trace_id() { parents } else { own };
    SpanContext::new(
        own.trace_id(),
        own.span_id(),
        known.trace_flags() & RANDOM,
        false,
        own.trace_state().clone(),
    )
}
