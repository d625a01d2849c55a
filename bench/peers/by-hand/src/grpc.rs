//! The status of a call (semantic conventions, "gRPC").

use http::{HeaderMap, HeaderName};
use opentelemetry::KeyValue;

use crate::{Side, Span};

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const CODE: &str = "rpc.response.status_code";

const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];
const CANCELLED: usize = 1;
const UNKNOWN: usize = 2;

/// What a head or trailers say. There are few fields, and looking for one costs less than the hash of its name.
#[inline]
pub fn code_of(fields: &HeaderMap) -> Option<usize> {
    let (_, value) = fields.iter().find(|(name, _)| **name == STATUS)?;
    let code = std::str::from_utf8(value.as_bytes()).ok().and_then(|it| it.parse().ok());
    Some(code.filter(|code| *code < NAMES.len()).unwrap_or(UNKNOWN))
}

/// What a code is called.
pub fn name_of(code: usize) -> &'static str {
    NAMES.get(code).copied().unwrap_or(NAMES[UNKNOWN])
}

/// Whether a code is an error to this side.
pub fn is_error(code: usize, side: Side) -> bool {
    match side {
        Side::Client => code != 0,
        Side::Server => matches!(code, UNKNOWN | 4 | 12 | 13 | 14 | 15),
    }
}

/// Ends the span of a call. One without a status has been cut short.
#[inline]
pub(crate) fn end(span: &mut Span, fields: Option<&HeaderMap>) {
    if span.is_recorded() {
        end_with(span, fields.and_then(code_of).unwrap_or(UNKNOWN));
    }
}

/// Ends the span of a call that nobody waits for any more.
#[inline]
pub(crate) fn cancel(span: &mut Span) {
    if span.is_recorded() && !std::thread::panicking() {
        end_with(span, CANCELLED);
    }
}

fn end_with(span: &mut Span, code: usize) {
    span.set_one(KeyValue::new(CODE, name_of(code)));
    span.end(is_error(code, span.side()).then(|| name_of(code)));
}
