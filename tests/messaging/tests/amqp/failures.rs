//! Messages in flight when something goes away.

use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::options::{
    BasicAckOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use test_support::unique;
use tracewire::amqp::{Channel, Delivery, DeliveryResult};
use tracewire::test::{Capture, expect};
use tracewire_messaging_tests::{Broker, Proxy, amqp_url, config, links_to, named};

use crate::{Fixture, next, short, traces_of};

/// The shared broker by way of a proxy.
async fn proxied() -> (Proxy, String) {
    let url = amqp_url();
    let (_, rest) = url.rsplit_once('@').unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let proxy = Proxy::to(host.to_owned()).await;
    let url = url.replace(host, &proxy.address().to_string());
    assert!(url.ends_with(path));
    (proxy, url)
}

#[tokio::test]
async fn what_is_in_flight_when_a_consumer_is_dropped_is_cancelled() {
    let capture = Capture::new();
    let fixture = Fixture::new(&config(&capture)).await;
    fixture.send(b"1").await;
    fixture.send(b"2").await;
    let task = {
        let mut consumer = fixture.consume().await;
        let (working, is_working) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let first = next(&mut consumer).await;
            let held = next(&mut consumer).await;
            first
                .process(async |_delivery| {
                    let _held = held;
                    working.send(()).unwrap();
                    std::future::pending::<()>().await;
                })
                .await;
        });
        is_working.await.unwrap();
        task
    };
    assert_eq!(capture.open(), 2);
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(capture.open(), 0);
    let cancelled = traces_of(&capture, &fixture.named("process"));
    assert_eq!(cancelled.len(), 2);
    for trace in cancelled {
        trace.assert(fixture.expect("process").consumer().links(1).error("cancelled"));
    }
}

#[tokio::test]
async fn a_panic_in_the_work_is_one_on_the_span() {
    let capture = Capture::new();
    let fixture = Fixture::new(&config(&capture)).await;
    fixture.send(b"1").await;
    let delivery = next(&mut fixture.consume().await).await;
    let work = delivery.process(async |_delivery: Delivery| panic!("poison"));
    assert!(tokio::spawn(work).await.unwrap_err().is_panic());
    traces_of(&capture, &fixture.named("process"))[0]
        .assert(fixture.expect("process").consumer().links(1).error("panic"));
}

#[tokio::test]
async fn a_message_nobody_settles_times_out() {
    let capture = Capture::new();
    let config = config(&capture).process_timeout(Duration::from_millis(1));
    let fixture = Fixture::new(&config).await;
    fixture.send(b"1").await;
    let delivery = next(&mut fixture.consume().await).await;
    capture.ended(2).await;
    delivery.ack(BasicAckOptions::default()).await.unwrap();
    let process = fixture.expect("process").consumer().links(1).error("timeout");
    let settle = fixture.expect("ack").client();
    traces_of(&capture, &fixture.named("process"))[0].assert(process.child(settle));
}

#[tokio::test]
async fn a_delegate_that_never_settles_times_out() {
    let capture = Capture::new();
    let config = config(&capture).process_timeout(Duration::from_millis(1));
    let fixture = Fixture::new(&config).await;
    let consumer = fixture.consume().await;
    consumer.set_delegate(async |delivery: DeliveryResult| {
        let _held = delivery;
        std::future::pending::<()>().await;
    });
    fixture.send(b"1").await;
    capture.ended(2).await;
    let process = fixture.expect("process").consumer().links(1).error("timeout");
    traces_of(&capture, &fixture.named("process"))[0].assert(process);
}

