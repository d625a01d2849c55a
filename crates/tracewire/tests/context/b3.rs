//! B3, in one header and in several.

use opentelemetry::trace::{TraceContextExt as _, TraceState};
use tracewire::{Format, Propagator};

use crate::{SPAN_ID, TRACE_ID, check, check_refused, headers, inject, lines};
use crate::{local, with_local_span};

const IDS: &str = "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1";
const MULTI: [&str; 2] =
    ["x-b3-spanid: e457b5a2e4d86bd1", "x-b3-traceid: 80f198ee56343ba864fe8b2a57d3eff7"];

#[test]
fn one_header() {
    check(
        &[Format::B3],
        &[
            (&[], &[]),
            (&[&format!("b3: {IDS}-1")], &[&format!("b3: {IDS}-1")]),
            (&[&format!("b3: {IDS}-0")], &[&format!("b3: {IDS}-0")]),
            (&[&format!("b3: {IDS}-d")], &[&format!("b3: {IDS}-d")]),
            (&[&format!("b3: {IDS}")], &[&format!("b3: {IDS}")]),
            (&[&format!("B3: \t{IDS}-1 ")], &[&format!("b3: {IDS}-1")]),
            // the parent is not passed on
            (&[&format!("b3: {IDS}-1-05e3ac9a4f6e3b90")], &[&format!("b3: {IDS}-1")]),
            (&[&format!("b3: {IDS}-d-05e3ac9a4f6e3b90")], &[&format!("b3: {IDS}-d")]),
            // 64 bits
            (
                &["b3: 64fe8b2a57d3eff7-e457b5a2e4d86bd1-1"],
                &["b3: 000000000000000064fe8b2a57d3eff7-e457b5a2e4d86bd1-1"],
            ),
            // the first of several counts
            (
                &[&format!("b3: {IDS}-0"), "b3: 64fe8b2a57d3eff7-e457b5a2e4d86bd1-1"],
                &[&format!("b3: {IDS}-0")],
            ),
        ],
    );
}

#[test]
fn a_malformed_header_is_refused() {
    let refused = [
        // a decision alone has no ids
        "0",
        "1",
        "d",
        "",
        "-",
        "80f198ee56343ba864fe8b2a57d3eff7",
        "80f198ee56343ba864fe8b2a57d3eff7-",
        "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-",
        "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-2",
        "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-D",
        "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-true",
        "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-",
        "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b9",
        "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90-1",
        // lower-case digits, and all of them
        "80F198EE56343BA864FE8B2A57D3EFF7-e457b5a2e4d86bd1-1",
        "80f198ee56343ba864fe8b2a57d3eff7-E457B5A2E4D86BD1-1",
        "80f198ee56343ba864fe8b2a57d3eff-e457b5a2e4d86bd1-1",
        "80f198ee56343ba864fe8b2a57d3eff70-e457b5a2e4d86bd1-1",
        "4fe8b2a57d3eff7-e457b5a2e4d86bd1-1",
        "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd-1",
        "80f198ee56343ba864fe8b2a57d3eff7-0000e457b5a2e4d86bd1-1",
        "80f198ee56343ba864fe8b2a57d3effg-e457b5a2e4d86bd1-1",
        "00000000000000000000000000000000-e457b5a2e4d86bd1-1",
        "0000000000000000-e457b5a2e4d86bd1-1",
        "80f198ee56343ba864fe8b2a57d3eff7-0000000000000000-1",
    ];
    for format in [Format::B3, Format::B3Multi] {
        check_refused(format, "b3", &refused);
    }
}

#[test]
fn separate_headers() {
    let [span, trace] = MULTI;
    let sampled = |value| format!("x-b3-sampled: {value}");
    let (yes, no) = (sampled("1"), sampled("0"));
    check(
        &[Format::B3Multi],
        &[
            (&[trace, span, &yes], &[&yes, span, trace]),
            (&[trace, span, &no], &[&no, span, trace]),
            (&[trace, span], &[span, trace]),
            // what tracers wrote before there was a specification
            (&[trace, span, &sampled("true")], &[&yes, span, trace]),
            (&[trace, span, &sampled("false")], &[&no, span, trace]),
            // what cannot be understood is as good as absent
            (&[trace, span, &sampled("2")], &[span, trace]),
            (&[trace, span, &sampled("")], &[span, trace]),
            // debug implies sampled
            (&[trace, span, "x-b3-flags: 1"], &["x-b3-flags: 1", span, trace]),
            (&[trace, span, "x-b3-flags: 1", &no], &["x-b3-flags: 1", span, trace]),
            (&[trace, span, "x-b3-flags: 0", &no], &[&no, span, trace]),
            // the parent is ignored, well-formed or not
            (&[trace, span, &yes, "x-b3-parentspanid: 05e3ac9a4f6e3b90"], &[&yes, span, trace]),
            (&[trace, span, &yes, "x-b3-parentspanid: ?"], &[&yes, span, trace]),
            (
                &["X-B3-TraceId: 64fe8b2a57d3eff7", "X-B3-SpanId: e457b5a2e4d86bd1"],
                &[span, "x-b3-traceid: 000000000000000064fe8b2a57d3eff7"],
            ),
            // both ids or nothing
            (&[trace, &yes], &[]),
            (&[span, &yes], &[]),
            (&[&yes], &[]),
            (&[&no], &[]),
            (&["x-b3-flags: 1"], &[]),
            (&["x-b3-traceid: 80F198EE56343BA864FE8B2A57D3EFF7", span, &yes], &[]),
            (&["x-b3-traceid: 00000000000000000000000000000000", span, &yes], &[]),
            (&[trace, "x-b3-spanid: 0000000000000000", &yes], &[]),
            (&[trace, "x-b3-spanid: 457b5a2e4d86bd1", &yes], &[]),
        ],
    );
}

