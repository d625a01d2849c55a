//! What a span takes up, by estimate and rather too much than too little.

use opentelemetry::trace::{Event, Link};
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

/// The bytes behind its pointers. Texts count even where they are static.
pub(super) fn of_heap(span: &SpanData) -> usize {
    let events: usize = span.events.iter().map(|event| of_attributes(&event.attributes)).sum();
    let links: usize = span.links.iter().map(|link| of_attributes(&link.attributes)).sum();
    let state: usize = span
        .span_context
        .trace_state()
        .into_iter()
        .map(|(key, value)| 2 * size_of::<String>() + key.len() + value.len())
        .sum();
    span.name.len()
        + of_attributes(&span.attributes)
        + span.attributes.capacity().saturating_sub(span.attributes.len()) * size_of::<KeyValue>()
        + span.events.len() * size_of::<Event>()
        + events
        + span.links.len() * size_of::<Link>()
        + links
        + state
}

fn of_attributes(attributes: &[KeyValue]) -> usize {
    let texts: usize =
        attributes.iter().map(|it| it.key.as_str().len() + of_value(&it.value)).sum();
    size_of_val(attributes) + texts
}

fn of_value(value: &Value) -> usize {
    match value {
        Value::String(text) => text.as_str().len(),
        Value::Array(Array::Bool(values)) => values.len(),
        Value::Array(Array::I64(values)) => size_of_val(values.as_slice()),
        Value::Array(Array::F64(values)) => size_of_val(values.as_slice()),
        Value::Array(Array::String(values)) => {
            let texts: usize = values.iter().map(|text| text.as_str().len()).sum();
            size_of_val(values.as_slice()) + texts
        }
        _ => 0,
    }
}
