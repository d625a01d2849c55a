//! Which traces are kept, and what is written on their spans.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is test code")]

use std::time::Duration;

use opentelemetry::trace::{SpanKind, TraceState};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};
use tail_tests::{ADJUSTED_COUNT, Service, text};
use tracewire::sdk::TailSampling;

const LOW: u64 = 0x00;
const HIGH: u64 = 0xff;

/// What happens in a trace.
#[derive(Clone, Copy, Default)]
struct Trace {
    number: u64,
    name: Option<&'static str>,
    route: Option<&'static str>,
    took: Duration,
    root_fails: bool,
    child_fails: bool,
}

fn run(settings: TailSampling, trace: Trace) -> Service {
    let service = Service::new(settings);
    let mut root = service.request(trace.number);
    if let Some(name) = trace.name {
        root = root.rename(name);
    }
    if let Some(route) = trace.route {
        root = root.set("http.route", route);
    }
    let child = service.child(&root);
    service.clock.advance(trace.took);
    if trace.child_fails {
        child.fail();
    } else {
        child.end();
    }
    if trace.root_fails {
        root.fail();
    } else {
        root.end();
    }
    service
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn usual() -> TailSampling {
    TailSampling::new()
        .drop_if("health", |trace| {
            trace.attribute("http.route").is_some_and(|route| route.as_str() == "/healthz")
        })
        .keep_errors()
        .slow_route("GET /reports", millis(1000))
        .slower_than(millis(100))
        .slow_route("/every/method", millis(2000))
        .keep_if("vip", |trace| trace.root().is_some_and(|root| root.name == "GET /vip"))
        .share_if("half", 0.5, |trace| trace.root().is_some_and(|root| root.name == "GET /half"))
        .otherwise(0.25)
}

#[test]
fn the_first_rule_that_matches_decides() {
    let low = Trace { number: LOW, ..Trace::default() };
    let cases: &[(&str, Trace, &str)] = &[
        ("nothing about it, low", low, ""),
        ("nothing about it, high", Trace { number: HIGH, ..low }, "probability"),
        ("just below a quarter", Trace { number: 0xbf, ..low }, ""),
        ("just in the quarter", Trace { number: 0xc0, ..low }, "probability"),
        ("the root fails", Trace { root_fails: true, ..low }, "error"),
        ("a child fails", Trace { child_fails: true, ..low }, "error"),
        ("it fails and is slow", Trace { child_fails: true, took: millis(100), ..low }, "error"),
        ("it is slow", Trace { took: millis(100), ..low }, "slow"),
        ("it is nearly slow", Trace { took: millis(99), ..low }, ""),
        (
            "slow, but not for this route",
            Trace { name: Some("GET /reports"), took: millis(999), ..low },
            "",
        ),
        (
            "slow for this route too",
            Trace { name: Some("GET /reports"), took: millis(1000), ..low },
            "slow",
        ),
        (
            "not slow for a route of every method",
            Trace { route: Some("/every/method"), took: millis(1999), ..low },
            "",
        ),
        (
            "slow for a route of every method",
            Trace { route: Some("/every/method"), took: millis(2000), ..low },
            "slow",
        ),
        (
            "dropped before errors are asked for",
            Trace { number: HIGH, route: Some("/healthz"), root_fails: true, ..low },
            "",
        ),
        ("a rule", Trace { name: Some("GET /vip"), ..low }, "vip"),
        ("a rule after errors", Trace { name: Some("GET /vip"), root_fails: true, ..low }, "error"),
        ("the share of a rule", Trace { number: 0x80, name: Some("GET /half"), ..low }, "half"),
        ("outside of it", Trace { number: 0x7f, name: Some("GET /half"), ..low }, ""),
        ("all of it, though", Trace { number: HIGH, name: Some("GET /half"), ..low }, "half"),
    ];
    for (what, trace, expected) in cases {
        let service = run(usual(), *trace);
        assert_eq!(service.policies(), *expected, "{what}");
        let spans = if expected.is_empty() { 0 } else { 2 };
        assert_eq!(service.sink.spans().len(), spans, "{what}");
        let id = tail_tests::id(trace.number);
        assert_eq!(service.tail.is_kept(id), Some(!expected.is_empty()), "{what}");
    }
}

#[test]
fn shares_have_limits() {
    let cases = [(1.0, LOW, true), (0.0, HIGH, false), (2.0, LOW, true), (f64::NAN, HIGH, false)];
    for (share, number, kept) in cases {
        let trace = Trace { number, ..Trace::default() };
        let service = run(TailSampling::new().otherwise(share), trace);
        assert_eq!(!service.sink.spans().is_empty(), kept, "{share}");
    }
    let service = run(TailSampling::new(), Trace::default());
    assert_eq!(service.sink.spans().len(), 2, "nothing said: everything");
}

#[test]
fn kept_spans_say_for_how_many_they_stand() {
    let failing = |number| Trace { number, root_fails: true, ..Trace::default() };
    let quiet = |number| Trace { number, ..Trace::default() };
    let rv = "rv:ffffffffffffff";
    // What came in `ot`, the trace, then what is in `ot` and the adjusted count; nothing if dropped.
    let cases = [
        ("", quiet(HIGH), Some(("th:c", 4.0))),
        ("th:0", quiet(HIGH), Some(("th:c", 4.0))),
        ("th:8", quiet(HIGH), Some(("th:c", 4.0))),
        ("th:e", quiet(HIGH), Some(("th:e", 8.0))),
        ("x:y;th:8", quiet(HIGH), Some(("x:y;th:c", 4.0))),
        ("", failing(LOW), Some(("", 1.0))),
        ("th:8", failing(HIGH), Some(("th:8", 2.0))),
        // By its threshold it should not be here, so nobody knows for how many it stands.
        ("th:8", failing(LOW), Some(("", 1.0))),
        (rv, quiet(LOW), Some(("rv:ffffffffffffff;th:c", 4.0))),
        ("rv:00000000000000", quiet(HIGH), None),
    ];
    for (ot, trace, expected) in cases {
        let service = Service::new(TailSampling::new().keep_errors().otherwise(0.25));
        let state = match ot {
            "" => TraceState::NONE,
            ot => TraceState::from_key_value([("ot", ot), ("z", "1")]).unwrap(),
        };
        let root = service.request_with(trace.number, state);
        service.child(&root).end();
        if trace.root_fails {
            root.fail();
        } else {
            root.end();
        }
        let spans = service.sink.spans();
        assert_eq!(spans.len(), if expected.is_some() { 2 } else { 0 }, "{ot}");
        for span in &spans {
            let (th, count) = expected.unwrap();
            let state = span.span_context.trace_state();
            assert_eq!(state.get("z").is_some(), !ot.is_empty(), "other members stay");
            assert_eq!(state.get("ot").unwrap_or_default(), th, "{ot}");
            assert_eq!(text(span, ADJUSTED_COUNT), count.to_string(), "{ot}");
            assert!(span.span_context.is_sampled());
        }
    }
}

#[test]
fn services_with_the_same_share_keep_the_same_traces() {
    let kept = |share: f64| {
        let service = Service::new(TailSampling::new().otherwise(share));
        (0..=255).for_each(|number| service.request(number).end());
        service.kept()
    };
    let (half, tenth) = (kept(0.5), kept(0.1));
    assert_eq!(half, kept(0.5));
    assert_eq!((half.len(), tenth.len()), (128, 25));
    assert!(tenth.keys().all(|number| half.contains_key(number)));
}

#[test]
fn a_predicate_that_panics_does_not_match() {
    let settings = TailSampling::new()
        .keep_if("broken", |_| std::panic::resume_unwind(Box::new("broken")))
        .keep_if("next", |_| true);
    assert_eq!(run(settings, Trace::default()).policies(), "next");
}

#[test]
fn a_predicate_sees_the_whole_trace() {
    let settings = TailSampling::new().otherwise(0.0).keep_if("seen", |trace| {
        let root = trace.root().unwrap();
        trace.spans().len() == 2
            && trace.is_complete()
            && !trace.has_error()
            && root.span_kind == SpanKind::Server
            && trace.roots().count() == 1
            && trace.duration() == Some(Duration::from_millis(7))
            && trace.attribute("http.route").is_some_and(|it| it.as_str() == "/x")
            && trace.attribute("http.method").is_none()
    });
    let trace = Trace { route: Some("/x"), took: millis(7), ..Trace::default() };
    assert_eq!(run(settings, trace).policies(), "seen");
}

/// Samples servers as told, and everything else.
#[derive(Clone, Debug)]
struct Servers(SamplingDecision);

impl ShouldSample for Servers {
    fn should_sample(
        &self,
        _: Option<&opentelemetry::Context>,
        _: opentelemetry::trace::TraceId,
        _: &str,
        kind: &SpanKind,
        _: &[opentelemetry::KeyValue],
        _: &[opentelemetry::trace::Link],
    ) -> SamplingResult {
        let decision = match kind {
            SpanKind::Server => self.0.clone(),
            _ => SamplingDecision::RecordAndSample,
        };
        SamplingResult { decision, attributes: Vec::new(), trace_state: TraceState::NONE }
    }
}

#[test]
fn what_is_not_sampled_goes_nowhere() {
    let service = Service::with_sampler(TailSampling::new(), Sampler::AlwaysOff);
    service.request(1).fail();
    assert_eq!(service.sink.spans(), []);
    // A sampler that drops the servers, or only records them: what is below begins by itself.
    for decision in [SamplingDecision::Drop, SamplingDecision::RecordOnly] {
        let service = Service::with_sampler(TailSampling::new(), Servers(decision));
        let root = service.request(1);
        let child = service.child(&root);
        service.child(&child).end();
        assert_eq!(service.sink.spans(), []);
        child.end();
        assert_eq!(service.sink.spans().len(), 2);
        root.fail();
        let names: Vec<_> = service.sink.spans().iter().map(|it| it.name.clone()).collect();
        assert_eq!(names, ["work", "work"]);
    }
}
