//! Log records arrive beside the spans that they belong to.
#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::time::Instant;

use collector_tests::{SPANS_ALONE, shared};
use sdk_tests::{Child, PATIENCE, Wire};

const SHOP: &str = env!("CARGO_BIN_EXE_shop");

#[test]
fn each_protocol() {
    for wire in [Wire::Grpc, Wire::Http, Wire::Json] {
        let service = format!("logs-{wire:?}-{}", std::process::id());
        let (endpoint, received) = shared(wire);
        let variables = [
            SPANS_ALONE,
            ("OTEL_LOGS_EXPORTER", "otlp"),
            ("OTEL_SERVICE_NAME", &*service),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", wire.protocol()),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ];
        let mut shop = Child::start(SHOP, &[], &variables);
        shop.ok("init");
        shop.say("order 4 2");
        assert_eq!(shop.say("shutdown"), "16 16 0 0", "{wire:?}");
        shop.end();

        let spans = received.when(&service, |spans| spans.len() == 16);
        let deadline = Instant::now() + PATIENCE;
        let mut records = received.records_so_far(&service);
        while records.len() < 2 {
            assert!(Instant::now() < deadline, "{wire:?}: {records:#?}");
            records = received.records_so_far(&service);
        }
        assert_eq!(records.len(), 2, "{wire:?}: {records:#?}");
        assert_ne!(records[0].trace, records[1].trace, "{wire:?}");
        for record in records {
            assert_eq!((&*record.body, &*record.severity), ("sold out", "WARN"), "{wire:?}");
            let its = |span: &&_| {
                let span: &collector_tests::Span = span;
                (&span.trace, &span.id) == (&record.trace, &record.span)
            };
            let span = spans.iter().find(its).unwrap();
            assert_eq!(span.name, "store", "{wire:?}");
            assert_eq!(span.resource, record.resource, "{wire:?}");
        }
    }
}
