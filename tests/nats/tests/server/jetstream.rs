//! JetStream: acknowledgements in both directions, and messages that come again.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::{AckKind, stream};
use futures_util::StreamExt as _;
use test_support::{soon, unique};
use tracewire::nats::jetstream::{self, Context};
use tracewire::test::{Capture, expect};

use crate::support::client;

/// A stream of its own for a test, and a consumer called `billing` of all that is in it.
async fn stream() -> (Context, PullConsumer, String, Capture) {
    let (nats, capture) = client().await;
    let context = jetstream::new(&nats);
    let subject = unique("stored");
    let config = stream::Config {
        name: subject.clone(),
        subjects: vec![subject.clone()],
        storage: stream::StorageType::Memory,
        ..Default::default()
    };
    let stream = context.create_stream(config).await.unwrap();
    let config = pull::Config {
        durable_name: Some("billing".to_owned()),
        ack_wait: Duration::from_secs(10),
        ..Default::default()
    };
    let consumer = stream.create_consumer(config).await.unwrap();
    (context, consumer, subject, capture)
}

#[tokio::test]
async fn a_message_is_stored_processed_and_acknowledged() {
    let (context, consumer, subject, capture) = stream().await;
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", "order-1");
    let sent = context.publish_with_headers(subject.clone(), headers, "teapot".into());
    let stored = sent.await.unwrap().await.unwrap();
    assert_eq!(stored.sequence, 1);

    let mut messages = context.consume(consumer.messages().await.unwrap());
    let message = soon(messages.next()).await.unwrap().unwrap();
    assert_eq!(message.payload, "teapot");
    message.double_ack().await.unwrap();
    drop(message);

    let traces = capture.traces();
    traces[0].assert(expect::span(format!("publish {subject}")).producer());
    traces[1].assert(
        expect::span(format!("process {subject}"))
            .consumer()
            .links(1)
            .attribute("messaging.consumer.group.name", "billing")
            .attribute("messaging.message.id", "order-1")
            .child(
                expect::span(format!("ack {subject}"))
                    .client()
                    .attribute("messaging.operation.type", "settle")
                    .links(1),
            ),
    );
    assert_eq!(traces.len(), 2);
    assert_eq!(capture.metric("messaging.client.consumed.messages").value(), Some(1.0));
}

#[tokio::test]
async fn a_message_that_is_refused_comes_again_in_a_span_of_its_own() {
    let (context, consumer, subject, capture) = stream().await;
    context.publish(subject.clone(), "".into()).await.unwrap().await.unwrap();
    let mut messages = context.consume(consumer.messages().await.unwrap());
    for delivery in 1..=3 {
        let message = soon(messages.next()).await.unwrap().unwrap();
        assert_eq!(message.info().unwrap().delivered, delivery);
        match delivery {
            1 => message.ack_with(AckKind::Nak(None)).await.unwrap(),
            2 => {
                message.ack_with(AckKind::Progress).await.unwrap();
                message
                    .double_ack_with(AckKind::Nak(Some(Duration::from_millis(1))))
                    .await
                    .unwrap();
            }
            _ => message.ack_with(AckKind::Term).await.unwrap(),
        }
    }
    let refused = |name: &str, why: &'static str| {
        expect::span(format!("process {subject}"))
            .error(why)
            .links(1)
            .child(expect::span(format!("{name} {subject}")).client().links(1))
    };
    let traces = capture.traces();
    traces[1].assert(refused("nak", "nak"));
    traces[2].assert(refused("nak", "nak"));
    traces[3].assert(refused("term", "term"));
    assert_eq!((traces.len(), capture.open()), (4, 0));
    let consumed = capture.metrics().into_iter();
    let consumed = consumed.filter(|it| it.name() == "messaging.client.consumed.messages");
    assert_eq!(consumed.filter_map(|it| it.value()).sum::<f64>(), 3.0, "one for each delivery");
}

#[tokio::test]
async fn a_message_dropped_without_an_answer_was_not_processed() {
    let (context, consumer, subject, capture) = stream().await;
    context.publish(subject.clone(), "".into()).await.unwrap().await.unwrap();
    let mut batch = context.consume(consumer.fetch().max_messages(1).messages().await.unwrap());
    drop(soon(batch.next()).await.unwrap().unwrap());
    capture.traces()[1]
        .assert(expect::span(format!("process {subject}")).error("cancelled").links(1));
}

#[tokio::test]
async fn a_send_that_nobody_waits_for_is_sent() {
    let (context, _consumer, subject, capture) = stream().await;
    drop(context.publish(subject.clone(), "".into()).await.unwrap());
    capture.assert(expect::span(format!("publish {subject}")).producer());
}

#[tokio::test]
async fn what_no_stream_takes_is_an_error() {
    let (context, _consumer, subject, capture) = stream().await;
    let nowhere = unique("nowhere");
    context.publish(nowhere.clone(), "".into()).await.unwrap().await.unwrap_err();
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Expected-Last-Sequence", "7");
    let sent = context.publish_with_headers(subject.clone(), headers, "".into()).await.unwrap();
    sent.await.unwrap_err();
    let traces = capture.traces();
    traces[0].assert(expect::span(format!("publish {nowhere}")).error("stream_not_found"));
    traces[1].assert(expect::span(format!("publish {subject}")).error("wrong_last_sequence"));
}
