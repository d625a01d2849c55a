//! Messages that are pushed, processed and settled.

use futures_util::StreamExt as _;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicPublishOptions, BasicRejectOptions,
};
use tokio::sync::mpsc;
use tracewire::amqp::DeliveryResult;
use tracewire::otel::Context;
use tracewire::otel::trace::SpanKind;
use tracewire::span::Outcome;
use tracewire::test::{Capture, expect};
use tracewire_messaging_tests::{config, links_to, named, request};

use crate::{Fixture, next, traces_of};

fn work(capture: &Capture) {
    let telemetry = capture.telemetry();
    let work = telemetry.start(SpanKind::Internal, &Context::current(), |span| span.name("work"));
    work.finish(Outcome::Success);
}

#[tokio::test]
async fn a_consumer_links_to_the_producer() {
    let capture = Capture::new();
    let fixture = Fixture::new(&config(&capture)).await;
    request(&capture, fixture.send(b"7")).await;
    let mut consumer = fixture.consume().await;
    let delivery = next(&mut consumer).await;
    assert_eq!(delivery.data, b"7");
    delivery
        .process(async |delivery| {
            work(&capture);
            assert!(delivery.ack(BasicAckOptions::default()).await.unwrap());
        })
        .await;
    let traces = capture.traces();
    let publish = fixture.expect("publish").producer().links(0);
    traces[0].assert(expect::span("request").server().child(publish));
    let settle = fixture
        .expect("ack")
        .client()
        .links(1)
        .attribute("messaging.operation.type", "settle")
        .attribute("messaging.rabbitmq.message.delivery_tag", 1);
    let process = fixture
        .expect("process")
        .consumer()
        .links(1)
        .attribute("messaging.rabbitmq.message.delivery_tag", 1)
        .child(expect::span("work").internal())
        .child(settle);
    traces[1].assert(process);
    let publish = &named(&capture, &fixture.named("publish"))[0];
    for verb in ["process", "ack"] {
        assert!(links_to(&named(&capture, &fixture.named(verb))[0], &[publish]), "{verb}");
    }
}

#[tokio::test]
async fn a_consumer_is_below_the_producer_by_choice() {
    let capture = Capture::new();
    let fixture = Fixture::new(&config(&capture).producer_as_parent()).await;
    request(&capture, fixture.send(b"7")).await;
    let delivery = next(&mut fixture.consume().await).await;
    delivery.ack(BasicAckOptions::default()).await.unwrap();
    let process = fixture.expect("process").consumer().links(1);
    let process = process.child(fixture.expect("ack").client().links(1));
    let publish = fixture.expect("publish").producer().child(process);
    capture.assert(expect::span("request").server().child(publish));
}

#[tokio::test]
async fn a_delegate_works_within_the_span_of_its_message() {
    let capture = Capture::new();
    let fixture = Fixture::new(&config(&capture)).await;
    let consumer = fixture.consume().await;
    let (done, mut finished) = mpsc::unbounded_channel();
    let working = capture.clone();
    consumer.set_delegate(move |result: DeliveryResult| {
        let (capture, done) = (working.clone(), done.clone());
        async move {
            let Ok(Some(delivery)) = result else { return };
            tokio::task::yield_now().await;
            work(&capture);
            delivery.ack(BasicAckOptions::default()).await.unwrap();
            done.send(()).unwrap();
        }
    });
    request(&capture, fixture.send(b"7")).await;
    finished.recv().await.unwrap();
    let process = fixture.expect("process").consumer().links(1);
    let settle = fixture.expect("ack").client().links(1);
    let processed = traces_of(&capture, &fixture.named("process"));
    processed[0].assert(process.child(expect::span("work").internal()).child(settle));
}

#[tokio::test]
async fn every_delivery_of_a_message_is_a_span() {
    let capture = Capture::new();
    let fixture = Fixture::new(&config(&capture)).await;
    fixture.send(b"7").await;
    let mut consumer = fixture.consume().await;
    let again = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
    let first = next(&mut consumer).await;
    assert!(!first.redelivered);
    first.nack(again).await.unwrap();
    let second = next(&mut consumer).await;
    assert!(second.redelivered);
    second.reject(BasicRejectOptions { requeue: true }).await.unwrap();
    let third = next(&mut consumer).await;
    third.ack(BasicAckOptions::default()).await.unwrap();
    // Settled once already, so this is nothing.
    assert!(!third.ack(BasicAckOptions::default()).await.unwrap());
    drop((first, second, third));
    let traces = traces_of(&capture, &fixture.named("process"));
    assert_eq!(traces.len(), 3);
    for (trace, (verb, error)) in
        traces.iter().zip([("nack", Some("nack")), ("reject", Some("reject")), ("ack", None)])
    {
        let process = fixture.expect("process").consumer().links(1);
        let process = process.child(fixture.expect(verb).client().links(1));
        trace.assert(match error {
            Some(error) => process.error(error),
            None => process,
        });
    }
    let publish = &named(&capture, &fixture.named("publish"))[0];
    let processed = named(&capture, &fixture.named("process"));
    assert!(processed.iter().all(|span| links_to(span, &[publish])));
}

