//! Datadog's headers.

use std::collections::BTreeMap;

use opentelemetry::trace::TraceState;
use tracewire::{Format, Propagator};

use crate::{TRACE_ID, check, headers, inject, lines, local, with_local_span};

const PARENT: &str = "x-datadog-parent-id: 987654321";
const TRACE: &str = "x-datadog-trace-id: 1234567890";
const UPPER: &str = "_dd.p.tid=640cfd8d00000000";

fn priority(value: &str) -> String {
    format!("x-datadog-sampling-priority: {value}")
}

fn tags(value: &str) -> String {
    format!("x-datadog-tags: {value}")
}

#[test]
fn everything_survives_a_hop() {
    check(
        &[Format::Datadog],
        &[
            (&[], &[]),
            (&[TRACE, PARENT], &[PARENT, TRACE]),
            (&[TRACE, PARENT, &priority("1")], &[PARENT, &priority("1"), TRACE]),
            (
                &[
                    TRACE,
                    PARENT,
                    &priority("2"),
                    "x-datadog-origin: synthetics",
                    &tags(&format!("_dd.p.dm=-4,_dd.p.usr.id=baz64==,{UPPER}")),
                ],
                &[
                    "x-datadog-origin: synthetics",
                    PARENT,
                    &priority("2"),
                    &tags(&format!("_dd.p.dm=-4,_dd.p.usr.id=baz64==,{UPPER}")),
                    TRACE,
                ],
            ),
            (
                &[
                    "X-Datadog-Trace-Id: 18446744073709551615",
                    "X-Datadog-Parent-Id: 18446744073709551615",
                    &tags("_dd.p.tid=ffffffffffffffff"),
                ],
                &[
                    "x-datadog-parent-id: 18446744073709551615",
                    &tags("_dd.p.tid=ffffffffffffffff"),
                    "x-datadog-trace-id: 18446744073709551615",
                ],
            ),
        ],
    );
}

#[test]
fn ids_are_decimal_and_128_bits_with_the_tag() {
    let propagator = Propagator::new([Format::Datadog, Format::TraceContext]);
    let cases = [
        ("", "0000000000000000"),
        ("_dd.p.tid=640cfd8d00000000", "640cfd8d00000000"),
        (" _dd.p.dm=-1 , _dd.p.tid=640cfd8d00000000 ", "640cfd8d00000000"),
        // a malformed upper half leaves the lower one
        ("_dd.p.tid=640cfd8d0000000", "0000000000000000"),
        ("_dd.p.tid=640cfd8d000000000", "0000000000000000"),
        ("_dd.p.tid=640CFD8D00000000", "0000000000000000"),
        ("_dd.p.tid=640cfd8d0000000g", "0000000000000000"),
        ("_dd.p.tid=", "0000000000000000"),
        ("_dd.p.tid", "0000000000000000"),
        ("tid=640cfd8d00000000", "0000000000000000"),
    ];
    for (value, upper) in cases {
        let received = headers(&[TRACE, PARENT, &priority("1"), &tags(value)]);
        let sent = inject(&propagator, &propagator.extract(&received));
        let expected = format!("00-{upper}00000000499602d2-000000003ade68b1-01");
        assert_eq!(sent["traceparent"], expected.as_str(), "{value}");
    }
}

#[test]
fn without_both_ids_there_is_nothing() {
    let values =
        ["", "0", "-1", "+1", "1.0", "0x1", "abc", "18446744073709551616", "1 2", "\u{e4}"];
    for value in values {
        let trace = format!("x-datadog-trace-id: {value}");
        let parent = format!("x-datadog-parent-id: {value}");
        let priority = priority("1");
        check(
            &[Format::Datadog],
            &[(&[&trace, PARENT, &priority], &[]), (&[TRACE, &parent, &priority], &[])],
        );
    }
    let priority = priority("1");
    check(&[Format::Datadog], &[(&[TRACE, &priority], &[]), (&[PARENT, &priority], &[])]);
}

