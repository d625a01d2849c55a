//! What travels, through the front door: headers in, headers out.

#![allow(clippy::unwrap_used)] // Clippy knows of test functions but not of their helpers.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceState};
use tracewire::{Format, Propagator};

mod b3;
mod baggage;
mod carriers;
mod datadog;
mod jaeger;
mod propagator;
mod properties;
mod traceparent;
mod tracestate;
mod xray;

const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN_ID: &str = "b7ad6b7169203331";

/// One case: lines of `name: value` received, and what is sent on, sorted by name.
type Case<'a> = (&'a [&'a str], &'a [&'a str]);

/// Reads each case and passes it on as it was read, as a proxy without spans of its own does.
fn check(formats: &[Format], cases: &[Case<'_>]) {
    let propagator = Propagator::new(formats.iter().copied());
    for (received, sent) in cases {
        let context = propagator.extract(&headers(received));
        assert_eq!(lines(&inject(&propagator, &context)), *sent, "{received:?}");
    }
}

/// Each of `values` in the field `name` makes no trace context.
fn check_refused(format: Format, name: &str, values: &[&str]) {
    for value in values {
        let received = headers(&[&format!("{name}: {value}")]);
        assert_eq!(Propagator::new([format]).read(&received).trace, None, "{value:?}");
    }
}

fn headers(lines: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        let value = value.strip_prefix(' ').unwrap_or(value);
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

/// Headers as lines sorted by name; the values of one name stay in order.
fn lines(headers: &HeaderMap) -> Vec<String> {
    let line =
        |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
    let mut lines: Vec<_> = headers.iter().map(line).collect();
    lines.sort_by(|a, b| a.split(':').next().cmp(&b.split(':').next()));
    lines
}

fn inject(propagator: &Propagator, context: &Context) -> HeaderMap {
    let mut headers = HeaderMap::new();
    propagator.inject(context, &mut headers);
    headers
}

/// `context` with a span of this process that continues the trace.
fn with_local_span(context: &Context, sampled: bool) -> Context {
    let parent = context.span().span_context().clone();
    context.with_remote_span_context(SpanContext::new(
        parent.trace_id(),
        SpanId::from(0x5),
        parent.trace_flags().with_sampled(sampled),
        false,
        parent.trace_state().clone(),
    ))
}

/// A context with a sampled span of this process and a tracestate.
fn local(state: TraceState) -> Context {
    Context::new().with_remote_span_context(SpanContext::new(
        u128::from_str_radix(TRACE_ID, 16).unwrap().into(),
        u64::from_str_radix(SPAN_ID, 16).unwrap().into(),
        TraceFlags::SAMPLED,
        false,
        state,
    ))
}
