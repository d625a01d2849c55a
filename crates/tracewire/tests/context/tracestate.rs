//! W3C Trace Context level 2, §3.3.

use opentelemetry::trace::{SpanContext, TraceContextExt as _, TraceState};
use tracewire::{Format, Propagator};

use crate::{headers, inject, local, with_local_span};

const TRACEPARENT: &str = "traceparent: 00-12345678901234567890123456789012-1234567890123456-00";

/// What is sent on of the `tracestate` fields `received`, which always leave the traceparent alone.
fn pass_on(received: &[&str]) -> Option<String> {
    let mut lines = vec![TRACEPARENT.to_owned()];
    lines.extend(received.iter().map(|value| format!("tracestate: {value}")));
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let propagator = Propagator::new([Format::TraceContext]);
    let context = propagator.extract(&headers(&lines));
    sent(&propagator, &context)
}

fn sent(propagator: &Propagator, context: &opentelemetry::Context) -> Option<String> {
    let headers = inject(propagator, context);
    assert!(headers.contains_key("traceparent"));
    assert!(headers.get_all("tracestate").iter().count() <= 1);
    let state = headers.get("tracestate")?.to_str().unwrap().to_owned();
    assert!(!state.is_empty());
    Some(state)
}

fn members(range: std::ops::RangeInclusive<usize>) -> String {
    let members: Vec<_> = range.map(|n| format!("bar{n:02}={n:02}")).collect();
    members.join(",")
}

#[test]
fn lists_are_passed_on_in_order() {
    let all_of_a_key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
    let all_of_a_value: String = (' '..='~').filter(|c| !",=".contains(*c)).collect();
    let full = format!("{all_of_a_key}@a-z0-9_-*/={all_of_a_value}");
    let cases: &[(&[&str], Option<&str>)] = &[
        (&[], None),
        (&["foo=1"], Some("foo=1")),
        (&["foo=1,bar=2"], Some("foo=1,bar=2")),
        (&["bar=2,foo=1"], Some("bar=2,foo=1")),
        (&[&full], Some(&full)),
        (&["0=1"], Some("0=1")),
        (&["foo= 1"], Some("foo= 1")),
        (&["foo=a b;c:\"d\"\\%"], Some("foo=a b;c:\"d\"\\%")),
        // several headers
        (&["foo=1,bar=2", "rojo=1,congo=2", "baz=3"], Some("foo=1,bar=2,rojo=1,congo=2,baz=3")),
        // nothing in a header or between commas
        (&[""], None),
        (&["", ""], None),
        (&[" \t "], None),
        (&[","], None),
        (&["foo=1", ""], Some("foo=1")),
        (&["", "foo=1"], Some("foo=1")),
        (&["foo=1,"], Some("foo=1")),
        (&[",foo=1"], Some("foo=1")),
        (&["foo=1,,, ,\t,bar=2"], Some("foo=1,bar=2")),
        // white space
        (&["foo=1 \t , \t bar=2, \t baz=3"], Some("foo=1,bar=2,baz=3")),
        (&["foo=1\t \t,\t \tbar=2,\t \tbaz=3"], Some("foo=1,bar=2,baz=3")),
        (&[" foo=1"], Some("foo=1")),
        (&["\tfoo=1"], Some("foo=1")),
        (&["foo=1 "], Some("foo=1")),
        (&["foo=1\t"], Some("foo=1")),
        (&["\t foo=1 \t"], Some("foo=1")),
        // the same key again is older and goes
        (&["foo=1,foo=1"], Some("foo=1")),
        (&["foo=1,foo=2"], Some("foo=1")),
        (&["foo=1,bar=3", "foo=2"], Some("foo=1,bar=3")),
    ];
    for (received, expected) in cases {
        assert_eq!(pass_on(received).as_deref(), *expected, "{received:?}");
    }
}

#[test]
fn an_invalid_list_is_dropped_whole_and_the_traceparent_stays() {
    let keys = [
        "foo =1",
        "FOO=1",
        "foo.bar=1",
        "=1",
        "@foo=1",
        "_foo=1",
        "-foo=1",
        "*foo=1",
        "/foo=1",
        "f\u{f6}o=1",
        "foo%=1",
        "foo\t=1",
    ];
    let values = ["foo", "foo=", "foo= ", "foo=bar=baz", "foo==1", "foo=\u{e4}", "foo=a\tb"];
    for invalid in keys.iter().chain(&values) {
        assert_eq!(pass_on(&[invalid]), None, "{invalid}");
        assert_eq!(pass_on(&[&format!("bar=2,{invalid}")]), None, "{invalid}");
        assert_eq!(pass_on(&["bar=2", invalid, "baz=3"]), None, "{invalid}");
    }
}

