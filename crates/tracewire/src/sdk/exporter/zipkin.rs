//! Spans on their way to a Zipkin server, in version 2 of its JSON.
//!
//! Specification: OpenTelemetry to Zipkin transformation.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use opentelemetry::trace::{Event, SpanId, SpanKind, Status};
use opentelemetry::{Array, Key, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use serde_json::{Map, Value as Json, json};

use super::exchange::Letter;
use super::{Client, Report};

/// Sends batches of spans to Zipkin and reports what does not arrive.
#[derive(Debug)]
pub(crate) struct ZipkinSpans {
    client: Client,
    report: Arc<Report>,
    service: String,
}

impl ZipkinSpans {
    pub(crate) fn new(client: Client, report: Arc<Report>) -> Self {
        Self { client, report, service: String::new() }
    }
}

impl SpanExporter for ZipkinSpans {
    /// Always `Ok`: what went wrong is in the report, and the SDK would log it once more.
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let spans: Json = batch.iter().map(|it| span(it, &self.service)).collect();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = Bytes::from(spans.to_string());
        let letter = Letter { size: body.len(), body, headers };
        self.report.sent(count, &self.client.deliver(letter).await);
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        let service = resource.get(&Key::from_static_str("service.name"));
        self.service = service.map(|service| service.to_string()).unwrap_or_default();
    }
}

fn span(span: &SpanData, service: &str) -> Json {
    let mut json = Map::new();
    let mut set = |key: &str, value: Json| json.insert(key.to_owned(), value);
    let context = &span.span_context;
    set("traceId", context.trace_id().to_string().into());
    set("id", context.span_id().to_string().into());
    if span.parent_span_id != SpanId::INVALID {
        set("parentId", span.parent_span_id.to_string().into());
    }
    set("name", span.name.as_ref().into());
    if let Some(kind) = kind(&span.span_kind) {
        set("kind", kind.into());
    }
    set("timestamp", microseconds(span.start_time).into());
    let took = span.end_time.duration_since(span.start_time).unwrap_or_default();
    // Zipkin takes no zero.
    set("duration", whole(took).max(1).into());
    set("localEndpoint", json!({ "serviceName": service }));
    if let Some(peer) = peer(span) {
        set("remoteEndpoint", json!({ "serviceName": peer }));
    }
    if !span.events.events.is_empty() {
        set("annotations", span.events.events.iter().map(annotation).collect());
    }
    set("tags", tags(span).into());
    json.into()
}

fn kind(kind: &SpanKind) -> Option<&'static str> {
    match kind {
        SpanKind::Client => Some("CLIENT"),
        SpanKind::Server => Some("SERVER"),
        SpanKind::Producer => Some("PRODUCER"),
        SpanKind::Consumer => Some("CONSUMER"),
        SpanKind::Internal => None,
    }
}

/// Who is on the other side, of those that call somebody.
fn peer(span: &SpanData) -> Option<String> {
    if !matches!(span.span_kind, SpanKind::Client | SpanKind::Producer) {
        return None;
    }
    ["service.peer.name", "peer.service", "server.address", "network.peer.address", "db.namespace"]
        .iter()
        .find_map(|key| span.attributes.iter().find(|it| it.key.as_str() == *key))
        .map(|attribute| attribute.value.to_string())
}

fn annotation(event: &Event) -> Json {
    let value = if event.attributes.is_empty() {
        event.name.to_string()
    } else {
        let attributes: Map<_, _> = event.attributes.iter().map(member).collect();
        format!("{}: {}", Json::from(event.name.as_ref()), Json::from(attributes))
    };
    json!({ "timestamp": microseconds(event.timestamp), "value": value })
}

fn tags(span: &SpanData) -> Map<String, Json> {
    let attributes = span.attributes.iter().filter(|it| it.key.as_str() != "error");
    let mut tags: Map<_, _> =
        attributes.map(|it| (it.key.to_string(), text(&it.value).into())).collect();
    let mut set = |key: &str, value: String| tags.insert(key.to_owned(), value.into());
    let scope = &span.instrumentation_scope;
    set("otel.scope.name", scope.name().to_owned());
    if let Some(version) = scope.version() {
        set("otel.scope.version", version.to_owned());
    }
    let dropped = [
        ("otel.dropped_attributes_count", span.dropped_attributes_count),
        ("otel.dropped_events_count", span.events.dropped_count),
        ("otel.dropped_links_count", span.links.dropped_count),
    ];
    for (key, count) in dropped.into_iter().filter(|(_, count)| *count > 0) {
        set(key, count.to_string());
    }
    match &span.status {
        Status::Unset => {}
        Status::Ok => {
            set("otel.status_code", "OK".to_owned());
        }
        Status::Error { description } => {
            set("otel.status_code", "ERROR".to_owned());
            set("error", description.to_string());
        }
    }
    tags
}

fn member(attribute: &KeyValue) -> (String, Json) {
    (attribute.key.to_string(), value(&attribute.value))
}

/// Tags are texts; a list is one of JSON.
fn text(it: &Value) -> String {
    match it {
        Value::Array(_) => value(it).to_string(),
        _ => it.to_string(),
    }
}

fn value(value: &Value) -> Json {
    match value {
        Value::Bool(it) => (*it).into(),
        Value::I64(it) => (*it).into(),
        Value::F64(it) => (*it).into(),
        Value::Array(Array::Bool(list)) => list.clone().into(),
        Value::Array(Array::I64(list)) => list.clone().into(),
        Value::Array(Array::F64(list)) => list.clone().into(),
        Value::Array(Array::String(list)) => list.iter().map(StringValue::as_str).collect(),
        other => other.to_string().into(),
    }
}

fn microseconds(time: SystemTime) -> u64 {
    whole(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn whole(duration: Duration) -> u64 {
    duration.as_micros().try_into().unwrap_or(u64::MAX)
}
