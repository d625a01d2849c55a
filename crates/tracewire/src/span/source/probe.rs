//! What would become of spans, found out without one that anybody gets to see.
//!
//! Telemetry is suppressed around every span opened here: a provider then makes none of it, and has
//! nothing to hand to a processor or an exporter.

use std::sync::LazyLock;
use std::thread;

use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, global};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::NoSubscriber;
use tracing_opentelemetry::{OpenTelemetrySpanExt as _, SetParentError};

use super::{Source, is_real, scope};

/// The span that probes are below. Whoever hands it on has no provider.
const ABOVE: SpanId = SpanId::from_bytes([0, 0, 0, 0, 0, 0, 0, 1]);

/// A parent below which nothing is recorded.
pub(super) static SILENT: LazyLock<Context> = LazyLock::new(|| {
    let (trace_id, flags) = (TraceId::from(1), TraceFlags::NOT_SAMPLED);
    let parent = SpanContext::new(trace_id, ABOVE, flags, true, TraceState::NONE);
    Context::new().with_remote_span_context(parent).with_telemetry_suppressed()
});

/// Who makes the spans of a [`Source`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    Nobody,
    Provider,
    /// A `tracing-opentelemetry` layer, or the lack of one.
    Layer,
}

/// What becomes of a `tracing` span of level `info` in the current subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// There is no subscriber.
    NoSubscriber,
    /// The subscriber has no layer for it.
    Missing,
    /// There is a layer, or may be one, and a filter keeps spans of this level from it.
    Hidden,
    /// A filter keeps spans of tracewire's target from it; those of others may pass.
    Unclear,
    /// The layer has no provider.
    Idle,
    /// The layer does not make its spans current for OpenTelemetry.
    Inactive,
    /// It gets into traces.
    Works,
}

impl Source {
    /// Who would make a span right now.
    pub(crate) fn maker(&self) -> Maker {
        let real = match self {
            Self::Nothing => return Maker::Nobody,
            Self::Tracing => return Maker::Layer,
            Self::Provider(tracer) => tracer.is_real(),
            Self::Automatic if is_real(&global::tracer_with_scope(scope())) => true,
            Self::Automatic => return Maker::Layer,
        };
        if real { Maker::Provider } else { Maker::Nobody }
    }
}

/// Whether a span ID is that of a parent that was handed back.
pub(super) fn is_handed_back(span: &SpanContext) -> bool {
    span.span_id() == ABOVE
}

/// Looks at the current subscriber. `None` when that cannot be done.
pub(crate) fn layer() -> Option<Layer> {
    let subscriber = tracing::dispatcher::get_default(Clone::clone);
    if subscriber.is::<NoSubscriber>() {
        return Some(Layer::NoSubscriber);
    }
    // On a thread of its own, since spans that are current on this one would be above the probe, and
    // telemetry is not suppressed in them.
    let looking = thread::Builder::new().name("tracewire-doctor".to_owned()).spawn(move || {
        let _silence = Context::new().with_telemetry_suppressed().attach();
        tracing::dispatcher::with_default(&subscriber, look)
    });
    looking.ok()?.join().ok()
}

fn look() -> Layer {
    let info = tracing::info_span!(target: "tracewire", "probe");
    if let Some(layer) = behind(&info) {
        return layer;
    }
    let error = tracing::error_span!(target: "tracewire", "probe");
    match behind(&error) {
        Some(Layer::Missing) => Layer::Missing,
        Some(_) => Layer::Hidden,
        None if LevelFilter::current() < LevelFilter::INFO => Layer::Hidden,
        None => Layer::Unclear,
    }
}

/// `None` when a filter hides the span.
fn behind(span: &tracing::Span) -> Option<Layer> {
    match span.set_parent(SILENT.clone()) {
        Ok(()) => {}
        Err(SetParentError::SpanDisabled) => return None,
        // A layer in a `reload::Layer` cannot be found in any other way.
        Err(_) => return Some(if is_active(span) { Layer::Works } else { Layer::Missing }),
    }
    let started = span.context();
    if !started.has_active_span() {
        return None;
    }
    Some(match is_handed_back(started.span().span_context()) {
        true => Layer::Idle,
        false if is_active(span) => Layer::Works,
        false => Layer::Inactive,
    })
}

/// Whether the span is OpenTelemetry's current one while it is entered.
fn is_active(span: &tracing::Span) -> bool {
    span.in_scope(|| Context::current().has_active_span())
}
