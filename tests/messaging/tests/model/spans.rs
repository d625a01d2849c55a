//! What spans are called, of which kind they are, and what samplers see of them.

use tracewire::messaging::{About, Client};
use tracewire::otel::KeyValue;
use tracewire::otel::trace::SpanContext;
use tracewire::span::Outcome;
use tracewire::test::{Capture, expect};
use tracewire_messaging_tests::config;

use crate::{Headers, foreign};

#[test]
fn every_operation_has_its_kind_and_its_type() {
    let (kind_of, none) = (expect::span, SpanContext::NONE);
    let orders = |about: &mut About| about.destination("orders");
    type Run = Box<dyn Fn(&Client)>;
    let cases: [(Run, expect::Span, &'static str, &'static str); 8] = [
        (
            Box::new(move |client| client.create("create", &mut Headers::new(), orders)),
            kind_of("create orders").producer(),
            "create",
            "create",
        ),
        (
            Box::new(move |client| {
                client.send("publish", &mut Headers::new(), orders).finish(Outcome::Success);
            }),
            kind_of("publish orders").producer(),
            "publish",
            "send",
        ),
        (
            Box::new(move |client| {
                client.send("publish", &mut foreign(), orders).finish(Outcome::Success);
            }),
            kind_of("publish orders").client().links(1),
            "publish",
            "send",
        ),
        (
            Box::new(move |client| client.receive("poll", orders).finish(Outcome::Success)),
            kind_of("poll orders").client(),
            "poll",
            "receive",
        ),
        (
            Box::new(move |client| {
                client.process("process", &Headers::new(), orders).finish(Outcome::Success);
            }),
            kind_of("process orders").consumer().links(0),
            "process",
            "process",
        ),
        (
            Box::new(move |client| {
                let batch = [Headers::new(), foreign()];
                let process = client.process_batch("work", &batch, orders, |_, _| {});
                process.finish(Outcome::Success);
            }),
            kind_of("work orders")
                .consumer()
                .links(1)
                .attribute("messaging.batch.message_count", 2),
            "work",
            "process",
        ),
        (
            Box::new(move |client| client.settle("ack", [&none], orders).finish(Outcome::Success)),
            kind_of("ack orders").client().links(0),
            "ack",
            "settle",
        ),
        (
            Box::new(move |client| {
                client.settle("ack", [], |_| {}).finish(Outcome::error("refused"));
            }),
            kind_of("ack").client().error("refused"),
            "ack",
            "settle",
        ),
    ];
    for (run, expected, name, kind) in cases {
        let capture = Capture::new();
        run(&Client::new("pigeon_post", &config(&capture)));
        let expected = expected
            .attribute("messaging.system", "pigeon_post")
            .attribute("messaging.operation.name", name)
            .attribute("messaging.operation.type", kind);
        let trace = capture.traces().pop().unwrap();
        trace.assert(expected);
    }
}

#[test]
fn a_name_has_the_template_or_the_name_or_the_server() {
    type Describe = fn(&mut About);
    let cases: [(Describe, &str); 8] = [
        (|about| about.destination("orders"), "publish orders"),
        (
            |about| {
                about.destination("orders.7");
                about.template("orders.{id}");
            },
            "publish orders.{id}",
        ),
        (
            |about| {
                about.destination("_INBOX.x");
                about.template("_INBOX");
                about.temporary();
            },
            "publish _INBOX",
        ),
        (
            |about| {
                about.destination("tmp-1");
                about.temporary();
            },
            "publish queue.internal:5672",
        ),
        (
            |about| {
                about.destination("amq.gen-1");
                about.anonymous();
            },
            "publish queue.internal:5672",
        ),
        (|about| about.server("other", 0), "publish other"),
        (|about| about.server("other", 1), "publish other:1"),
        (|_| {}, "publish queue.internal:5672"),
    ];
    for (describe, name) in cases {
        let capture = Capture::new();
        let config = config(&capture).server_address("queue.internal", 5672);
        let client = Client::new("pigeon_post", &config);
        client.send("publish", &mut Headers::new(), describe).finish(Outcome::Success);
        capture.assert(expect::span(name).producer());
    }
}

#[test]
fn samplers_see_everything_that_is_known() {
    let capture = Capture::new();
    let config = config(&capture).server_address("queue.internal", 5672).client_id("c-1");
    let client = Client::new("pigeon_post", &config);
    let process = client.process("process", &foreign(), |about| {
        about.destination("orders");
        about.temporary();
        about.partition("3");
        about.consumer_group("billing");
        about.message_id("m-1");
        about.conversation_id("c-9");
        about.body_size(12);
        about.set(KeyValue::new("pigeon.colour", "grey"));
    });
    process.set([KeyValue::new("pigeon.late", true)]);
    process.finish(Outcome::Success);
    let span = &capture.spans()[0];
    let mut at_start: Vec<_> = capture.attributes_at_start(span);
    at_start.sort_by(|a, b| a.key.as_str().cmp(b.key.as_str()));
    let at_start: Vec<_> = at_start.iter().map(|it| format!("{}={}", it.key, it.value)).collect();
    assert_eq!(
        at_start,
        [
            "messaging.client.id=c-1",
            "messaging.consumer.group.name=billing",
            "messaging.destination.name=orders",
            "messaging.destination.partition.id=3",
            "messaging.destination.temporary=true",
            "messaging.message.body.size=12",
            "messaging.message.conversation_id=c-9",
            "messaging.message.id=m-1",
            "messaging.operation.name=process",
            "messaging.operation.type=process",
            "messaging.system=pigeon_post",
            "pigeon.colour=grey",
            "server.address=queue.internal",
            "server.port=5672",
        ]
    );
    assert_eq!(span.attributes.len(), at_start.len() + 1);
    assert_eq!(span.links.len(), 1);
}
