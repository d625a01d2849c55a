//! Jaeger's own header, `uber-trace-id` (Jaeger client libraries, "Propagation Format").

use std::borrow::Cow;

use http::HeaderName;
use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt as _, TraceId, TraceState};
use percent_encoding::percent_decode;

use super::carrier::first;
use super::sampling::Sampling;
use super::{Carrier, CarrierMut, TraceContext, hex};

static UBER_TRACE_ID: HeaderName = HeaderName::from_static("uber-trace-id");
pub(crate) static FIELDS: &[&HeaderName] = &[&UBER_TRACE_ID];

const SAMPLED: u8 = 0x01;
const DEBUG: u8 = 0x02;

/// Reads `{trace-id}:{span-id}:{parent-span-id}:{flags}`.
///
/// Ids may leave out leading zeroes, the value may be percent-encoded, and the parent is of no
/// interest.
pub(crate) fn extract(carrier: &(impl Carrier + ?Sized)) -> Option<TraceContext> {
    let value = Cow::from(percent_decode(first(carrier, &UBER_TRACE_ID)?));
    let mut parts = value.split(|byte| *byte == b':');
    let trace_id = TraceId::from_bytes(hex::padded(parts.next()?)?);
    let span_id = SpanId::from_bytes(hex::padded(parts.next()?)?);
    let _parent = parts.next()?;
    let [flags] = hex::padded(parts.next()?)?;
    let sampling = match flags {
        _ if parts.next().is_some() => return None,
        flags if flags & DEBUG != 0 => Sampling::Debug,
        flags if flags & SAMPLED != 0 => Sampling::Accept,
        _ => Sampling::Deny,
    };
    TraceContext::new(trace_id, span_id, sampling, TraceState::NONE)
}

/// Writes full-width ids and the parent as `0`, which is deprecated and means "not told".
pub(crate) fn inject(context: &Context, carrier: &mut dyn CarrierMut) {
    let span = context.span();
    let span = span.span_context();
    let mut text = *b"00000000000000000000000000000000:0000000000000000:0:0";
    hex::write(&span.trace_id().to_bytes(), &mut text[..32]);
    hex::write(&span.span_id().to_bytes(), &mut text[33..49]);
    text[52] = match Sampling::of(context, span) {
        Sampling::Debug => b'3',
        Sampling::Accept => b'1',
        Sampling::Deny | Sampling::Deferred => b'0',
    };
    carrier.set(&UBER_TRACE_ID, hex::text(&text));
}
