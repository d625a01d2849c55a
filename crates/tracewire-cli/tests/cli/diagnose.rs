//! Every way to break a trace is found, blamed on the right service or on none, and told in plain English.

use tracewire_cli::{FindingKind, Span, SpanId, SpanKind, Suspect, Trace, TraceId, diagnose};

use crate::support::span_of;

/// A call in trace 1.
fn call(n: u64, parent: u64, service: &str, port: i64, start: u64, end: u64) -> Span {
    span_of(1, n, parent, service, "GET", start, end)
        .kind(SpanKind::Client)
        .attribute("http.request.method", "GET")
        .attribute("server.address", "127.0.0.1")
        .attribute("server.port", port)
        .attribute("url.full", format!("http://127.0.0.1:{port}/{port}"))
}

/// A served request in any trace.
fn served(
    trace: u128,
    n: u64,
    parent: u64,
    service: &str,
    port: i64,
    start: u64,
    end: u64,
) -> Span {
    span_of(trace, n, parent, service, &format!("GET /{port}"), start, end)
        .kind(SpanKind::Server)
        .attribute("http.request.method", "GET")
        .attribute("server.address", "127.0.0.1")
        .attribute("server.port", port)
        .attribute("url.path", format!("/{port}"))
}

/// gateway calls checkout, in one piece; checkout's spans begin at number 10.
fn so_far() -> Vec<Span> {
    vec![
        served(1, 1, 0, "gateway", 1, 0, 1_000),
        call(2, 1, "gateway", 2, 10, 990),
        served(1, 3, 2, "checkout", 2, 20, 980),
    ]
}

fn found(spans: Vec<Span>) -> Vec<(FindingKind, Suspect, String)> {
    let findings = diagnose(&Trace::group(spans));
    findings.into_iter().map(|f| (f.kind, f.suspect, f.to_string())).collect()
}

/// Exactly one finding.
fn check(spans: Vec<Span>, kind: FindingKind, suspect: Suspect, told: &str) {
    assert_eq!(found(spans), [(kind, suspect, told.to_owned())]);
}

#[test]
fn a_connected_trace_has_no_findings() {
    assert_eq!(found(so_far()), []);
    assert_eq!(found(vec![]), []);
    // Alone, the start of a trace is nobody's break, whatever its kind.
    assert_eq!(found(vec![call(1, 0, "driver", 7, 0, 10)]), []);
    assert_eq!(found(vec![served(1, 1, 0, "gateway", 7, 0, 10)]), []);
}

#[test]
fn a_callee_that_drops_the_headers_is_named() {
    let mut spans = so_far();
    spans.extend([
        call(10, 3, "checkout", 7001, 100, 200),
        served(1, 11, 10, "pricing", 7001, 110, 190),
        call(12, 3, "checkout", 7002, 210, 300),
        served(2, 13, 0, "inventory", 7002, 220, 290),
    ]);
    let findings = diagnose(&Trace::group(spans.clone()));
    assert_eq!(findings[0].culprit(), Some("inventory"));
    assert!(findings[0].is_break());
    check(
        spans,
        FindingKind::NewTrace,
        Suspect::Callee,
        "The trace breaks at `inventory`: checkout called it (GET, span 000000000000000c) but inventory started a new \
         trace (00000000000000000000000000000002). Other calls of checkout kept the trace, so inventory most likely \
         does not read the trace headers.",
    );
}

#[test]
fn a_caller_that_sends_none_is_named() {
    // checkout took the context up from gateway, and both services it called started anew.
    let mut spans = so_far();
    spans.extend([
        call(10, 3, "checkout", 7001, 100, 200),
        served(2, 11, 0, "pricing", 7001, 110, 190),
        call(12, 3, "checkout", 7002, 210, 300),
        served(3, 13, 0, "inventory", 7002, 220, 290),
    ]);
    let findings = diagnose(&Trace::group(spans.clone()));
    assert_eq!(findings.len(), 2);
    assert!(findings.iter().all(|finding| finding.culprit() == Some("checkout")));
    assert_eq!(
        findings[0].to_string(),
        "The trace breaks at `pricing`: checkout called it (GET, span 000000000000000a) but pricing started a new \
         trace (00000000000000000000000000000002). None of checkout's calls kept the trace, so checkout most likely \
         does not send the trace headers.",
    );

    // One broken call is enough where the callee is seen to read what others send it.
    spans.truncate(5);
    spans.extend([
        call(20, 1, "gateway", 7001, 300, 400),
        served(1, 21, 20, "pricing", 7001, 310, 390),
    ]);
    let [finding] = diagnose(&Trace::group(spans)).try_into().unwrap();
    assert_eq!(finding.culprit(), Some("checkout"));
}