#[test]
fn without_a_traceparent_there_is_no_tracestate() {
    for traceparent in [None, Some("traceparent: 00-12345678901234567890123456789012-1-00")] {
        let lines: Vec<_> = traceparent.into_iter().chain(["tracestate: foo=1"]).collect();
        let propagator = Propagator::default();
        let context = propagator.extract(&headers(&lines));
        assert!(inject(&propagator, &context).is_empty());
    }
}

#[test]
fn keys_of_level_2() {
    let accepted = [
        "z".repeat(256),
        format!("{}@{}", "t".repeat(241), "v".repeat(14)),
        format!("{}@v", "t".repeat(242)),
        format!("t@{}", "v".repeat(15)),
        format!("0{}", "@".repeat(255)),
        "foo@".to_owned(),
        "foo@@bar".to_owned(),
        "foo@bar@baz".to_owned(),
        "1@_".to_owned(),
        "a@-b".to_owned(),
    ];
    for key in accepted {
        // Whether OpenTelemetry's own type holds the key or not, its place in the list is kept.
        for list in [
            format!("{key}=1"),
            format!("{key}=1,foo=2"),
            format!("foo=2,{key}=1"),
            format!("foo=2,{key}=1,bar=3"),
            format!("x@y@z=0,{key}=1,u@v@w=2,foo=3,r@s@t=4"),
        ] {
            assert_eq!(pass_on(&[&list]), Some(list));
        }
    }
    let refused = ["z".repeat(257), format!("{}@{}", "t".repeat(241), "v".repeat(15))];
    for key in refused {
        assert_eq!(pass_on(&["foo=1", &format!("{key}=1")]), None, "{key}");
    }
}

#[test]
fn the_same_key_again_goes_whoever_holds_it() {
    assert_eq!(pass_on(&["a@b@c=1,foo=2,a@b@c=3"]).as_deref(), Some("a@b@c=1,foo=2"));
}

#[test]
fn values_have_256_characters_at_most() {
    let longest = format!("foo={}", "v".repeat(256));
    assert_eq!(pass_on(&[&longest]), Some(longest));
    assert_eq!(pass_on(&[&format!("foo={}", "v".repeat(257))]), None);
}

#[test]
fn lists_have_32_members_at_most() {
    let ten = [members(1..=10), members(11..=20), members(21..=30)];
    let mut fields: Vec<&str> = ten.iter().map(String::as_str).collect();
    fields.push("bar31=31,bar32=32");
    assert_eq!(pass_on(&fields), Some(members(1..=32)));
    assert_eq!(pass_on(&[&members(1..=32), "", ",", "bar01=9"]), Some(members(1..=32)));
    assert_eq!(pass_on(&[&members(1..=33)]), None);
    fields.push("bar33=33");
    assert_eq!(pass_on(&fields), None);
    fields.pop();
    fields.push("a@b@c=33");
    assert_eq!(pass_on(&fields), None);
}

