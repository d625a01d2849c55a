//! From OTLP's messages to spans: the only place that knows both.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{self as proto, span, status};

use crate::attributes::{Attributes, Value};
use crate::span::{Event, Link, Resource, Span, SpanId, SpanKind, Status, TraceId};
use crate::store::Store;

/// Keeps every valid span of a request and answers what was rejected, and why.
pub(super) fn keep(
    request: ExportTraceServiceRequest,
    store: &Store,
) -> ExportTraceServiceResponse {
    let mut spans = Vec::new();
    let (mut rejected, mut reason) = (0, None);
    for group in request.resource_spans {
        let resource =
            Arc::new(Resource::new(attributes(group.resource.unwrap_or_default().attributes)));
        for scope_spans in group.scope_spans {
            let scope = Arc::from(scope_spans.scope.unwrap_or_default().name);
            for span in scope_spans.spans {
                match decode(span, &resource, &scope) {
                    Ok(span) => spans.push(span),
                    Err(why) => {
                        rejected += 1;
                        reason.get_or_insert(why);
                    }
                }
            }
        }
    }
    let refused = store.add(spans);
    if refused > 0 {
        rejected += refused as i64;
        reason.get_or_insert("the trace has more spans than are kept");
    }
    ExportTraceServiceResponse {
        partial_success: reason.map(|why| ExportTracePartialSuccess {
            rejected_spans: rejected,
            error_message: why.to_owned(),
        }),
    }
}

fn decode(
    span: proto::Span,
    resource: &Arc<Resource>,
    scope: &Arc<str>,
) -> Result<Span, &'static str> {
    let kind = match span.kind() {
        span::SpanKind::Server => SpanKind::Server,
        span::SpanKind::Client => SpanKind::Client,
        span::SpanKind::Producer => SpanKind::Producer,
        span::SpanKind::Consumer => SpanKind::Consumer,
        span::SpanKind::Internal | span::SpanKind::Unspecified => SpanKind::Internal,
    };
    Ok(Span {
        trace_id: trace_id(&span.trace_id).ok_or("a trace id must be 16 bytes, not all zero")?,
        span_id: span_id(&span.span_id).ok_or("a span id must be 8 bytes, not all zero")?,
        parent_id: parent_id(&span.parent_span_id)?,
        name: span.name,
        kind,
        start: span.start_time_unix_nano,
        end: span.end_time_unix_nano,
        status: decode_status(span.status.unwrap_or_default()),
        attributes: attributes(span.attributes),
        events: span
            .events
            .into_iter()
            .map(|e| Event::new(e.name, e.time_unix_nano, attributes(e.attributes)))
            .collect(),
        links: span.links.into_iter().filter_map(decode_link).collect(),
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
    })
}

fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    let id = TraceId::from_bytes(bytes.try_into().ok()?);
    (id != TraceId::INVALID).then_some(id)
}

fn span_id(bytes: &[u8]) -> Option<SpanId> {
    let id = SpanId::from_bytes(bytes.try_into().ok()?);
    (id != SpanId::INVALID).then_some(id)
}

/// Some exporters write the absent parent as eight zeros.
fn parent_id(bytes: &[u8]) -> Result<Option<SpanId>, &'static str> {
    match bytes.len() {
        0 => Ok(None),
        8 => Ok(span_id(bytes)),
        _ => Err("a parent span id must be empty or 8 bytes"),
    }
}

fn decode_status(status: proto::Status) -> Status {
    match status.code() {
        status::StatusCode::Unset => Status::Unset,
        status::StatusCode::Ok => Status::Ok,
        status::StatusCode::Error => Status::error(status.message),
    }
}

fn decode_link(link: span::Link) -> Option<Link> {
    Some(Link::new(trace_id(&link.trace_id)?, span_id(&link.span_id)?, attributes(link.attributes)))
}

fn attributes(pairs: Vec<KeyValue>) -> Attributes {
    pairs.into_iter().map(|pair| (pair.key, pair.value.map_or(Value::Null, value))).collect()
}

/// Recursion is bounded: the decoders of both encodings refuse more than about a hundred levels.
fn value(any: AnyValue) -> Value {
    match any.value {
        Some(any_value::Value::StringValue(text)) => Value::String(text),
        Some(any_value::Value::BoolValue(value)) => Value::Bool(value),
        Some(any_value::Value::IntValue(value)) => Value::Int(value),
        Some(any_value::Value::DoubleValue(value)) => Value::Double(value),
        Some(any_value::Value::BytesValue(bytes)) => Value::Bytes(bytes),
        Some(any_value::Value::ArrayValue(array)) => {
            Value::Array(array.values.into_iter().map(value).collect())
        }
        Some(any_value::Value::KvlistValue(list)) => Value::Map(attributes(list.values)),
        // The index points into a dictionary that only profiles have.
        Some(any_value::Value::StringValueStrindex(_)) | None => Value::Null,
    }
}
