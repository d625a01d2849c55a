//! gRPC's status codes: their names, and which of them are errors.

use super::Side;

/// The names, by code.
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

const UNKNOWN: u8 = 2;

/// The codes that are the server's own fault: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL,
/// UNAVAILABLE, DATA_LOSS.
const SERVER_ERRORS: [u8; 6] = [UNKNOWN, 4, 12, 13, 14, 15];

/// The name of a code, which is `UNKNOWN` for one that gRPC does not have.
pub(crate) fn code_name(code: u8) -> &'static str {
    NAMES[usize::from(known(code))]
}

/// Whether a code makes the span of this side an error (semantic conventions, "gRPC").
pub(super) fn is_error(code: u8, side: Side) -> bool {
    match side {
        Side::Caller => code != 0,
        Side::Called => SERVER_ERRORS.contains(&known(code)),
    }
}

fn known(code: u8) -> u8 {
    if usize::from(code) < NAMES.len() { code } else { UNKNOWN }
}