#[test]
fn where_spans_cannot_tell_both_are_named() {
    let mut spans = so_far();
    spans.extend([
        call(10, 3, "checkout", 7002, 100, 200),
        served(2, 11, 0, "inventory", 7002, 110, 190),
    ]);
    let findings = diagnose(&Trace::group(spans.clone()));
    assert_eq!(findings[0].culprit(), None);
    check(
        spans.clone(),
        FindingKind::NewTrace,
        Suspect::Unclear,
        "The trace breaks at `inventory`: checkout called it (GET, span 000000000000000a) but inventory started a new \
         trace (00000000000000000000000000000002). Either checkout did not send the trace headers or inventory did not \
         read them; these spans cannot tell which.",
    );

    // The same where each is seen to do it right elsewhere.
    spans.extend([
        call(20, 3, "checkout", 7003, 300, 310),
        served(1, 21, 20, "pricing", 7003, 301, 309),
        call(22, 1, "gateway", 7002, 320, 330),
        served(1, 23, 22, "inventory", 7002, 321, 329),
    ]);
    let [finding] = diagnose(&Trace::group(spans)).try_into().unwrap();
    assert_eq!(finding.suspect, Suspect::Unclear);
}

#[test]
fn a_broken_trace_goes_on_below_its_break() {
    // inventory drops the headers, and the service below it continues inventory's own trace.
    let mut spans = so_far();
    let mut onward = call(12, 11, "inventory", 7003, 120, 180);
    onward.trace_id = TraceId::from(2);
    spans.extend([
        call(10, 3, "checkout", 7002, 100, 200),
        served(2, 11, 0, "inventory", 7002, 110, 190),
        onward,
        served(2, 13, 12, "shelves", 7003, 130, 170),
    ]);
    let [finding] = diagnose(&Trace::group(spans)).try_into().unwrap();
    assert_eq!(finding.downstream.service_name(), "inventory");
}

#[test]
fn calls_are_told_apart_by_what_both_sides_say() {
    // Two calls at once: only port and path tell which is whose.
    for swapped in [false, true] {
        let (a, b) = if swapped { (7002, 7001) } else { (7001, 7002) };
        let mut spans = so_far();
        spans.extend([
            call(10, 3, "checkout", 7001, 100, 200),
            call(11, 3, "checkout", 7002, 100, 200),
            served(2, 12, 0, "pricing", a, 110, 190),
            served(3, 13, 0, "inventory", b, 110, 190),
        ]);
        let findings = diagnose(&Trace::group(spans));
        let mut pairs: Vec<_> = findings
            .iter()
            .map(|f| (f.upstream.as_ref().unwrap().span_id, f.downstream.service_name()))
            .collect();
        pairs.sort_by_key(|(span, _)| span.to_bytes());
        let expected = if swapped { ["inventory", "pricing"] } else { ["pricing", "inventory"] };
        assert_eq!(pairs, [(SpanId::from(10), expected[0]), (SpanId::from(11), expected[1])]);
    }
}

#[test]
fn a_match_needs_nothing_to_speak_against_it() {
    let call = || call(10, 3, "checkout", 7001, 100, 200);
    let served = |attributes: &[(&str, &str)], port: Option<i64>, start: u64| {
        let mut span =
            span_of(2, 11, 0, "inventory", "GET", start, start + 1).kind(SpanKind::Server);
        attributes.iter().for_each(|(key, value)| span.attributes.push(*key, *value));
        port.into_iter().for_each(|port| span.attributes.push("server.port", port));
        span
    };
    for (call, served, kind) in [
        // Times alone will do, within what clocks may be apart.
        (call(), served(&[], None, 150), FindingKind::NewTrace),
        (call(), served(&[], None, 51), FindingKind::NewTrace),
        (call(), served(&[], None, 249), FindingKind::NewTrace),
        (call(), served(&[], None, 49), FindingKind::NoCaller),
        (call(), served(&[], None, 251), FindingKind::NoCaller),
        // A proxy may change the port or the path, not both.
        (call(), served(&[("url.path", "/7001")], Some(80), 150), FindingKind::NewTrace),
        (call(), served(&[("url.path", "/other")], Some(7001), 150), FindingKind::NewTrace),
        (call(), served(&[("url.path", "/other")], Some(80), 150), FindingKind::NoCaller),
        (call(), served(&[], Some(80), 150), FindingKind::NoCaller),
        (call(), served(&[("http.request.method", "PUT")], Some(7001), 150), FindingKind::NoCaller),
        // The caller may know its callee by name.
        (
            call().attribute("service.peer.name", "inventory"),
            served(&[], Some(7001), 150),
            FindingKind::NewTrace,
        ),
        (
            call().attribute("peer.service", "pricing"),
            served(&[], Some(7001), 150),
            FindingKind::NoCaller,
        ),
        // A statement sent to a database is no call to a service.
        (
            call().attribute("db.system.name", "sqlite"),
            served(&[], None, 150),
            FindingKind::NoCaller,
        ),
    ] {
        let case = format!("{call:?}\n{served:?}");
        let mut spans = so_far();
        spans.extend([call, served]);
        let kinds: Vec<_> = found(spans).into_iter().map(|(kind, ..)| kind).collect();
        assert_eq!(kinds, [kind], "{case}");
    }
}

