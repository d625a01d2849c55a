//! Messages that are fetched one by one.

use lapin::options::{BasicAckOptions, BasicGetOptions};
use test_support::unique;
use tracewire::test::{Capture, expect};
use tracewire_messaging_tests::{config, links_to, named, request};

use crate::{Fixture, short};

#[tokio::test]
async fn fetching_links_to_the_producer_and_processing_is_its_own() {
    let capture = Capture::new();
    let fixture = Fixture::new(&config(&capture)).await;
    fixture.send(b"7").await;
    fixture.send(b"8").await;
    request(&capture, async {
        let get = fixture.channel.basic_get(short(&fixture.queue), BasicGetOptions::default());
        let message = get.await.unwrap().unwrap();
        assert_eq!(message.message_count, 1);
        assert!(message.processing().is_none());
        let ack = async |delivery: tracewire::amqp::Delivery| {
            delivery.ack(BasicAckOptions::default()).await.unwrap()
        };
        assert!(message.delivery.process(ack).await);
        // One that is not processed can be settled too.
        let get = fixture.channel.basic_get(short(&fixture.queue), BasicGetOptions::default());
        let message = get.await.unwrap().unwrap();
        message.ack(BasicAckOptions::default()).await.unwrap();
    })
    .await;
    let get = || {
        let get = fixture.expect("get").client().links(1);
        get.attribute("messaging.operation.type", "receive")
            .attribute("messaging.rabbitmq.destination.routing_key", fixture.queue.clone())
            .without("messaging.batch.message_count")
    };
    let ack = || fixture.expect("ack").client().links(1);
    let process = fixture.expect("process").consumer().links(1).child(ack());
    let request = expect::span("request").server();
    let expected = request.child(get()).child(process).child(get()).child(ack());
    traces(&capture)[0].assert(expected);
    let sent = named(&capture, &fixture.named("publish"));
    let got = named(&capture, &fixture.named("get"));
    assert!(links_to(&got[0], &[&sent[0]]) && links_to(&got[1], &[&sent[1]]));
}

#[tokio::test]
async fn a_message_counts_once_whether_it_is_fetched_or_pushed() {
    let capture = Capture::new().with_meters();
    let fixture = Fixture::new(&config(&capture)).await;
    for payload in [b"1", b"2", b"3"] {
        fixture.send(payload).await;
    }
    let ack = async |delivery: tracewire::amqp::Delivery| {
        delivery.ack(BasicAckOptions::default()).await.unwrap()
    };
    for processed in [true, false] {
        let get = fixture.channel.basic_get(short(&fixture.queue), BasicGetOptions::default());
        let message = get.await.unwrap().unwrap();
        if processed {
            assert!(message.delivery.process(ack).await);
        } else {
            assert!(ack(message.delivery).await);
        }
    }
    let mut consumer = fixture.consume().await;
    assert!(crate::next(&mut consumer).await.process(ack).await);
    let counted = capture.metrics().into_iter();
    let counted = counted.filter(|it| it.name() == "messaging.client.consumed.messages");
    let mut counted: Vec<_> = counted
        .map(|it| (it.attribute("messaging.operation.name").unwrap().to_string(), it.value()))
        .collect();
    counted.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(counted, [("get".to_owned(), Some(2.0)), ("process".to_owned(), Some(1.0))]);
}

fn traces(capture: &Capture) -> Vec<tracewire::test::Trace> {
    crate::traces_of(capture, "request")
}

#[tokio::test]
async fn an_empty_queue_is_not_recorded() {
    let capture = Capture::new();
    let fixture = Fixture::new(&config(&capture)).await;
    let get = fixture.channel.basic_get(short(&fixture.queue), BasicGetOptions::default());
    assert!(get.await.unwrap().is_none());
    assert!(capture.spans().is_empty());
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_the_brokers_error() {
    let capture = Capture::new();
    let fixture = Fixture::new(&config(&capture)).await;
    let nowhere = unique("nowhere");
    let get = fixture.channel.basic_get(short(&nowhere), BasicGetOptions::default());
    assert!(get.await.is_err());
    capture.assert(expect::span(format!("get {nowhere}")).client().error("NOT-FOUND"));
}