#[tokio::test]
async fn acknowledging_several_ends_them_all() {
    let capture = Capture::new();
    let fixture = Fixture::new(&config(&capture)).await;
    for payload in [b"1", b"2", b"3"] {
        fixture.send(payload).await;
    }
    let mut consumer = fixture.consume().await;
    let held = [next(&mut consumer).await, next(&mut consumer).await, next(&mut consumer).await];
    let options = BasicAckOptions { multiple: true };
    held[1].ack(options).await.unwrap();
    assert_eq!(capture.open(), 1);
    // The tag is enough for the channel.
    fixture.channel.basic_ack(held[2].delivery_tag, BasicAckOptions::default()).await.unwrap();
    assert_eq!(capture.open(), 0);
    let sent = named(&capture, &fixture.named("publish"));
    let settled = named(&capture, &fixture.named("ack"));
    assert!(links_to(&settled[0], &[&sent[0], &sent[1]]));
    assert!(links_to(&settled[1], &[&sent[2]]));
    let settles = traces_of(&capture, &fixture.named("ack"));
    let several = fixture.expect("ack").client().attribute("messaging.batch.message_count", 2);
    settles[0].assert(several);
    let processed = traces_of(&capture, &fixture.named("process"));
    let process = || fixture.expect("process").consumer();
    processed[0].assert(process());
    processed[2].assert(process().child(fixture.expect("ack").client()));
}

#[tokio::test]
async fn what_need_not_be_settled_ends_when_it_is_dropped() {
    let capture = Capture::new();
    let fixture = Fixture::new(&config(&capture)).await;
    fixture.send(b"1").await;
    fixture.send(b"2").await;
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let mut consumer = fixture.consume_with(options).await;
    drop(next(&mut consumer).await);
    next(&mut consumer).await.finish(Outcome::error("poison"));
    let processed = traces_of(&capture, &fixture.named("process"));
    processed[0].assert(fixture.expect("process").consumer());
    processed[1].assert(fixture.expect("process").consumer().error("poison"));
}

#[tokio::test]
async fn what_the_driver_has_fetched_ahead_is_not_processed() {
    let capture = Capture::new();
    let fixture = Fixture::new(&config(&capture)).await;
    for payload in [b"1", b"2", b"3"] {
        fixture.send(payload).await;
    }
    let mut consumer = fixture.consume().await;
    let first = next(&mut consumer).await;
    // An answer of the broker: all three have come by now.
    let queue = crate::short(&fixture.queue);
    let passive = lapin::options::QueueDeclareOptions {
        passive: true,
        exclusive: true,
        ..Default::default()
    };
    let state = fixture.channel.queue_declare(queue, passive, Default::default()).await.unwrap();
    assert_eq!(state.message_count(), 0);
    assert_eq!(capture.open(), 1);
    first.ack(BasicAckOptions::default()).await.unwrap();
    drop(consumer);
    assert_eq!(named(&capture, &fixture.named("process")).len(), 1);
}

#[tokio::test]
async fn a_queue_with_a_made_up_name_is_anonymous() {
    let capture = Capture::new();
    let fixture = Fixture::new(&config(&capture).server_address("queue.internal", 5672)).await;
    let options = lapin::options::QueueDeclareOptions { exclusive: true, ..Default::default() };
    let declared = fixture.channel.queue_declare("".into(), options, Default::default());
    let queue = declared.await.unwrap().name().clone();
    let options = BasicPublishOptions::default();
    let channel = &fixture.channel;
    let publish =
        channel.basic_publish("".into(), queue.clone(), options, b"7", Default::default());
    publish.await.unwrap().await.unwrap();
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let consume = channel.basic_consume(queue.clone(), "".into(), options, Default::default());
    drop(consume.await.unwrap().next().await.unwrap().unwrap());
    for (trace, verb) in capture.traces().iter().zip(["publish", "process"]) {
        let span = expect::span(format!("{verb} queue.internal:5672"));
        trace.assert(
            span.attribute("messaging.destination.name", queue.as_str().to_owned())
                .attribute("messaging.destination.anonymous", true),
        );
    }
}