#[test]
fn both_are_read_the_single_one_first_whichever_is_written() {
    let [span, trace] = MULTI;
    let one = "b3: 463ac35c9f6413ad48485a3953bb6124-0020000000000001-0";
    let one_in_many = [
        "x-b3-sampled: 0",
        "x-b3-spanid: 0020000000000001",
        "x-b3-traceid: 463ac35c9f6413ad48485a3953bb6124",
    ];
    let many_in_one = format!("b3: {IDS}-1");
    check(
        &[Format::B3],
        &[
            (&[one, trace, span, "x-b3-sampled: 1"], &[one]),
            (&[trace, span, "x-b3-sampled: 1"], &[&many_in_one]),
            (&["b3: broken", trace, span, "x-b3-sampled: 1"], &[&many_in_one]),
            (&["b3: 0", trace, span, "x-b3-sampled: 1"], &[&many_in_one]),
        ],
    );
    check(
        &[Format::B3Multi],
        &[(&[one, trace, span, "x-b3-sampled: 1"], &one_in_many), (&[one], &one_in_many)],
    );
}

#[test]
fn the_sampled_flag_follows() {
    for (state, sampled) in [("-1", true), ("-d", true), ("-0", false), ("", false)] {
        let incoming =
            Propagator::new([Format::B3]).read(&headers(&[&format!("b3: {IDS}{state}")]));
        let trace = incoming.trace.unwrap();
        assert_eq!(trace.span_context().is_sampled(), sampled, "{state}");
        assert!(trace.span_context().is_remote());
    }
}

#[test]
fn a_decision_made_here_ends_the_deferral_but_not_debug() {
    let propagator = Propagator::new([Format::B3]);
    let ids = "80f198ee56343ba864fe8b2a57d3eff7-0000000000000005";
    let cases = [
        ("", true, "-1"),
        ("", false, "-0"),
        ("-0", true, "-1"),
        ("-1", false, "-0"),
        ("-d", true, "-d"),
        ("-d", false, "-d"),
    ];
    for (received, sampled, sent) in cases {
        let context = propagator.extract(&headers(&[&format!("b3: {IDS}{received}")]));
        let child = with_local_span(&context, sampled);
        let expected = format!("b3: {ids}{sent}");
        assert_eq!(lines(&inject(&propagator, &child)), [expected], "{received} {sampled}");
    }
}

#[test]
fn debug_does_not_outlive_its_trace_or_its_caller() {
    let propagator = Propagator::new([Format::B3]);
    let debug = propagator.extract(&headers(&[&format!("b3: {IDS}-d")]));
    let other = "b3: 463ac35c9f6413ad48485a3953bb6124-0020000000000001-0";
    for line in [other.to_owned(), format!("b3: {IDS}-0"), format!("b3: {IDS}-1")] {
        let context = propagator.read(&headers(&[&line])).into_context(debug.clone());
        assert_eq!(lines(&inject(&propagator, &context)), [line]);
    }
    let new_trace = local(TraceState::NONE).span().span_context().clone();
    let context = debug.with_remote_span_context(new_trace);
    let expected = format!("b3: {TRACE_ID}-{SPAN_ID}-1");
    assert_eq!(lines(&inject(&propagator, &context)), [expected]);
}

#[test]
fn separate_headers_replace_every_stale_one() {
    let propagator = Propagator::new([Format::B3Multi]);
    let [span, trace] = MULTI;
    let mut reused = headers(&[
        "x-b3-traceid: 463ac35c9f6413ad48485a3953bb6124",
        "x-b3-spanid: 0020000000000001",
        "x-b3-parentspanid: 0020000000000002",
        "x-b3-flags: 1",
        "x-b3-sampled: 1",
    ]);
    let deferred = propagator.extract(&headers(&[trace, span]));
    propagator.inject(&deferred, &mut reused);
    assert_eq!(lines(&reused), [span, trace]);
}