#[test]
fn the_priority_decides_and_is_kept_exactly() {
    let cases = [
        (Some("-1"), false, Some("-1")),
        (Some("0"), false, Some("0")),
        (Some("1"), true, Some("1")),
        (Some("2"), true, Some("2")),
        (Some(" 2 "), true, Some("2")),
        (Some("1000000"), true, Some("1000000")),
        // deferred
        (None, false, None),
        (Some(""), false, None),
        (Some("+1"), false, None),
        (Some("1.5"), false, None),
        (Some("99999999999"), false, None),
        (Some("keep"), false, None),
    ];
    let propagator = Propagator::new([Format::Datadog]);
    for (received, sampled, sent) in cases {
        let received: Vec<_> = received.map(priority).into_iter().collect();
        let lines: Vec<_> =
            [TRACE, PARENT].into_iter().chain(received.iter().map(String::as_str)).collect();
        let incoming = propagator.read(&headers(&lines));
        assert_eq!(incoming.trace.as_ref().unwrap().span_context().is_sampled(), sampled);
        let headers = inject(&propagator, &incoming.into_context(Default::default()));
        let passed_on =
            headers.get("x-datadog-sampling-priority").map(|value| value.to_str().unwrap());
        assert_eq!(passed_on, sent, "{received:?}");
    }
}

#[test]
fn a_sampler_of_ours_may_overrule_the_priority_and_its_reason() {
    let propagator = Propagator::new([Format::Datadog]);
    let cases = [
        (Some("2"), true, "2", Some("_dd.p.dm=-4,_dd.p.usr=1")),
        (Some("2"), false, "0", Some("_dd.p.usr=1")),
        (Some("-1"), false, "-1", Some("_dd.p.dm=-4,_dd.p.usr=1")),
        (Some("-1"), true, "1", Some("_dd.p.usr=1")),
        (None, true, "1", Some("_dd.p.dm=-4,_dd.p.usr=1")),
        (None, false, "0", Some("_dd.p.dm=-4,_dd.p.usr=1")),
    ];
    for (received, sampled, sent, sent_tags) in cases {
        let mut received_lines = vec![TRACE.to_owned(), PARENT.to_owned()];
        received_lines.extend(received.map(priority));
        received_lines.push(tags("_dd.p.dm=-4,_dd.p.usr=1"));
        let received_lines: Vec<_> = received_lines.iter().map(String::as_str).collect();
        let context = propagator.extract(&headers(&received_lines));
        let headers = inject(&propagator, &with_local_span(&context, sampled));
        let field =
            |name| headers.get(name).map(|value: &http::HeaderValue| value.to_str().unwrap());
        assert_eq!(field("x-datadog-parent-id"), Some("5"));
        assert_eq!(field("x-datadog-sampling-priority"), Some(sent), "{received:?} {sampled}");
        assert_eq!(field("x-datadog-tags"), sent_tags, "{received:?} {sampled}");
    }
}

#[test]
fn the_tracestate_carries_it_over_a_w3c_hop_as_datadog_writes_it() {
    let received = [
        TRACE,
        PARENT,
        &priority("2"),
        "x-datadog-origin: rum=1",
        &tags(
            "_dd.p.dm=-4,_dd.p.usr.id=baz64==,_dd.propagation_error=x,_dd.p.tid=640cfd8d00000000",
        ),
    ];
    let to_w3c = Propagator::new([Format::Datadog]).inject_only([Format::TraceContext]);
    let w3c = lines(&inject(&to_w3c, &to_w3c.extract(&headers(&received))));
    let expected = [
        "traceparent: 00-640cfd8d0000000000000000499602d2-000000003ade68b1-01",
        "tracestate: dd=s:2;o:rum~1;t.dm:-4;t.usr.id:baz64~~",
    ];
    assert_eq!(w3c, expected);

    let back = Propagator::new([Format::TraceContext]).inject_only([Format::Datadog]);
    let sent = lines(&inject(&back, &back.extract(&headers(&expected))));
    let expected = [
        "x-datadog-origin: rum=1",
        PARENT,
        &priority("2"),
        &tags("_dd.p.dm=-4,_dd.p.usr.id=baz64==,_dd.p.tid=640cfd8d00000000"),
        TRACE,
    ];
    assert_eq!(sent, expected);
}

