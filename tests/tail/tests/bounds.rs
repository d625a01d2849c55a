//! Time limit, bounds, flush, shutdown, and that nothing is lost or halved on the way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is test code")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tail_tests::{Open, Service, id};
use tracewire::sdk::{TailSampling, TailStats};

const LIMIT: Duration = Duration::from_secs(10);

/// With bounds so small that there is one shard.
fn errors_only() -> TailSampling {
    TailSampling::new().keep_errors().otherwise(0.0).time_limit(LIMIT).max_traces(500)
}

#[track_caller]
fn assert_adds_up(stats: TailStats, spans: u64) {
    let known = stats.spans_kept + stats.spans_dropped + stats.spans_lost + stats.spans_waiting;
    assert_eq!(known, spans, "{stats:?}");
}

#[test]
fn the_oldest_is_decided_when_there_are_too_many() {
    let cases =
        [errors_only().max_traces(3), errors_only().max_spans(3), errors_only().max_bytes(20_000)];
    for settings in cases {
        let service = Service::new(settings.clone());
        let mut roots: Vec<Open> = Vec::new();
        for number in 0..100 {
            let root = service.request(number);
            let child = service.child(&root);
            roots.push(root);
            if number == 0 {
                child.fail();
            } else {
                child.end();
            }
            let decided: Vec<_> =
                (0..=number).filter(|it| service.tail.is_kept(id(*it)).is_some()).collect();
            assert!(decided.iter().copied().eq(0..decided.len() as u64), "{decided:?}");
            assert_eq!(decided.len() as u64, service.stats().traces_cut_by_bounds);
        }
        assert!(service.stats().traces_cut_by_bounds > 50, "{settings:?}");
        assert_eq!(service.kept().into_iter().collect::<Vec<_>>(), [(0, 1)], "with what was known");
        drop(roots);
        assert_eq!(service.kept().into_iter().collect::<Vec<_>>(), [(0, 2)], "and then the rest");
        assert_adds_up(service.stats(), 200);
    }
}

#[test]
fn bounds_are_never_exceeded() {
    let service = Service::new(errors_only().max_traces(5).max_spans(20).max_bytes(30_000));
    let mut roots = Vec::new();
    for number in 0..200 {
        roots.push(service.request(number));
        for _ in 0..number % 7 {
            service.child(&roots[roots.len() - 1]).set("key", "x".repeat(500)).end();
            let stats = service.stats();
            assert!(stats.traces_waiting <= 5, "{stats:?}");
            assert!(stats.spans_waiting <= 20, "{stats:?}");
            assert!(stats.bytes_waiting <= 30_000, "{stats:?}");
        }
    }
    // One span that is larger than everything together.
    service.child(&roots[199]).set("key", "x".repeat(50_000)).end();
    assert!(service.stats().bytes_waiting <= 30_000);
}

#[test]
fn the_time_limit_is_minded_when_other_requests_start() {
    let service = Service::new(errors_only().time_limit(Duration::from_secs(3600)));
    let failing = service.request(1);
    service.child(&failing).fail();
    let quiet = service.request(2);
    service.child(&quiet).end();
    service.clock.advance(Duration::from_secs(3599));
    service.request(3).end();
    assert_eq!((service.tail.is_kept(id(1)), service.tail.is_kept(id(2))), (None, None));
    service.clock.advance(Duration::from_secs(1));
    service.request(4).end();
    assert_eq!(
        (service.tail.is_kept(id(1)), service.tail.is_kept(id(2))),
        (Some(true), Some(false))
    );
    assert_eq!(service.stats().traces_cut_by_time, 2);
    // Late spans of either follow.
    quiet.fail();
    failing.end();
    assert_eq!(service.kept().into_iter().collect::<Vec<_>>(), [(1, 2)]);
}

#[test]
fn the_time_limit_is_minded_when_nothing_happens() {
    let service = Service::new(errors_only().time_limit(Duration::from_millis(80)));
    let root = service.request(1);
    service.clock.advance(Duration::from_millis(80));
    let deadline = Instant::now() + Duration::from_secs(30);
    while service.tail.is_kept(id(1)).is_none() {
        assert!(Instant::now() < deadline, "nobody looked");
        thread::yield_now();
    }
    drop(root);
    assert_adds_up(service.stats(), 1);
}

#[test]
fn one_that_takes_too_long_is_slow_before_it_ends() {
    let cases = [(5, "slow"), (15, "")];
    for (threshold, expected) in cases {
        let service = Service::new(errors_only().slower_than(Duration::from_secs(threshold)));
        let root = service.request(1);
        service.child(&root).end();
        service.clock.advance(LIMIT);
        service.request(2).end();
        assert_eq!(service.policies(), expected);
        drop(root);
    }
}

#[test]
fn a_flush_decides_everything() {
    for shut in [false, true] {
        let service = Service::new(errors_only());
        let (failing, quiet) = (service.request(1), service.request(2));
        service.child(&failing).fail();
        service.child(&quiet).end();
        if shut {
            service.provider.shutdown().unwrap();
        } else {
            service.provider.force_flush().unwrap();
        }
        assert_eq!(service.kept().into_iter().collect::<Vec<_>>(), [(1, 1)]);
        assert_eq!(service.stats().spans_waiting, 0);
        drop((failing, quiet));
        // After a shutdown the SDK hands on nothing.
        let rest = if shut { 1 } else { 2 };
        assert_eq!(service.kept().into_iter().collect::<Vec<_>>(), [(1, rest)]);
    }
}

#[test]
fn threads_lose_nothing() {
    const THREADS: u64 = 8;
    const REQUESTS: u64 = 2_000;
    let settings = TailSampling::new()
        .keep_errors()
        .keep_if("third", |trace| trace.spans().len() % 3 == 0)
        .otherwise(0.1)
        .max_traces(512)
        .max_spans(4096)
        .remember(1 << 16);
    let service = Service::new(settings);
    let (started, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (service, started, failed) = (&service, &started, &failed);
            scope.spawn(move || {
                let mut late = Vec::new();
                for request in 0..REQUESTS {
                    let root = service.below(
                        &opentelemetry::Context::new(),
                        "GET /x",
                        opentelemetry::trace::SpanKind::Server,
                    );
                    let children = (thread + request) % 5;
                    for child in 0..children {
                        let child = (service.child(&root), child);
                        if child.1 == 4 {
                            late.push(child.0);
                        } else {
                            child.0.end();
                        }
                    }
                    started.fetch_add(1 + children, Ordering::Relaxed);
                    if request % 50 == 0 {
                        failed.fetch_add(1, Ordering::Relaxed);
                        root.fail();
                    } else {
                        root.end();
                    }
                    if request % 100 == 0 {
                        late.clear();
                    }
                }
            });
        }
    });
    let stats = service.stats();
    assert_adds_up(stats, started.load(Ordering::Relaxed));
    assert_eq!((stats.spans_lost, stats.spans_waiting, stats.bytes_waiting), (0, 0, 0));
    assert_eq!(stats.traces_kept_for_errors, failed.load(Ordering::Relaxed));
    let spans = service.sink.spans();
    assert_eq!(spans.len() as u64, stats.spans_kept);
    // Every kept trace has its root, and as many spans as it said.
    let mut roots = HashMap::<_, i32>::new();
    for span in &spans {
        *roots.entry(span.span_context.trace_id()).or_default() += i32::from(span.name == "GET /x");
    }
    assert!(roots.values().all(|count| *count == 1));
}
