//! Messages that leave, and what the broker says of them.

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Confirmation};
use test_support::unique;
use tracewire::test::{Capture, expect};
use tracewire_messaging_tests::{config, request};

use crate::{Fixture, short};

async fn confirming(capture: &Capture) -> Fixture {
    let fixture = Fixture::new(&config(capture)).await;
    fixture.channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    fixture
}

fn published(span: expect::Span) -> expect::Span {
    expect::span("request").server().child(span.producer())
}

#[tokio::test]
async fn a_publish_lasts_until_it_is_confirmed() {
    let capture = Capture::new();
    let fixture = confirming(&capture).await;
    request(&capture, async {
        let (queue, options) = (short(&fixture.queue), BasicPublishOptions::default());
        let properties = BasicProperties::default()
            .with_message_id("m-1".into())
            .with_correlation_id("c-9".into());
        let publish = fixture.channel.basic_publish("".into(), queue, options, b"7", properties);
        let confirm = publish.await.unwrap();
        assert_eq!(capture.open(), 2);
        assert!(confirm.await.unwrap().is_ack());
        assert_eq!(capture.open(), 1);
    })
    .await;
    let publish = fixture
        .expect("publish")
        .attribute("messaging.operation.type", "send")
        .attribute("messaging.rabbitmq.destination.routing_key", fixture.queue.clone())
        .attribute("messaging.message.id", "m-1")
        .attribute("messaging.message.conversation_id", "c-9")
        .without("messaging.batch.message_count");
    capture.assert(published(publish));
}

#[tokio::test]
async fn without_confirms_it_lasts_until_it_is_written() {
    let capture = Capture::new();
    let fixture = Fixture::new(&config(&capture)).await;
    let (queue, options) = (short(&fixture.queue), BasicPublishOptions::default());
    let properties = BasicProperties::default();
    let publish = fixture.channel.basic_publish("".into(), queue, options, b"7", properties);
    let confirm = publish.await.unwrap();
    assert_eq!(capture.open(), 0);
    assert_eq!(confirm.await.unwrap(), Confirmation::NotRequested);
    capture.assert(fixture.expect("publish").producer());
}

#[tokio::test]
async fn a_confirm_that_nobody_awaits_is_no_error() {
    let capture = Capture::new();
    let fixture = confirming(&capture).await;
    let (queue, options) = (short(&fixture.queue), BasicPublishOptions::default());
    let properties = BasicProperties::default();
    let publish = fixture.channel.basic_publish("".into(), queue, options, b"7", properties);
    drop(publish.await.unwrap());
    fixture.channel.wait_for_confirms().await.unwrap();
    capture.assert(fixture.expect("publish").producer());
}

#[tokio::test]
async fn what_the_broker_refuses_is_an_error() {
    let capture = Capture::new();
    let fixture = confirming(&capture).await;
    // A queue with room for no message, which says so.
    let full = unique("full");
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(0));
    arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    fixture.channel.queue_declare(short(&full), options, arguments).await.unwrap();
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    let publish = fixture.channel.basic_publish("".into(), short(&full), options, b"7", properties);
    assert!(publish.await.unwrap().await.unwrap().is_nack());
    capture.assert(expect::span(format!("publish {full}")).producer().error("nack"));
}

#[tokio::test]
async fn what_comes_back_is_an_error() {
    let capture = Capture::new();
    let fixture = confirming(&capture).await;
    let nowhere = unique("nowhere");
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default();
    let publish = fixture.channel.basic_publish(
        "amq.topic".into(),
        short(&nowhere),
        options,
        b"7",
        properties,
    );
    let confirmation = publish.await.unwrap().await.unwrap();
    assert_eq!(confirmation.take_message().unwrap().reply_code, 312);
    let name = format!("publish amq.topic:{nowhere}");
    capture.assert(expect::span(name).producer().error("NO-ROUTE"));
}

#[tokio::test]
async fn an_exchange_that_is_not_there_is_the_brokers_error() {
    let capture = Capture::new();
    let fixture = confirming(&capture).await;
    let nowhere = unique("nowhere");
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    let publish =
        fixture.channel.basic_publish(short(&nowhere), "".into(), options, b"7", properties);
    assert!(publish.await.unwrap().await.is_err());
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    let publish =
        fixture.channel.basic_publish(short(&nowhere), "".into(), options, b"7", properties);
    assert!(publish.await.is_err(), "the channel is closed");
    let traces = capture.traces();
    let name = || expect::span(format!("publish {nowhere}")).producer();
    traces[0].assert(name().error("NOT-FOUND"));
    traces[1].assert(name().error("channel_closed"));
}
