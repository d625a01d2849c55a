//! Who called: the same caller for every bench.

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};

/// A `tracestate` with two members.
pub const TRACESTATE: &str = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

/// The `traceparent` of a caller that records, or of one that does not.
pub const fn traceparent(sampled: bool) -> &'static str {
    if sampled {
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    } else {
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    }
}

/// The same caller as a context, with a `tracestate` of as many members.
pub fn context(sampled: bool, members: usize) -> Context {
    let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    let pairs = (0..members).map(|member| (format!("member{member}"), "00f067aa0ba902b7"));
    let state = TraceState::from_key_value(pairs).expect("valid members");
    let trace = TraceId::from(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
    let span = SpanId::from(0xb7ad_6b71_6920_3331);
    Context::new().with_remote_span_context(SpanContext::new(trace, span, flags, true, state))
}
