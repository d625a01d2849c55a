//! Spans of a real service arrive at a real Collector, whichever way they are sent.
#![allow(clippy::unwrap_used, reason = "this is test code")]

use collector_tests::{SPANS_ALONE, Span, shared};
use sdk_tests::{Child, Wire};

const SHOP: &str = env!("CARGO_BIN_EXE_shop");

#[test]
fn each_protocol_packed_and_plain() {
    std::thread::scope(|scope| {
        for wire in [Wire::Grpc, Wire::Http, Wire::Json] {
            for compression in ["none", "gzip"] {
                scope.spawn(move || check(wire, compression));
            }
        }
    });
}

fn check(wire: Wire, compression: &str) {
    let service = format!("shop-{wire:?}-{compression}-{}", std::process::id());
    let (endpoint, received) = shared(wire);
    let variables = [
        SPANS_ALONE,
        ("OTEL_SERVICE_NAME", &*service),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", wire.protocol()),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", compression),
        ("OTEL_RESOURCE_ATTRIBUTES", "team=checkout"),
    ];
    let mut shop = Child::start(SHOP, &[], &variables);
    shop.ok("init");
    let answers = shop.say("order 2 2");
    let orders: Vec<_> = answers.split(' ').filter_map(|it| it.split_once(':')).collect();
    assert_eq!(orders.iter().map(|it| it.0).collect::<Vec<_>>(), ["200", "500"], "{answers}");
    assert_eq!(shop.say("shutdown"), "8 8 0 0", "{service}");
    shop.end();

    let spans = received.when(&service, |spans| spans.len() >= 8);
    assert_eq!(spans.len(), 8, "{spans:#?}");
    for (status, parent) in orders {
        let ids: Vec<_> = parent.split('-').collect();
        let trace: Vec<_> = spans.iter().filter(|span| span.trace == ids[1]).collect();
        let client = trace.iter().find(|span| span.id == ids[2]).unwrap();
        let server = below(&trace, client);
        let store = below(&trace, server);
        let insert = below(&trace, store);
        let line = [*client, server, store, insert];
        let shape = line.map(|span| (&*span.name, span.kind));
        let route = "POST /orders/{item}";
        assert_eq!(shape, [("POST", 3), (route, 2), ("store", 1), ("INSERT orders", 3)]);
        assert_eq!(client.parent, "");
        assert_eq!(server.attributes["http.response.status_code"], status);
        assert_eq!(server.attributes["http.route"], "/orders/{item}");
        assert_eq!(insert.attributes["db.system.name"], "sqlite");
        let errors = line.map(|span| span.status == 2);
        assert_eq!(errors, [status == "500", status == "500", false, false]);
        for span in [*client, server, insert] {
            assert!(span.scope.starts_with("tracewire "), "{}", span.scope);
            assert!(span.scope.len() > "tracewire ".len(), "it has a version");
            assert!(span.schema.starts_with("https://opentelemetry.io/schemas/"));
        }
        assert_eq!(store.scope, "tracing ");
        line.iter().for_each(|span| resource(span));
    }
}

#[track_caller]
fn below<'a>(trace: &[&'a Span], parent: &Span) -> &'a Span {
    let mut children = trace.iter().filter(|span| span.parent == parent.id);
    let child = children.next().unwrap();
    assert!(children.next().is_none(), "{} has more than one child", parent.name);
    child
}

fn resource(span: &Span) {
    let expected = [
        ("service.namespace", "tests"),
        ("service.version", "1.2.3"),
        ("deployment.environment.name", "test"),
        ("team", "checkout"),
        ("telemetry.sdk.language", "rust"),
        ("telemetry.sdk.name", "opentelemetry"),
        ("telemetry.distro.name", "tracewire"),
    ];
    for (key, value) in expected {
        assert_eq!(span.resource.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert_eq!(span.resource["service.instance.id"].len(), 36);
}