#[test]
fn long_lists_lose_whole_members_long_ones_first_then_from_the_right() {
    let member = |key: &str, length: usize| format!("{key}={}", "v".repeat(length - 1 - key.len()));
    let list = |members: &[(&str, usize)]| {
        let members: Vec<_> = members.iter().map(|(key, length)| member(key, *length)).collect();
        members.join(",")
    };
    type Lengths<'a> = &'a [(&'a str, usize)];
    let cases: &[(Lengths<'_>, Lengths<'_>)] = &[
        // 512 characters fit
        (&[("a", 255), ("b", 256)], &[("a", 255), ("b", 256)]),
        // 513 do not; both members are long, so the right one goes
        (&[("a", 256), ("b", 256)], &[("a", 256)]),
        // a long one goes before a short one to its right
        (
            &[("a", 100), ("b", 129), ("c", 100), ("d", 100), ("e", 100)],
            &[("a", 100), ("c", 100), ("d", 100), ("e", 100)],
        ),
        // 128 characters are not long, so it is the last that goes
        (
            &[("a", 128), ("b", 100), ("c", 100), ("d", 100), ("e", 100)],
            &[("a", 128), ("b", 100), ("c", 100), ("d", 100)],
        ),
        // long ones go only until the rest fits
        (&[("a", 130), ("b", 130), ("c", 130), ("d", 130)], &[("a", 130), ("b", 130), ("c", 130)]),
        // when the long ones are gone, short ones follow from the right
        (
            &[("a", 120), ("b", 120), ("c", 120), ("d", 120), ("e", 120), ("f", 200)],
            &[("a", 120), ("b", 120), ("c", 120), ("d", 120)],
        ),
    ];
    for (received, expected) in cases {
        assert_eq!(pass_on(&[&list(received)]), Some(list(expected)), "{received:?}");
    }
}

#[test]
fn a_member_that_alone_is_too_long_leaves_no_empty_header() {
    let member = format!("{}={}", "k".repeat(256), "v".repeat(256));
    assert_eq!(pass_on(&[&member]), None);
}

#[test]
fn what_a_sampler_adds_moves_to_the_left_and_the_rest_keeps_its_place() {
    let propagator = Propagator::new([Format::TraceContext]);
    let context = propagator.extract(&headers(&[TRACEPARENT, "tracestate: a=1,x@y@z=2,b=3"]));
    let span = context.span().span_context().clone();
    let changed = SpanContext::new(
        span.trace_id(),
        span.span_id(),
        span.trace_flags(),
        false,
        span.trace_state().insert("ot", "th:c").unwrap(),
    );
    let context = context.with_remote_span_context(changed);
    assert_eq!(sent(&propagator, &context).as_deref(), Some("ot=th:c,a=1,x@y@z=2,b=3"));
}

#[test]
fn what_a_sampler_adds_makes_no_33rd_member() {
    let propagator = Propagator::new([Format::TraceContext]);
    let full = format!("tracestate: {},x@y@z=32", members(1..=31));
    let context = propagator.extract(&headers(&[TRACEPARENT, &full]));
    let span = context.span().span_context().clone();
    let changed = SpanContext::new(
        span.trace_id(),
        span.span_id(),
        span.trace_flags(),
        false,
        span.trace_state().insert("ot", "th:c").unwrap(),
    );
    let context = context.with_remote_span_context(changed);
    let expected = format!("ot=th:c,{}", members(1..=31));
    assert_eq!(sent(&propagator, &context), Some(expected));
}

#[test]
fn a_sampler_may_clear_what_opentelemetry_holds() {
    let propagator = Propagator::new([Format::TraceContext]);
    let context = propagator.extract(&headers(&[TRACEPARENT, "tracestate: a=1"]));
    let span = context.span().span_context().clone();
    let (trace_id, span_id, flags) = (span.trace_id(), span.span_id(), span.trace_flags());
    let cleared = SpanContext::new(trace_id, span_id, flags, false, TraceState::NONE);
    assert_eq!(sent(&propagator, &context.with_remote_span_context(cleared)), None);
}

#[test]
fn a_local_child_passes_everything_on() {
    let propagator = Propagator::new([Format::TraceContext]);
    let list = "a=1,x@y@z=2,b=3,k@=4";
    let context = propagator.extract(&headers(&[TRACEPARENT, &format!("tracestate: {list}")]));
    let child = with_local_span(&context, true);
    assert_eq!(sent(&propagator, &child).as_deref(), Some(list));
}

#[test]
fn members_do_not_leak_into_another_trace_or_another_state() {
    let propagator = Propagator::new([Format::TraceContext]);
    let context = propagator.extract(&headers(&[TRACEPARENT, "tracestate: x@y@z=1"]));
    let other_trace = local(TraceState::NONE).span().span_context().clone();
    let context_of_other = context.with_remote_span_context(other_trace);
    assert_eq!(sent(&propagator, &context_of_other), None);

    let same_trace = propagator.read(&headers(&[TRACEPARENT, "tracestate: a=2"]));
    assert_eq!(sent(&propagator, &same_trace.into_context(context)).as_deref(), Some("a=2"));
}

#[test]
fn members_that_would_spoil_the_list_are_not_written() {
    let state = TraceState::from_key_value([
        ("a", "1"),
        ("b", ""),
        ("c", "line\r\nbreak: 1"),
        ("d", "\u{e4}"),
        ("e", " "),
        ("", "6"),
        ("f", "7"),
    ]);
    let state = sent(&Propagator::default(), &local(state.unwrap()));
    assert_eq!(state.as_deref(), Some("a=1,f=7"));
    let only_bad = TraceState::from_key_value([("b", "")]).unwrap();
    assert_eq!(sent(&Propagator::default(), &local(only_bad)), None);
}
