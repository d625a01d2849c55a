//! What one span may hold, and what is left of one that holds more.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use sdk_tests::{Child, Received, Receiver, Wire};

const PUPPET: &str = env!("CARGO_BIN_EXE_puppet");

#[test]
fn limits() {
    // What is left of three attributes, events, links, and of three attributes of each of these.
    let cases = [
        (vec![], [3, 3, 3, 3, 3]),
        (vec![("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1")], [1, 3, 3, 3, 3]),
        (vec![("OTEL_ATTRIBUTE_COUNT_LIMIT", "2")], [2, 3, 3, 3, 3]),
        (
            vec![("OTEL_ATTRIBUTE_COUNT_LIMIT", "2"), ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "0")],
            [0, 3, 3, 3, 3],
        ),
        (vec![("OTEL_SPAN_EVENT_COUNT_LIMIT", "2")], [3, 2, 3, 3, 3]),
        (vec![("OTEL_SPAN_LINK_COUNT_LIMIT", "1")], [3, 3, 1, 3, 3]),
        (vec![("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "1")], [3, 3, 3, 1, 3]),
        (vec![("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "2")], [3, 3, 3, 3, 2]),
        (vec![("OTEL_SPAN_EVENT_COUNT_LIMIT", "few")], [3, 3, 3, 3, 3]),
    ];
    for (variables, expected) in cases {
        let span = &full(&variables, Wire::Http).span;
        let (event, link) = (&span.events[0], &span.links[0]);
        let left = [
            span.attributes.len(),
            span.events.len(),
            span.links.len(),
            event.attributes.len(),
            link.attributes.len(),
        ];
        assert_eq!(left, expected, "{variables:?}");
        let dropped = [
            span.dropped_attributes_count,
            span.dropped_events_count,
            span.dropped_links_count,
            event.dropped_attributes_count,
            link.dropped_attributes_count,
        ];
        assert_eq!(dropped, expected.map(|left| 3 - left as u32), "{variables:?}");
    }
}

#[test]
fn values_are_cut_off() {
    let cases = [
        (vec![], "a long value"),
        (vec![("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "6")], "a long"),
        (
            vec![
                ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "6"),
                ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1"),
            ],
            "a",
        ),
    ];
    for wire in [Wire::Grpc, Wire::Http, Wire::Json] {
        for (variables, expected) in &cases {
            let received = full(variables, wire);
            let span = &received.span;
            let values = [&span.attributes, &span.events[1].attributes, &span.links[2].attributes];
            for value in values.into_iter().flatten() {
                let value = value.value.as_ref().and_then(|value| value.value.clone());
                let expected = Some(Value::StringValue((*expected).to_owned()));
                assert_eq!(value, expected, "{variables:?}");
            }
            assert_eq!(received.resource["telemetry.sdk.name"], "opentelemetry");
        }
    }
}

/// What arrives of a span that has three of everything.
fn full(variables: &[(&str, &str)], wire: Wire) -> Received {
    let receiver = Receiver::start(wire);
    let settings = [("endpoint", &*receiver.endpoint()), ("protocol", wire.protocol())];
    let mut child = Child::start(PUPPET, &settings, variables);
    child.ok("init");
    child.ok("full");
    child.drop_guard();
    child.end();
    receiver.so_far().remove(0)
}
