//! W3C Trace Context level 2 as a whole: `traceparent` and `tracestate` together.

use http::HeaderName;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;

use super::traceparent::{self, TRACEPARENT, TraceParent};
use super::tracestate::{self, TRACESTATE};
use super::{Carrier, CarrierMut, TraceContext};

pub(crate) static FIELDS: &[&HeaderName] = &[&TRACEPARENT, &TRACESTATE];

/// Reads both fields. Without a valid `traceparent` the `tracestate` is not looked at; an invalid
/// `tracestate` leaves the `traceparent` as it is (§3.3, §4.2).
#[inline]
pub(crate) fn extract(carrier: &(impl Carrier + ?Sized)) -> Option<TraceContext> {
    let (trace_id, span_id, flags) = traceparent::extract(carrier)?;
    TraceContext::with_state(trace_id, span_id, flags, tracestate::extract(carrier))
}

/// Writes both fields for the span of `context`; an empty `tracestate` is taken out.
pub(crate) fn inject(context: &Context, carrier: &mut dyn CarrierMut) {
    if let Some(stale) = write(context, carrier) {
        carrier.remove(stale);
    }
}

/// The same but for the field to be taken out, if there is one, which is returned.
#[inline]
pub(crate) fn write<C: CarrierMut + ?Sized>(
    context: &Context,
    carrier: &mut C,
) -> Option<&'static HeaderName> {
    let span = context.span();
    let span = span.span_context();
    let state = tracestate::format(context, span);
    if state.is_some() {
        carrier.reserve(FIELDS.len());
    }
    carrier.set_bytes(&TRACEPARENT, TraceParent::of(span).as_bytes());
    match state {
        Some(state) => {
            carrier.set_text(&TRACESTATE, state);
            None
        }
        None => Some(&TRACESTATE),
    }
}
