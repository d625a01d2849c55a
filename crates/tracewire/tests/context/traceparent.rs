//! W3C Trace Context level 2, §3.2; the cases of the W3C's own test harness and the rest.

use opentelemetry::trace::{TraceContextExt as _, TraceFlags, TraceState};
use tracewire::context::RANDOM;
use tracewire::{Format, Propagator};

use crate::{check, check_refused, headers, inject, lines, local};

const VALID: &str = "traceparent: 00-12345678901234567890123456789012-1234567890123456-01";

#[test]
fn version_00_goes_through() {
    check(
        &[Format::TraceContext],
        &[
            (&[], &[]),
            (&[VALID], &[VALID]),
            (&["TraceParent: 00-12345678901234567890123456789012-1234567890123456-01"], &[VALID]),
            (&["TRACEPARENT: 00-12345678901234567890123456789012-1234567890123456-01"], &[VALID]),
            (&["trace-parent: 00-12345678901234567890123456789012-1234567890123456-01"], &[]),
            (&["trace.parent: 00-12345678901234567890123456789012-1234567890123456-01"], &[]),
            (
                &["traceparent: 00-00000000000000000000000000000001-0000000000000001-00"],
                &["traceparent: 00-00000000000000000000000000000001-0000000000000001-00"],
            ),
            (
                &["traceparent: 00-abcdef7890123456789012345678abcd-abcdefabcdefabcd-01"],
                &["traceparent: 00-abcdef7890123456789012345678abcd-abcdefabcdefabcd-01"],
            ),
        ],
    );
}

#[test]
fn what_is_read_is_valid_and_remote() {
    let context = Propagator::default().extract(&headers(&[VALID]));
    let span = context.span().span_context().clone();
    assert!(span.is_valid() && span.is_remote() && span.is_sampled());
    assert_eq!(span.trace_id().to_string(), "12345678901234567890123456789012");
    assert_eq!(span.span_id().to_string(), "1234567890123456");
}

#[test]
fn surrounding_white_space_is_allowed() {
    for (before, after) in [(" ", ""), ("\t", ""), ("", " "), ("", "\t"), ("\t ", " \t")] {
        let padded = VALID.replace(": ", &format!(": {before}")) + after;
        check(&[Format::TraceContext], &[(&[&padded], &[VALID])]);
    }
}

#[test]
fn several_are_none() {
    let other = "traceparent: 00-12345678901234567890123456789011-1234567890123456-01";
    let invalid = "traceparent: ";
    check(
        &[Format::TraceContext],
        &[
            (&[VALID, other], &[]),
            (&[VALID, VALID], &[]),
            (&[VALID, invalid], &[]),
            (&[invalid, VALID], &[]),
        ],
    );
}

#[test]
fn malformed_is_refused() {
    let refused = [
        "",
        " ",
        "-",
        "00",
        "00---",
        // lengths
        "00-12345678901234567890123456789012-1234567890123456-1",
        "00-12345678901234567890123456789012-1234567890123456-001",
        "00-12345678901234567890123456789012-1234567890123456-01.",
        "00-12345678901234567890123456789012-1234567890123456-01-",
        "00-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
        "00-12345678901234567890123456789012-1234567890123456-",
        "00-12345678901234567890123456789012-1234567890123456",
        "00-12345678901234567890123456789012-12345678901234567-01",
        "00-12345678901234567890123456789012-123456789012345-01",
        "00-123456789012345678901234567890123-1234567890123456-01",
        "00-1234567890123456789012345678901-1234567890123456-01",
        "0-12345678901234567890123456789012-1234567890123456-01",
        "000-12345678901234567890123456789012-1234567890123456-01",
        "0000-12345678901234567890123456789012-1234567890123456-01",
        // right length, wrong places
        "00-1234567890123456789012345678901-12345678901234567-01",
        "00-12345678901234567890123456789012-123456789012345-001",
        "00_12345678901234567890123456789012-1234567890123456-01",
        "00-12345678901234567890123456789012_1234567890123456-01",
        "00-12345678901234567890123456789012-1234567890123456_01",
        "00 12345678901234567890123456789012 1234567890123456 01",
        // digits
        ".0-12345678901234567890123456789012-1234567890123456-01",
        "0.-12345678901234567890123456789012-1234567890123456-01",
        "00-.2345678901234567890123456789012-1234567890123456-01",
        "00-1234567890123456789012345678901.-1234567890123456-01",
        "00-12345678901234567890123456789012-.234567890123456-01",
        "00-12345678901234567890123456789012-123456789012345.-01",
        "00-12345678901234567890123456789012-1234567890123456-.0",
        "00-12345678901234567890123456789012-1234567890123456-0.",
        "00-12345678901234567890123456789012-1234567890123456-+1",
        "00-ABCDEF78901234567890123456789012-1234567890123456-01",
        "00-12345678901234567890123456789012-ABCDEF7890123456-01",
        "00-12345678901234567890123456789012-1234567890123456-0A",
        "0A-12345678901234567890123456789012-1234567890123456-01",
        "00-1234567890123456789012345678901ä-123456789012345-01",
        // values
        "00-00000000000000000000000000000000-1234567890123456-01",
        "00-12345678901234567890123456789012-0000000000000000-01",
        "ff-12345678901234567890123456789012-1234567890123456-01",
        "FF-12345678901234567890123456789012-1234567890123456-01",
        "ff-12345678901234567890123456789012-1234567890123456-01-later",
        // two in one line, as a proxy joins repeated headers
        "00-12345678901234567890123456789012-1234567890123456-01,\
         00-12345678901234567890123456789012-1234567890123456-01",
    ];
    check_refused(Format::TraceContext, "traceparent", &refused);
}

#[test]
fn higher_versions_are_read_by_their_prefix() {
    let ids = "12345678901234567890123456789012-1234567890123456";
    for version in ["01", "0a", "cc", "fe"] {
        for rest in ["01", "01-", "01-what-the-future-will-be-like", "01--00-ff"] {
            let received = format!("traceparent: {version}-{ids}-{rest}");
            check(&[Format::TraceContext], &[(&[&received], &[VALID])]);
        }
        for rest in ["01.what-the-future-will-be-like", "010", "01 x", "01,"] {
            let value = format!("{version}-{ids}-{rest}");
            check_refused(Format::TraceContext, "traceparent", &[&value]);
        }
    }
}

#[test]
fn sampled_and_random_are_kept_and_unknown_flags_are_not() {
    for flags in 0..=u8::MAX {
        for version in ["00", "01"] {
            let ids = "12345678901234567890123456789012-1234567890123456";
            let received = headers(&[&format!("traceparent: {version}-{ids}-{flags:02x}")]);
            let context = Propagator::default().extract(&received);
            let read = context.span().span_context().trace_flags();
            assert_eq!(read.is_sampled(), flags & 1 == 1);
            assert_eq!(read & RANDOM == RANDOM, flags & 2 == 2);
            let sent = inject(&Propagator::default(), &context);
            let expected = format!("traceparent: 00-{ids}-{:02x}", flags & 3);
            assert_eq!(lines(&sent), [expected]);
        }
    }
}

#[test]
fn flags_nobody_defined_are_not_written() {
    let context = local(TraceState::NONE);
    let span = context.span().span_context().clone();
    let odd = opentelemetry::trace::SpanContext::new(
        span.trace_id(),
        span.span_id(),
        TraceFlags::new(0xfe),
        false,
        TraceState::NONE,
    );
    let sent = inject(&Propagator::default(), &context.with_remote_span_context(odd));
    assert!(sent["traceparent"].to_str().unwrap().ends_with("-02"));
}
