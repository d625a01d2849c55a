//! Several requests of one trace, and spans that end late.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is test code")]

use std::time::Duration;

use tail_tests::{POLICY, Service, id, text};
use tracewire::sdk::TailSampling;

const LOW: u64 = 0;
const HIGH: u64 = 255;

fn errors_only() -> Service {
    Service::new(TailSampling::new().keep_errors().otherwise(0.0))
}

#[test]
fn late_spans_follow_the_decision() {
    let service = Service::new(TailSampling::new().keep_errors().otherwise(0.0));
    let kept = service.request(LOW);
    let late = service.child(&kept);
    kept.fail();
    assert_eq!(service.sink.spans().len(), 1);
    let later = service.child(&late);
    late.end();
    later.end();
    assert_eq!(service.sink.spans().len(), 3);
    assert_eq!(service.policies(), "error");

    let dropped = service.request(HIGH);
    let late = service.child(&dropped);
    dropped.end();
    late.fail();
    assert_eq!(service.kept().get(&HIGH), None, "an error that comes too late");
    let stats = service.stats();
    assert_eq!((stats.spans_kept, stats.spans_dropped, stats.spans_late), (3, 2, 3));
    assert_eq!((stats.traces_kept_for_errors, stats.traces_dropped), (1, 1));
    assert_eq!((stats.traces_waiting, stats.spans_waiting, stats.bytes_waiting), (0, 0, 0));
}

#[test]
fn calls_that_overlap_are_decided_on_together() {
    let service = errors_only();
    let outer = service.request(LOW);
    let client = service.child(&outer);
    let inner = service.loopback(&client);
    service.child(&inner).fail();
    inner.end();
    assert_eq!(service.sink.spans().len(), 0, "the outer call is open");
    client.end();
    outer.end();
    assert_eq!(service.kept()[&LOW], 4);

    let (first, second) = (service.request(HIGH), service.request(HIGH));
    first.fail();
    assert_eq!(service.kept().get(&HIGH), None);
    second.end();
    assert_eq!(service.kept()[&HIGH], 2);
}

#[test]
fn once_kept_a_trace_is_kept() {
    let settings = TailSampling::new()
        .keep_errors()
        .drop_if("quiet", |trace| !trace.has_error())
        .otherwise(0.0);
    let service = Service::new(settings);
    service.request(LOW).fail();
    let second = service.request(LOW);
    service.child(&second).end();
    second.end();
    let policies: Vec<_> = service.sink.spans().iter().map(|it| text(it, POLICY)).collect();
    assert_eq!(policies, ["error", "earlier_part", "earlier_part"]);
    assert_eq!(service.stats().traces_kept_with_earlier_parts, 1);
}

#[test]
fn a_call_that_fails_is_kept_though_earlier_ones_were_dropped() {
    let service = errors_only();
    let first = service.request(LOW);
    let late = service.child(&first);
    first.end();
    assert_eq!(service.tail.is_kept(id(LOW)), Some(false));
    service.clock.advance(Duration::from_millis(1));
    let second = service.request(LOW);
    let child = service.child(&second);
    assert_eq!(service.tail.is_kept(id(LOW)), Some(false), "of what was decided so far");
    // It ends while the second call is open, and belongs to the first.
    late.end();
    let later = service.child(&second);
    child.end();
    let expected = second.id();
    second.fail();
    later.end();
    assert_eq!(service.tail.is_kept(id(LOW)), Some(true));
    let spans = service.sink.spans();
    assert_eq!(spans.len(), 3);
    let first_parents = spans.iter().filter(|it| it.parent_span_id == expected).count();
    assert_eq!(first_parents, 2, "and nothing of the first call");
}

#[test]
fn the_late_spans_of_a_dropped_call_stay_dropped_when_the_trace_is_kept_later() {
    let service = errors_only();
    let first = service.request(LOW);
    let late = service.child(&first);
    first.end();
    service.clock.advance(Duration::from_millis(1));
    service.request(LOW).fail();
    late.end();
    assert_eq!(service.sink.spans().len(), 1);
    // Nor do they come back with a third call.
    let third = service.request(LOW);
    third.end();
    assert_eq!(service.sink.spans().len(), 2);
}

#[test]
fn what_is_forgotten_is_left_to_chance() {
    let settings = TailSampling::new().keep_errors().otherwise(0.5).remember(1).max_traces(100);
    let service = Service::new(settings);
    let open: Vec<_> = [LOW, HIGH, 1, 254]
        .into_iter()
        .map(|number| {
            let root = service.request(number);
            let late = service.child(&root);
            root.end();
            late
        })
        .collect();
    assert_eq!(service.tail.is_kept(id(LOW)), None);
    drop(open);
    let kept = service.kept();
    assert_eq!(kept.into_iter().collect::<Vec<_>>(), [(254, 2), (HIGH, 2)]);
}