#[test]
fn a_dd_member_of_others_is_read_with_care() {
    let propagator = Propagator::new([Format::TraceContext]).inject_only([Format::Datadog]);
    let cases: &[(&str, &[&str])] = &[
        ("dd=s:2;p:00f067aa0ba902b7;x:y", &["x-datadog-sampling-priority: 2"]),
        ("dd=s:-1", &["x-datadog-sampling-priority: 1"]),
        ("dd=s:keep;;:;t.:1;t.a:;o:", &["x-datadog-sampling-priority: 1"]),
        ("dd=t.tid:640cfd8d00000000", &["x-datadog-sampling-priority: 1"]),
        (
            "foo=1,dd=t.a:1:2;t.b c:3;t.d:4",
            &["x-datadog-sampling-priority: 1", "x-datadog-tags: _dd.p.a=1:2,_dd.p.d=4"],
        ),
        ("dd=nothing", &["x-datadog-sampling-priority: 1"]),
        (
            "dd=o: a ;t.b: c ",
            &["x-datadog-origin: a", "x-datadog-sampling-priority: 1", "x-datadog-tags: _dd.p.b=c"],
        ),
    ];
    for (state, expected) in cases {
        let traceparent = "traceparent: 00-000000000000000000000000499602d2-000000003ade68b1-01";
        let state = format!("tracestate: {state}");
        let context = propagator.extract(&headers(&[traceparent, &state]));
        let mut sent = lines(&inject(&propagator, &context));
        sent.retain(|line| line != TRACE && line != PARENT);
        assert_eq!(sent, *expected, "{state}");
    }
}

#[test]
fn a_dd_member_made_here_cannot_spoil_a_header() {
    let propagator = Propagator::new([Format::Datadog]);
    for value in ["s:2;o:a\r\nb: c;t.d:e", "s:2;o:\u{e4}", "t.a:\0"] {
        let state = TraceState::from_key_value([("dd", value)]).unwrap();
        let mut sent = BTreeMap::new();
        propagator.inject(&local(state), &mut sent);
        assert!(!sent.contains_key("x-datadog-origin"), "{value:?}");
        let tags = format!("_dd.p.tid={}", &TRACE_ID[..16]);
        assert_eq!(sent["x-datadog-tags"], tags, "{value:?}");
    }
}

#[test]
fn tags_that_do_not_fit_or_are_malformed_are_left_out() {
    let long = "v".repeat(200);
    let at_limit = format!("_dd.p.a={}", "v".repeat(512 - 8));
    let over_limit = format!("{UPPER},{}", at_limit);
    let cases = [
        // what may stand in a header but not in a tracestate
        ("_dd.p.a=1;2~3".to_owned(), Some("_dd.p.a=1_2_3".to_owned())),
        ("_dd.p.a=\u{e4}".to_owned(), Some("_dd.p.a=__".to_owned())),
        // names
        ("_dd.p.=1,_dd.p.a b=1,_dd.p.a;b=1,_dd.p.a:b=1,_dd.p.\u{e4}=1".to_owned(), None),
        ("a=1,_dd.q.a=1,_DD.P.a=1,=,,".to_owned(), None),
        ("_dd.p.a,_dd.p.b=2".to_owned(), Some("_dd.p.b=2".to_owned())),
        ("_dd.p.a= ,_dd.p.b= 2\t".to_owned(), Some("_dd.p.b=2".to_owned())),
        // what does not fit into 256 characters of tracestate
        (
            format!("_dd.p.a={long},_dd.p.b={long},_dd.p.c=3"),
            Some(format!("_dd.p.a={long},_dd.p.c=3")),
        ),
        (at_limit, None),
        // a header too long is not looked at
        (over_limit, None),
    ];
    for (received, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|value| tags(value)).collect();
        let sent: Vec<_> = [PARENT]
            .into_iter()
            .chain(expected.iter().map(String::as_str))
            .chain([TRACE])
            .collect();
        check(&[Format::Datadog], &[(&[TRACE, PARENT, &tags(&received)], &sent)]);
    }
}

#[test]
fn an_origin_too_long_is_left_out() {
    let origin = |length| format!("x-datadog-origin: {}", "o".repeat(length));
    let (fits, too_long) = (origin(251), origin(252));
    check(
        &[Format::Datadog],
        &[
            (&[TRACE, PARENT, &fits], &[&fits, PARENT, TRACE]),
            (&[TRACE, PARENT, &too_long], &[PARENT, TRACE]),
        ],
    );
}

#[test]
fn stale_headers_go() {
    let propagator = Propagator::new([Format::Datadog]);
    let mut reused = headers(&[
        "x-datadog-trace-id: 1",
        "x-datadog-parent-id: 2",
        "x-datadog-sampling-priority: 2",
        "x-datadog-origin: rum",
        "x-datadog-tags: _dd.p.dm=-1",
    ]);
    propagator.inject(&propagator.extract(&headers(&[TRACE, PARENT])), &mut reused);
    assert_eq!(lines(&reused), [PARENT, TRACE]);
}