#[test]
fn a_match_by_time_alone_is_told_more_carefully() {
    let mut spans = so_far();
    spans.extend([
        call(10, 3, "checkout", 7001, 100, 200),
        span_of(2, 11, 0, "inventory", "handle", 120, 180).kind(SpanKind::Server),
    ]);
    let [(.., told)] = found(spans).try_into().unwrap();
    assert!(
        told.starts_with(
            "The trace breaks at `inventory`: checkout was making a call (GET, span 000000000000000a) but inventory \
             started a new trace"
        ),
        "{told}"
    );
}

#[test]
fn a_clock_that_is_behind_does_not_make_the_callee_the_start() {
    let spans =
        vec![call(1, 0, "driver", 7001, 40, 100), served(2, 2, 0, "inventory", 7001, 10, 60)];
    let [finding] = diagnose(&Trace::group(spans)).try_into().unwrap();
    assert_eq!(
        (finding.kind, finding.downstream.service_name()),
        (FindingKind::NewTrace, "inventory")
    );
}

#[test]
fn context_lost_inside_a_service_is_one_finding() {
    let mut spans = so_far();
    spans.extend([
        call(10, 3, "checkout", 7002, 100, 200),
        served(1, 11, 10, "inventory", 7002, 110, 190),
        span_of(2, 12, 0, "inventory", "SELECT stock", 120, 130).kind(SpanKind::Client),
        span_of(3, 13, 0, "inventory", "reserve", 140, 150),
    ]);
    let findings = diagnose(&Trace::group(spans.clone()));
    assert_eq!(findings[0].culprit(), Some("inventory"));
    check(
        spans,
        FindingKind::LostInside,
        Suspect::Caller,
        "The trace breaks inside `inventory`: while it handled GET /7002 (span 000000000000000b), its own SELECT stock \
         (span 000000000000000c) started a new trace (00000000000000000000000000000002), as did 1 more. If that is \
         part of the request, it moved to a task or thread without its context.",
    );
}

#[test]
fn a_caller_without_a_traced_client_is_told_by_what_it_was_doing() {
    let mut spans = so_far();
    spans.push(served(2, 10, 0, "inventory", 7002, 110, 190));
    check(
        spans,
        FindingKind::NoCaller,
        Suspect::Unclear,
        "`inventory` started a new trace (00000000000000000000000000000002) with GET /7002 (span 000000000000000a), \
         and no client span shows who called it. At that moment checkout was handling GET /2 (span 0000000000000003); \
         if it made the call, its client is not traced.",
    );
    check(
        vec![served(1, 1, 0, "gateway", 1, 0, 100), served(2, 2, 0, "inventory", 7002, 200, 300)],
        FindingKind::NoCaller,
        Suspect::Unclear,
        "`inventory` started a new trace (00000000000000000000000000000002) with GET /7002 (span 0000000000000002), \
         and no client span shows who called it.",
    );
}

#[test]
fn work_in_the_background_is_nobodys_break() {
    let mut spans = so_far();
    spans.extend([
        span_of(2, 10, 0, "reporter", "start up", 0, 5),
        span_of(3, 11, 0, "reporter", "GET", 400, 500).kind(SpanKind::Client),
    ]);
    assert_eq!(found(spans), []);
}

#[test]
fn a_new_trace_with_a_link_back_is_no_break() {
    let mut spans = so_far();
    spans.extend([
        call(10, 3, "checkout", 7002, 100, 200),
        served(2, 11, 0, "inventory", 7002, 110, 190).link(TraceId::from(1), SpanId::from(10)),
    ]);
    assert!(!diagnose(&Trace::group(spans.clone()))[0].is_break());
    check(
        spans,
        FindingKind::Restarted,
        Suspect::Nobody,
        "`inventory` started a new trace (00000000000000000000000000000002) and linked it to checkout's (span \
         000000000000000a), as a service does that does not trust its caller's.",
    );
    // A message's consumer always does.
    let mut spans = so_far();
    let consumer = span_of(2, 11, 0, "worker", "process orders", 500, 600).kind(SpanKind::Consumer);
    spans.push(consumer.link(TraceId::from(1), SpanId::from(3)));
    assert_eq!(found(spans), []);
}

#[test]
fn a_missing_parent_is_told_once() {
    let mut spans = so_far();
    spans.extend([
        served(1, 10, 99, "inventory", 7002, 110, 190),
        served(1, 11, 99, "inventory", 7002, 120, 190),
    ]);
    assert!(!diagnose(&Trace::group(spans.clone()))[0].is_break());
    check(
        spans,
        FindingKind::MissingParent,
        Suspect::Nobody,
        "`inventory` continued the trace (GET /7002, span 000000000000000a), but the parent it names, span \
         0000000000000063, is not here: not exported yet, not sampled, lost, or sent elsewhere.",
    );
}

#[test]
fn names_from_outside_cannot_steer_the_terminal() {
    let mut spans = so_far();
    let long = "x".repeat(10_000);
    spans.push(span_of(2, 10, 0, "\x1b[2Jevil\r\n", &long, 110, 190).kind(SpanKind::Server));
    let [(.., told)] = found(spans).try_into().unwrap();
    assert!(told.starts_with("`␛[2Jevil␍␊` started a new trace"), "{told}");
    assert!(told.len() < 600, "{told}");
}
