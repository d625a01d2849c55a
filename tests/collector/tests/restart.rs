//! A Collector that is killed while spans stream to it, and comes back.
#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::collections::BTreeSet;
use std::time::Instant;

use collector_tests::{Collector, SPANS_ALONE, Setup};
use sdk_tests::{Child, PATIENCE, Wire};

const SHOP: &str = env!("CARGO_BIN_EXE_shop");

/// Spans of one export.
const BATCH: usize = 16;
/// Spans of one order.
const ORDER: usize = 4;

#[test]
fn it_is_found_again_and_the_counts_are_right() {
    std::thread::scope(|scope| {
        for wire in [Wire::Grpc, Wire::Http, Wire::Json] {
            scope.spawn(move || check(wire));
        }
    });
}

fn check(wire: Wire) {
    let mut collector = Collector::start(Setup::new());
    let endpoint = collector.endpoint(wire);
    let batch = BATCH.to_string();
    let variables = [
        SPANS_ALONE,
        ("OTEL_SERVICE_NAME", "shop"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", wire.protocol()),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", &*batch),
    ];
    let mut shop = Child::start(SHOP, &[], &variables);
    shop.ok("init");
    let mut orders = 0;
    let mut order = |shop: &mut Child, count: usize| {
        let answers = shop.say(&format!("order {count}"));
        let fine = answers.split(' ').filter(|answer| answer.starts_with("200:"));
        assert_eq!(fine.count(), count, "{wire:?}");
        orders += count;
    };

    // The stream has begun, and goes on while the Collector dies.
    let received = collector.received();
    std::thread::scope(|scope| {
        let ordering = scope.spawn(|| order(&mut shop, 100));
        received.when("shop", |spans| !spans.is_empty());
        collector.kill();
        ordering.join().unwrap();
    });
    order(&mut shop, 50);
    assert_eq!(shop.say("flush"), "false", "{wire:?}");
    let before = received.so_far("shop").len();
    collector.restart();

    // Nobody tells the shop.
    let deadline = Instant::now() + PATIENCE;
    while received.so_far("shop").len() == before {
        assert!(Instant::now() < deadline, "{wire:?}: it is not found again");
        order(&mut shop, 1);
    }
    order(&mut shop, 20);
    assert_eq!(shop.say("flush"), "true", "{wire:?}");

    let stats = shop.say("shutdown");
    let counts: Vec<usize> = stats.split(' ').map(|count| count.parse().unwrap()).collect();
    let [started, exported, dropped, sampled_out] = counts[..] else { unreachable!() };
    assert_eq!(started, orders * ORDER, "{wire:?}: {stats}");
    assert_eq!(started, exported + dropped + sampled_out, "{wire:?}: {stats}");
    assert!(dropped > 0, "{wire:?}: {stats}");
    // Of one batch, the Collector may have died between writing it down and saying so.
    let spans: BTreeSet<_> = received.so_far("shop").into_iter().map(|span| span.id).collect();
    let arrived = spans.len();
    let possible = exported..=exported + BATCH;
    assert!(possible.contains(&arrived), "{wire:?}: {arrived} spans arrived; {stats}");
    let log = shop.end();
    assert_eq!(log.matches("WARN").count(), 1, "{wire:?}: {log}");
}
