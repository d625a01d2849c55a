//! Writing the context of a span into headers.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::SpanContext;

use crate::{traceparent, tracestate};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Writes `traceparent` and `tracestate` in the place of what is there.
#[inline]
pub fn inject(span: &SpanContext, headers: &mut HeaderMap) {
    if !span.is_valid() {
        return;
    }
    // Nearly always there is none to take out, which is seen sooner than a name is hashed.
    let stale = headers.keys().any(|name| *name == TRACESTATE);
    if let Ok(value) = HeaderValue::from_bytes(&traceparent::format(span)) {
        headers.insert(TRACEPARENT, value);
    }
    match tracestate::format(span.trace_state()).map(HeaderValue::try_from) {
        Some(Ok(value)) => {
            headers.insert(TRACESTATE, value);
        }
        _ if stale => {
            headers.remove(TRACESTATE);
        }
        _ => {}
    }
}
