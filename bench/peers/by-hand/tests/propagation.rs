//! What the caller says goes on in every mode, whether anything is recorded or not.

use std::borrow::Cow;

use bench_by_hand::{Fields, Tracing, inject};
use bench_harness::Mode;
use bench_harness::parent::{TRACESTATE, traceparent};
use http::{HeaderMap, HeaderValue};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;

fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_static(value));
    }
    headers
}

/// The fields that a client below a server writes in the place of old ones.
fn passed_on(mode: Mode, incoming: &HeaderMap) -> HeaderMap {
    let parent = Fields::of(incoming).parent();
    let span = Tracing::of(mode).serve(parent, || (Cow::Borrowed("GET"), Vec::new()));
    let mut outgoing = headers(&[("traceparent", "stale"), ("tracestate", "stale=1")]);
    let guard = span.enter();
    Context::map_current(|current| inject(current.span().span_context(), &mut outgoing));
    drop(guard);
    outgoing
}

#[test]
fn what_comes_in_goes_out() {
    for (mode, sampled) in [(Mode::Sampled, true), (Mode::Unsampled, false), (Mode::Off, true)] {
        let caller = traceparent(sampled);
        let with_state = headers(&[("traceparent", caller), ("tracestate", TRACESTATE)]);
        let outgoing = passed_on(mode, &with_state);
        assert_eq!(outgoing["tracestate"], TRACESTATE, "{mode}");
        let written = outgoing["traceparent"].to_str().unwrap();
        // The trace and the flags stay; the parent is the span that was made, if one was.
        assert_eq!((&written[..36], &written[52..]), (&caller[..36], &caller[52..]), "{mode}");
        assert_eq!(written == caller, mode != Mode::Sampled, "{mode}");
        let outgoing = passed_on(mode, &headers(&[("traceparent", caller)]));
        assert!(!outgoing.contains_key("tracestate"), "{mode}");
    }
}

#[test]
fn two_callers_are_none() {
    let twice = headers(&[("traceparent", traceparent(true)), ("traceparent", traceparent(true))]);
    assert!(!Fields::of(&twice).parent().has_active_span());
    assert!(!Fields::of(&headers(&[("tracestate", TRACESTATE)])).parent().has_active_span());
}
