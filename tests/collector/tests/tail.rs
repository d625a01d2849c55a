//! A tier of Collectors that decides which whole traces are kept, behind our own sampling.
#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use collector_tests::{Collector, Received, SPANS_ALONE, Setup, Span};
use sdk_tests::{Child, PATIENCE, Wire};

const SHOP: &str = env!("CARGO_BIN_EXE_shop");

const ERRORS: &str = "{decision_wait: 1s, policies: \
                      [{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}]}";

#[test]
fn behind_consistent_sampling() {
    let (sent, spans) = trade(("consistent", "0.5"));
    let errors = sent.iter().filter(|order| order.failed && order.sampled);
    same(&spans, errors.map(|order| &*order.trace));
    for span in &spans {
        assert_eq!(span.state, "ot=th:8", "{span:#?}");
    }
}

#[test]
fn behind_tail_sampling() {
    let (sent, spans) = trade(("tail", "0.25"));
    let errors = sent.iter().filter(|order| order.failed);
    same(&spans, errors.map(|order| &*order.trace));
    for span in &spans {
        assert_eq!(span.attributes["tracewire.sampling.policy"], "error", "{span:#?}");
        assert_eq!(span.attributes["tracewire.sampling.adjusted_count"], "1", "{span:#?}");
    }
}

struct Order {
    trace: String,
    failed: bool,
    sampled: bool,
}

/// Takes orders, every fourth of which fails, with one setting of our own; what there was, and what
/// the Collector has kept of it.
fn trade(setting: (&str, &str)) -> (Vec<Order>, Vec<Span>) {
    let collector = Collector::start(Setup::new().processor("tail_sampling", ERRORS));
    let endpoint = collector.endpoint(Wire::Grpc);
    let variables = [
        SPANS_ALONE,
        ("OTEL_SERVICE_NAME", "shop"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ];
    let mut shop = Child::start(SHOP, &[setting], &variables);
    shop.ok("init");
    let mut sent = order(&mut shop, "order 80 4");
    let received = collector.received();
    // It decides in the order in which traces came: once it has kept one that came after all others,
    // it has dropped what it does not keep.
    received.when("shop", |spans| !spans.is_empty());
    let deadline = Instant::now() + PATIENCE;
    loop {
        let last = order(&mut shop, "order 1 1").remove(0);
        let kept = last.sampled.then(|| last.trace.clone());
        sent.push(last);
        if let Some(trace) = kept {
            wait_for(&received, &trace);
            return (sent, received.so_far("shop"));
        }
        assert!(Instant::now() < deadline, "no trace is sampled");
    }
}

#[track_caller]
fn wait_for(received: &Received, trace: &str) {
    let whole = |spans: &[Span]| spans.iter().filter(|span| span.trace == trace).count() == 4;
    received.when("shop", whole);
}

fn order(shop: &mut Child, command: &str) -> Vec<Order> {
    let answers = shop.say(command);
    assert_eq!(shop.say("flush"), "true");
    let order = |answer: &str| {
        let (status, parent) = answer.split_once(':').unwrap();
        let parts: Vec<_> = parent.split('-').collect();
        let flags = u8::from_str_radix(parts[3], 16).unwrap();
        Order { trace: parts[1].to_owned(), failed: status == "500", sampled: flags & 1 == 1 }
    };
    answers.split(' ').map(order).collect()
}

/// Compares the traces that were kept, each of which must be whole, with those that should be.
#[track_caller]
fn same<'a>(spans: &[Span], expected: impl Iterator<Item = &'a str>) {
    let mut sizes = BTreeMap::<&str, usize>::new();
    for span in spans {
        *sizes.entry(&span.trace).or_default() += 1;
    }
    let expected: BTreeSet<_> = expected.collect();
    assert!(expected.len() > 1, "there is something to keep");
    assert_eq!(sizes.keys().copied().collect::<BTreeSet<_>>(), expected);
    assert!(sizes.values().all(|size| *size == 4), "{sizes:?}");
}