#[tokio::test]
async fn a_lost_connection_ends_everything_once() {
    let capture = Capture::new();
    let (proxy, url) = proxied().await;
    let fixture = Fixture::at(&url, &config(&capture)).await;
    for payload in [b"1", b"2", b"3"] {
        fixture.send(payload).await;
    }
    let mut consumer = fixture.consume().await;
    let settled = next(&mut consumer).await;
    let dropped = next(&mut consumer).await;
    let acked = next(&mut consumer).await;
    settled.ack(BasicAckOptions::default()).await.unwrap();
    assert_eq!(capture.open(), 2);
    proxy.cut();
    // The stream tells of the loss, and ends.
    assert!(consumer.next().await.unwrap().is_err());
    assert!(consumer.next().await.is_none());
    drop(dropped);
    assert!(!acked.ack(BasicAckOptions::default()).await.unwrap_or(false));
    drop((settled, acked));
    let (queue, options) = (short(&fixture.queue), BasicPublishOptions::default());
    let publish =
        fixture.channel.basic_publish("".into(), queue, options, b"4", BasicProperties::default());
    assert!(publish.await.is_err());
    assert_eq!(capture.open(), 0);
    let processed = traces_of(&capture, &fixture.named("process"));
    let process = || fixture.expect("process").consumer().links(1);
    let settle = || fixture.expect("ack").client().links(1);
    processed[0].assert(process().child(settle()));
    processed[1].assert(process().error("channel_closed"));
    processed[2].assert(process().error("channel_closed").child(settle().error("channel_closed")));
    let published = traces_of(&capture, &fixture.named("publish"));
    published[3].assert(fixture.expect("publish").producer().error("channel_closed"));
}

#[tokio::test]
async fn publishes_in_flight_end_with_the_connection() {
    let capture = Capture::new();
    let (proxy, url) = proxied().await;
    let fixture = Fixture::at(&url, &config(&capture)).await;
    fixture.channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    proxy.cut();
    let mut failed = 0;
    for _ in 0..10 {
        let (queue, options) = (short(&fixture.queue), BasicPublishOptions::default());
        let properties = BasicProperties::default();
        let publish = fixture.channel.basic_publish("".into(), queue, options, b"4", properties);
        let result = match publish.await {
            Ok(confirm) => confirm.await,
            Err(error) => Err(error),
        };
        failed += usize::from(result.is_err());
    }
    assert_eq!(failed, 10);
    assert_eq!(capture.open(), 0);
    for trace in capture.traces() {
        let span = &trace.roots()[0];
        assert!(span.attribute("error.type").is_some(), "{trace}");
    }
}

#[tokio::test]
async fn a_broker_killed_and_restarted_delivers_again() {
    let capture = Capture::new();
    let mut broker = Broker::start();
    let url = broker.url();
    let queue = unique("durable");
    let connect = async || {
        let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let channel = Channel::with_config(channel, &config(&capture));
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(short(&queue), options, FieldTable::default()).await.unwrap();
        let options = Default::default();
        let arguments = FieldTable::default();
        let consume = channel.basic_consume(short(&queue), "".into(), options, arguments);
        let consumer = consume.await.unwrap();
        (connection, channel, consumer)
    };
    let (_connection, channel, mut consumer) = connect().await;
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let properties = BasicProperties::default().with_delivery_mode(2);
    let options = BasicPublishOptions::default();
    let publish = channel.basic_publish("".into(), short(&queue), options, b"7", properties);
    assert!(publish.await.unwrap().await.unwrap().is_ack());
    let lost = next(&mut consumer).await;
    broker.remembers(&queue).await;
    broker.kill();
    assert!(consumer.next().await.unwrap().is_err());
    drop(lost);
    assert_eq!(capture.open(), 0);

    broker.restart();
    let (_connection, _channel, mut consumer) = connect().await;
    let again = next(&mut consumer).await;
    assert!(again.redelivered);
    again.ack(BasicAckOptions::default()).await.unwrap();
    let process = || expect::span(format!("process {queue}")).consumer().links(1);
    let processed = traces_of(&capture, &format!("process {queue}"));
    processed[0].assert(process().error("channel_closed"));
    processed[1].assert(process().child(expect::span(format!("ack {queue}")).client()));
    let sent = &named(&capture, &format!("publish {queue}"))[0];
    let processed = named(&capture, &format!("process {queue}"));
    assert!(processed.iter().all(|span| links_to(span, &[sent])));
}
