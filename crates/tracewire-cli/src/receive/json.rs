//! OTLP's JSON: protobuf's mapping with hexadecimal ids.

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use serde_json::{Value, json};

/// Reads a request.
///
/// Protobuf's JSON lets writers leave out empty lists, which the generated reader does not expect of array values;
/// so what it refuses is read once more with those filled in. The error is the first reading's, which knows the line.
pub(super) fn decode(body: &[u8]) -> Result<ExportTraceServiceRequest, serde_json::Error> {
    serde_json::from_slice(body).or_else(|error| {
        let Ok(mut value) = serde_json::from_slice(body) else {
            return Err(error);
        };
        fill_lists(&mut value);
        serde_json::from_value(value).map_err(|_| error)
    })
}

/// Writes an answer; a full success is the empty object.
pub(super) fn response(answer: &ExportTraceServiceResponse) -> Vec<u8> {
    let value = match &answer.partial_success {
        None => json!({}),
        Some(partial) => json!({"partialSuccess": {
            "rejectedSpans": partial.rejected_spans.to_string(),
            "errorMessage": partial.error_message,
        }}),
    };
    value.to_string().into_bytes()
}

fn fill_lists(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(fill_lists),
        Value::Object(fields) => {
            for (key, field) in fields {
                if let ("arrayValue" | "kvlistValue", Value::Object(list)) =
                    (key.as_str(), &mut *field)
                {
                    list.entry("values").or_insert_with(|| json!([]));
                }
                fill_lists(field);
            }
        }
        _ => {}
    }
}
