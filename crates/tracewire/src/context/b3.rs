//! Zipkin's B3, in one header and in several (openzipkin/b3-propagation).

use http::HeaderName;
use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt as _, TraceId, TraceState};

use super::carrier::{first, set_or_remove};
use super::sampling::Sampling;
use super::{Carrier, CarrierMut, TraceContext, hex};

static SINGLE: HeaderName = HeaderName::from_static("b3");
static TRACE_ID: HeaderName = HeaderName::from_static("x-b3-traceid");
static SPAN_ID: HeaderName = HeaderName::from_static("x-b3-spanid");
static PARENT_ID: HeaderName = HeaderName::from_static("x-b3-parentspanid");
static SAMPLED: HeaderName = HeaderName::from_static("x-b3-sampled");
static FLAGS: HeaderName = HeaderName::from_static("x-b3-flags");

pub(crate) static SINGLE_FIELDS: &[&HeaderName] = &[&SINGLE];
pub(crate) static MULTI_FIELDS: &[&HeaderName] =
    &[&TRACE_ID, &SPAN_ID, &PARENT_ID, &SAMPLED, &FLAGS];

/// Reads the single header, or where that says nothing usable the separate ones, whichever of the
/// two is written (OpenTelemetry specification, "B3 Extract").
///
/// A sampling decision on its own (`b3: 0`) has no ids and so is no trace context.
pub(crate) fn extract(carrier: &(impl Carrier + ?Sized)) -> Option<TraceContext> {
    extract_single(carrier).or_else(|| extract_multi(carrier))
}

/// `{TraceId}-{SpanId}[-{SamplingState}[-{ParentSpanId}]]`. The parent has to be well-formed, but
/// nobody needs it.
fn extract_single(carrier: &(impl Carrier + ?Sized)) -> Option<TraceContext> {
    let mut parts = first(carrier, &SINGLE)?.split(|byte| *byte == b'-');
    let (trace_id, span_id) = (trace_id(parts.next()?)?, span_id(parts.next()?)?);
    let sampling = match parts.next() {
        None => Sampling::Deferred,
        Some(b"0") => Sampling::Deny,
        Some(b"1") => Sampling::Accept,
        Some(b"d") => Sampling::Debug,
        Some(_) => return None,
    };
    if let Some(parent) = parts.next() {
        hex::lower::<8>(parent)?;
    }
    if parts.next().is_some() {
        return None;
    }
    TraceContext::new(trace_id, span_id, sampling, TraceState::NONE)
}

fn extract_multi(carrier: &(impl Carrier + ?Sized)) -> Option<TraceContext> {
    let trace_id = trace_id(first(carrier, &TRACE_ID)?)?;
    let span_id = span_id(first(carrier, &SPAN_ID)?)?;
    let sampling = match (first(carrier, &FLAGS), first(carrier, &SAMPLED)) {
        (Some(b"1"), _) => Sampling::Debug,
        (_, Some(b"1" | b"true")) => Sampling::Accept,
        (_, Some(b"0" | b"false")) => Sampling::Deny,
        _ => Sampling::Deferred,
    };
    TraceContext::new(trace_id, span_id, sampling, TraceState::NONE)
}

/// 16 or 32 lower-case digits.
fn trace_id(digits: &[u8]) -> Option<TraceId> {
    match hex::lower(digits) {
        Some(bytes) => Some(TraceId::from_bytes(bytes)),
        None => hex::lower(digits).map(|low| TraceId::from(u128::from(u64::from_be_bytes(low)))),
    }
}

fn span_id(digits: &[u8]) -> Option<SpanId> {
    hex::lower(digits).map(SpanId::from_bytes)
}

/// Writes `b3`, without a parent, and without a sampling state where the decision is deferred.
pub(crate) fn inject_single(context: &Context, carrier: &mut dyn CarrierMut) {
    let span = context.span();
    let span = span.span_context();
    let mut text = *b"00000000000000000000000000000000-0000000000000000-0";
    hex::write(&span.trace_id().to_bytes(), &mut text[..32]);
    hex::write(&span.span_id().to_bytes(), &mut text[33..49]);
    let length = match Sampling::of(context, span) {
        Sampling::Deferred => 49,
        sampling => {
            text[50] = state(sampling);
            text.len()
        }
    };
    carrier.set(&SINGLE, hex::text(&text[..length]));
}

fn state(sampling: Sampling) -> u8 {
    match sampling {
        Sampling::Debug => b'd',
        Sampling::Accept => b'1',
        Sampling::Deny | Sampling::Deferred => b'0',
    }
}

/// Writes the separate headers. Debug implies sampled, which then is not sent as well.
pub(crate) fn inject_multi(context: &Context, carrier: &mut dyn CarrierMut) {
    let span = context.span();
    let span = span.span_context();
    let (mut trace_id, mut span_id) = ([0; 32], [0; 16]);
    hex::write(&span.trace_id().to_bytes(), &mut trace_id);
    hex::write(&span.span_id().to_bytes(), &mut span_id);
    carrier.set(&TRACE_ID, hex::text(&trace_id));
    carrier.set(&SPAN_ID, hex::text(&span_id));
    carrier.remove(&PARENT_ID);
    let (sampled, flags) = match Sampling::of(context, span) {
        Sampling::Deny => (Some("0"), None),
        Sampling::Accept => (Some("1"), None),
        Sampling::Debug => (None, Some("1")),
        Sampling::Deferred => (None, None),
    };
    set_or_remove(carrier, &SAMPLED, sampled);
    set_or_remove(carrier, &FLAGS, flags);
}
