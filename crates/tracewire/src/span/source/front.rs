//! Spans opened through `tracing`, for programs that have a `tracing-opentelemetry` layer and no
//! tracer provider of their own to give us.
//!
//! Only the name and the kind are `tracing` fields. Everything else goes to the OpenTelemetry span
//! behind it, where types are kept and renaming works.

use opentelemetry::Context;
use opentelemetry::trace::{SpanKind, TraceContextExt as _};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::{Extras, Place, Start, Started, dropped};

/// Starts a span, or `None` when no layer records it: there is none, or a filter hides the span.
pub(super) fn start(kind: &SpanKind, start: Start, parent: &Context) -> Option<Started> {
    // A layer takes the parent of a new span from the current context. Behind a `reload::Layer` it
    // cannot be found, so this is the only way to tell it.
    let _parent = parent.clone().attach();
    let span = open(kind, &start.name);
    if span.is_disabled() {
        return None;
    }
    let Start { attributes, links, .. } = start;
    if span.set_parent(parent.clone()).is_ok() {
        for attribute in attributes {
            span.set_attribute(attribute.key, attribute.value);
        }
        for link in links.into_iter().flatten() {
            span.add_link_with_attributes(link.span_context, link.attributes);
        }
        let context = started_below(parent, span.context())?;
        return Some(Started::behind(span, context, parent));
    }
    let current = span.in_scope(Context::current);
    let context = started_below(parent, current)?;
    context.span().set_attributes(attributes);
    for link in links.into_iter().flatten() {
        context.span().add_link(link.span_context, link.attributes);
    }
    Some(Started::behind(span, context, parent))
}

impl Started {
    fn behind(front: tracing::Span, context: Context, parent: &Context) -> Self {
        let recording = context.span().is_recording();
        let context = if recording {
            context
        } else {
            let identity = dropped(context.span().span_context(), parent.span().span_context());
            context.with_remote_span_context(identity)
        };
        let extras = Extras { front: Some(front), ..Extras::default() };
        Self { context, place: Place::Own, extras: Some(Box::new(extras)), recording }
    }
}

/// `context` if it has a span of its own rather than that of `parent`.
fn started_below(parent: &Context, context: Context) -> Option<Context> {
    let id = context.span().span_context().span_id();
    let own =
        context.span().span_context().is_valid() && id != parent.span().span_context().span_id();
    own.then_some(context)
}

/// A `tracing` span has a static name, so the kind gives it and `otel.name` says the rest.
fn open(kind: &SpanKind, name: &str) -> tracing::Span {
    macro_rules! span {
        ($kind:literal) => {
            tracing::info_span!(target: "tracewire", $kind, otel.name = name, otel.kind = $kind)
        };
    }
    match kind {
        SpanKind::Server => span!("server"),
        SpanKind::Client => span!("client"),
        SpanKind::Producer => span!("producer"),
        SpanKind::Consumer => span!("consumer"),
        SpanKind::Internal => span!("internal"),
    }
}
