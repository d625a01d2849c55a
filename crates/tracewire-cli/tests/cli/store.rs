//! The store keeps the last traces, counts what it lets go, and tells who waits.

use std::time::Duration;

use tokio::time::Instant;
use tracewire_cli::{Limits, Span, SpanId, Stats, Store, Trace, TraceId};

use crate::support::span_of;

const SECOND: Duration = Duration::from_secs(1);

fn span(trace: u128, n: u64) -> Span {
    span_of(trace, n, 0, "service", "name", 0, 1)
}

fn ids(store: &Store) -> Vec<u128> {
    store.trace_ids().into_iter().map(|id| u128::from_be_bytes(id.to_bytes())).collect()
}

#[test]
fn the_oldest_trace_goes_first_and_is_counted() {
    let store = Store::new(Limits::default().traces(2));
    store.add([span(1, 1), span(1, 2), span(2, 1)]);
    // A late span does not make its trace younger.
    store.add([span(1, 3)]);
    assert_eq!(ids(&store), [1, 2]);

    store.add([span(3, 1)]);

    assert_eq!(ids(&store), [2, 3]);
    assert!(store.trace(TraceId::from(1)).is_none());
    let stats = store.stats();
    assert_eq!((stats.evicted_traces, stats.evicted_spans), (1, 3));
    assert_eq!((stats.traces, stats.spans, stats.received), (2, 2, 5));

    // A span that comes after its trace has gone starts it anew.
    store.add([span(1, 4)]);
    assert_eq!(ids(&store), [3, 1]);
    assert_eq!(store.traces()[1].len(), 1);
}

#[test]
fn the_number_of_spans_is_kept_by_evicting_other_traces() {
    let store = Store::new(Limits::default().spans(4));
    store.add([span(1, 1), span(2, 1), span(2, 2), span(3, 1)]);
    // Trace 1 is the oldest, so the next one makes room for it.
    store.add([span(1, 2)]);

    assert_eq!(ids(&store), [1, 3]);
    assert_eq!(store.stats().spans, 3);

    let refused = store.add((3..9).map(|n| span(1, n)));

    assert_eq!(refused, 4, "one trace cannot have more than the limit");
    assert_eq!(ids(&store), [1]);
    let stats = store.stats();
    assert_eq!((stats.spans, stats.refused, stats.evicted_traces), (4, 4, 2));
}

#[test]
fn memory_is_kept_in_bounds() {
    let store = Store::new(Limits::default().bytes(100_000));
    let large = |trace, bytes: usize| span(trace, 1).attribute("body", "x".repeat(bytes));
    store.add([large(1, 40_000), large(2, 40_000)]);
    assert!((80_000..82_000).contains(&store.stats().bytes), "{:?}", store.stats());

    store.add([large(3, 40_000)]);
    assert_eq!(ids(&store), [2, 3]);

    // What could never fit evicts nothing.
    assert_eq!(store.add([large(4, 100_000)]), 1);
    assert_eq!(ids(&store), [2, 3]);

    // A replacement frees what it replaces.
    store.add([large(2, 10)]);
    assert!((40_000..42_000).contains(&store.stats().bytes), "{:?}", store.stats());
    store.clear();
    assert_eq!(store.stats().bytes, 0);
}

#[test]
fn one_resource_is_charged_once() {
    let big = span(1, 1).service(&"s".repeat(10_000));
    let shared = (1..=100).map(|n| {
        let mut span = span(1, n);
        span.resource = big.resource.clone();
        span
    });
    let store = Store::default();
    store.add(shared);
    assert!(store.stats().bytes < 80_000, "{:?}", store.stats());
}

#[test]
fn a_span_sent_again_replaces_the_first() {
    let store = Store::default();
    store.add([span(1, 1), span(1, 1).failed("later")]);

    let trace = store.trace(TraceId::from(1)).unwrap();
    assert_eq!(trace.len(), 1);
    assert!(trace.get(SpanId::from(1)).unwrap().is_error());
    let stats = store.stats();
    assert_eq!((stats.received, stats.replaced, stats.spans), (2, 1, 1));
}

#[test]
fn limits_of_zero_keep_the_last_span() {
    let store = Store::new(Limits::default().traces(0).spans(0));
    store.add([span(1, 1), span(2, 1)]);
    assert_eq!(ids(&store), [2]);
}

#[test]
fn clearing_forgets_the_traces_and_not_the_counters() {
    let store = Store::default();
    store.add([span(1, 1), span(1, 1)]);
    store.clear();
    let mut expected = Stats::default();
    (expected.received, expected.replaced) = (2, 1);
    assert_eq!(store.stats(), expected);
    assert!(store.traces().is_empty());
}

#[test]
fn traces_linked_to_a_trace_are_found() {
    let store = Store::default();
    let consumer = span(2, 1).link(TraceId::from(1), SpanId::from(1));
    let linked_to_itself = span(1, 2).link(TraceId::from(1), SpanId::from(1));
    store.add([span(1, 1), linked_to_itself, consumer, span(3, 1)]);
    let linked = |id| store.linked(TraceId::from(id)).iter().map(Trace::id).collect::<Vec<_>>();
    assert_eq!(linked(1), [TraceId::from(2)]);
    assert_eq!(linked(2), []);
}

#[tokio::test]
async fn a_waiter_is_told_of_every_arrival_and_asks_no_more_often() {
    let store = Store::default();
    let sender = store.clone();
    let mut asked = 0;
    let waiting = store.wait_for(
        |store| {
            asked += 1;
            (store.stats().spans == 3).then(|| store.stats().received)
        },
        20 * SECOND,
    );
    let sending = async {
        for n in 1..=3 {
            sender.add([span(1, n)]);
            tokio::task::yield_now().await;
        }
    };

    let (received, ()) = tokio::join!(waiting, sending);

    assert_eq!(received, Some(3));
    assert!(asked <= 4, "{asked}");
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_at_the_timeout() {
    let store = Store::default();
    let start = Instant::now();
    assert_eq!(store.wait_for(|_| None::<()>, 3 * SECOND).await, None);
    assert_eq!(start.elapsed().as_secs(), 3);
    // What is there already is found without waiting at all.
    assert_eq!(store.wait_for(|_| Some(1), Duration::ZERO).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn settled_is_when_nothing_more_comes() {
    let store = Store::default();
    let start = Instant::now();
    assert!(!store.settled(SECOND, 5 * SECOND).await, "nothing has come");
    assert_eq!(start.elapsed().as_secs(), 5);

    let sender = store.clone();
    let sending = async move {
        for n in 1..=4 {
            tokio::time::sleep(SECOND / 2).await;
            sender.add([span(1, n)]);
        }
    };
    let start = Instant::now();
    let (settled, ()) = tokio::join!(store.settled(SECOND, 20 * SECOND), sending);
    assert!(settled);
    assert_eq!(start.elapsed().as_secs(), 3, "a second after the last of them");

    let sender = store.clone();
    let noise = tokio::spawn(async move {
        for n in 1.. {
            tokio::time::sleep(SECOND / 2).await;
            sender.add([span(1, n)]);
        }
    });
    assert!(!store.settled(SECOND, 5 * SECOND).await, "it never ends");
    noise.abort();
}
