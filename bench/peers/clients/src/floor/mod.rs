//! What a team writes for itself on OpenTelemetry's API: a span with the attributes that the conventions require, the
//! SDK's propagator, the context attached at each poll, a status where the answer is an error.

pub(crate) mod http;
pub(crate) mod redis;
pub(crate) mod sql;

use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{SpanKind, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};

/// A span below the current one, in a context of its own.
fn start(tracer: &BoxedTracer, name: String, attributes: Vec<KeyValue>) -> Context {
    let parent = Context::current();
    let builder = tracer.span_builder(name).with_kind(SpanKind::Client);
    let span = tracer.build_with_context(builder.with_attributes(attributes), &parent);
    parent.with_span(span)
}
