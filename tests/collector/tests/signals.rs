//! What a Collector makes of metrics, of entities, and of requests that are sent in parts.
#![allow(clippy::unwrap_used, clippy::panic, reason = "this is test code")]

use std::time::Instant;

use collector_tests::{SPANS_ALONE, shared};
use sdk_tests::{Child, PATIENCE, Wire};
use serde_json::Value;

const SHOP: &str = env!("CARGO_BIN_EXE_shop");

/// What there is under these names, one below the other, in lists everything.
fn all<'a>(value: &'a Value, names: &[&str]) -> Vec<&'a Value> {
    let Some((name, rest)) = names.split_first() else { return vec![value] };
    match &value[name] {
        Value::Array(list) => list.iter().flat_map(|item| all(item, rest)).collect(),
        Value::Null => Vec::new(),
        other => all(other, rest),
    }
}

#[test]
fn histograms_and_entities() {
    for wire in [Wire::Grpc, Wire::Http, Wire::Json] {
        let service = format!("signals-{wire:?}-{}", std::process::id());
        let (endpoint, received) = shared(wire);
        let variables = [
            ("OTEL_METRICS_EXPORTER", "otlp"),
            (
                "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
                "base2_exponential_bucket_histogram",
            ),
            ("OTEL_ENTITIES", "host{host.id=h%2C1}[host.name=web]"),
            ("OTEL_SERVICE_NAME", &*service),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", wire.protocol()),
        ];
        let mut shop = Child::start(SHOP, &[], &variables);
        shop.ok("init");
        shop.say("order 3");
        assert_eq!(shop.say("flush"), "true", "{wire:?}");
        shop.end();

        let deadline = Instant::now() + PATIENCE;
        let metrics = ["resourceMetrics", "scopeMetrics", "metrics"];
        let batches = loop {
            let batches = received.batches(&service);
            let has = |names: &[&str]| batches.iter().any(|batch| !all(batch, names).is_empty());
            if has(&metrics) && has(&["resourceSpans"]) {
                break batches;
            }
            assert!(Instant::now() < deadline, "{wire:?}: {batches:#?}");
        };
        let found: Vec<_> = batches.iter().flat_map(|batch| all(batch, &metrics)).collect();
        let is = |name: &str| found.iter().find(|it| it["name"] == name).copied().unwrap();
        let served = is("http.server.request.duration");
        let points = all(served, &["exponentialHistogram", "dataPoints"]);
        let counts: Vec<_> = points.iter().map(|it| it["count"].clone()).collect();
        assert_eq!(counts, ["3"], "{wire:?}: {served:#?}");
        for kind in ["resourceSpans", "resourceMetrics"] {
            let of = |names: [&str; 2]| {
                let names = [kind, "resource", names[0], names[1]];
                batches.iter().find_map(|batch| all(batch, &names).first().copied().cloned())
            };
            assert_eq!(of(["entityRefs", "type"]), Some("host".into()), "{wire:?} {kind}");
            assert_eq!(of(["entityRefs", "idKeys"]), Some("host.id".into()), "{wire:?} {kind}");
        }
    }
}

#[test]
fn every_part_arrives_once() {
    for wire in [Wire::Grpc, Wire::Http, Wire::Json] {
        let service = format!("parts-{wire:?}-{}", std::process::id());
        let (endpoint, received) = shared(wire);
        let variables = [
            SPANS_ALONE,
            ("OTEL_SERVICE_NAME", &*service),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", wire.protocol()),
        ];
        let mut shop = Child::start(SHOP, &[("max-request", "5000")], &variables);
        shop.ok("init");
        shop.say("order 25");
        assert_eq!(shop.say("shutdown"), "100 100 0 0", "{wire:?}");
        shop.end();
        let spans = received.when(&service, |spans| spans.len() >= 100);
        let mut ids: Vec<_> = spans.iter().map(|span| &span.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!((spans.len(), ids.len()), (100, 100), "{wire:?}");
    }
}
