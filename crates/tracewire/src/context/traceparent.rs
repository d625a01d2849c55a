//! The `traceparent` field of W3C Trace Context level 2 (§3.2).

use http::HeaderName;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId};

use super::{Carrier, KNOWN_FLAGS, hex};

pub(crate) static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The length of version 00: `vv-tttttttttttttttttttttttttttttttt-pppppppppppppppp-ff`.
const LENGTH: usize = 55;

/// Reads the one `traceparent` of a carrier. Several of them are no `traceparent`.
#[inline]
pub(super) fn extract(carrier: &(impl Carrier + ?Sized)) -> Option<(TraceId, SpanId, TraceFlags)> {
    parse(carrier.only(&TRACEPARENT)?)
}

/// Reads a field value, surrounding white space allowed.
///
/// Version 00 must have exactly 55 characters. A higher version is read by its prefix, provided a
/// `-` follows it; `ff`, upper-case digits and all-zero ids are invalid. Unknown flags are dropped.
#[inline]
fn parse(value: &[u8]) -> Option<(TraceId, SpanId, TraceFlags)> {
    let (fields, rest) = trim(value).split_first_chunk::<LENGTH>()?;
    let mut digits = [b'0'; 64];
    digits[..32].copy_from_slice(&fields[3..35]);
    digits[32..48].copy_from_slice(&fields[36..52]);
    digits[48..50].copy_from_slice(&fields[..2]);
    digits[50..52].copy_from_slice(&fields[53..]);
    let bytes: [u8; 32] = hex::lower_exactly(&digits)?;
    let (version, flags) = (bytes[24], bytes[25]);
    let separated = fields[2] == b'-' && fields[35] == b'-' && fields[52] == b'-';
    let length_fits = match version {
        0x00 => rest.is_empty(),
        0xff => false,
        _ => rest.first().is_none_or(|next| *next == b'-'),
    };
    if !separated || !length_fits {
        return None;
    }
    let trace_id = TraceId::from_bytes(*bytes.first_chunk()?);
    let span_id = SpanId::from_bytes(*bytes[16..].first_chunk()?);
    let valid = trace_id != TraceId::INVALID && span_id != SpanId::INVALID;
    valid.then_some((trace_id, span_id, TraceFlags::new(flags & KNOWN_FLAGS)))
}

/// A `traceparent` ready to be written, always of version 00.
pub(crate) struct TraceParent([u8; LENGTH]);

impl TraceParent {
    pub(crate) fn of(span: &SpanContext) -> Self {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&span.trace_id().to_bytes());
        bytes[16..24].copy_from_slice(&span.span_id().to_bytes());
        let digits: [u8; 64] = hex::digits_of(&bytes);
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        text[3..35].copy_from_slice(&digits[..32]);
        text[36..52].copy_from_slice(&digits[32..48]);
        // Known flags need no more than one digit.
        text[54] += span.trace_flags().to_u8() & KNOWN_FLAGS;
        Self(text)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Takes optional white space (RFC 9110 §5.6.3) off both ends.
pub(super) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
