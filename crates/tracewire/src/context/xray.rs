//! AWS X-Ray's tracing header, `x-amzn-trace-id` (X-Ray developer guide, "Tracing header").

use http::HeaderName;
use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt as _, TraceId, TraceState};

use super::carrier::first;
use super::sampling::Sampling;
use super::traceparent::trim;
use super::{Carrier, CarrierMut, TraceContext, hex};

static TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
pub(crate) static FIELDS: &[&HeaderName] = &[&TRACE_ID];

/// Reads `Root=1-{8 digits}-{24 digits};Parent={16 digits};Sampled={0|1|?}`, in any order.
///
/// A load balancer's `Self` and all other keys are passed over. `Sampled` may be missing. Without
/// a `Parent` there is no span to be a child of, and so no trace context.
pub(crate) fn extract(carrier: &(impl Carrier + ?Sized)) -> Option<TraceContext> {
    let (mut root, mut parent, mut sampling) = (None, None, Sampling::Deferred);
    for part in first(carrier, &TRACE_ID)?.split(|byte| *byte == b';') {
        match trim(part) {
            [b'R', b'o', b'o', b't', b'=', id @ ..] => root = Some(id),
            [b'P', b'a', b'r', b'e', b'n', b't', b'=', id @ ..] => parent = Some(id),
            b"Sampled=0" => sampling = Sampling::Deny,
            b"Sampled=1" => sampling = Sampling::Accept,
            _ => {}
        }
    }
    let span_id = SpanId::from_bytes(hex::any_case(parent?)?);
    TraceContext::new(trace_id(root?)?, span_id, sampling, TraceState::NONE)
}

/// `1-{8 digits}-{24 digits}`: a version, the time the trace began, and random bits.
fn trace_id(root: &[u8]) -> Option<TraceId> {
    let digits = root.strip_prefix(b"1-")?;
    if digits.len() != 33 || digits[8] != b'-' {
        return None;
    }
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&hex::any_case::<4>(&digits[..8])?);
    bytes[4..].copy_from_slice(&hex::any_case::<12>(&digits[9..])?);
    Some(TraceId::from_bytes(bytes))
}

/// Writes `Root`, `Parent` and, unless the decision is deferred, `Sampled`.
pub(crate) fn inject(context: &Context, carrier: &mut dyn CarrierMut) {
    let span = context.span();
    let span = span.span_context();
    let mut text = *b"Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0";
    let trace_id = span.trace_id().to_bytes();
    hex::write(&trace_id[..4], &mut text[7..15]);
    hex::write(&trace_id[4..], &mut text[16..40]);
    hex::write(&span.span_id().to_bytes(), &mut text[48..64]);
    let length = match Sampling::of(context, span) {
        Sampling::Deferred => 64,
        sampling => {
            text[73] = if sampling.is_sampled() { b'1' } else { b'0' };
            text.len()
        }
    };
    carrier.set(&TRACE_ID, hex::text(&text[..length]));
}
