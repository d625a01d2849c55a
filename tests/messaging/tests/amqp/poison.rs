//! Messages whose headers are not what they should be.

use lapin::BasicProperties;
use lapin::options::BasicAckOptions;
use lapin::types::{AMQPValue, FieldArray, FieldTable};
use tracewire::Telemetry;
use tracewire::messaging::Config;
use tracewire::test::{Capture, expect};
use tracewire_messaging_tests::config;

use crate::{Fixture, next, traces_of};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn headers(name: &str, value: AMQPValue) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(name.into(), value);
    BasicProperties::default().with_headers(headers)
}

/// Published by somebody who leaves the headers as they are.
async fn delivered(properties: BasicProperties, links: usize) {
    let capture = Capture::new();
    let stranger = Fixture::new(&Config::new().telemetry(&Telemetry::propagate_only())).await;
    let consuming = tracewire::amqp::Channel::with_config(
        stranger.connection.create_channel().await.unwrap(),
        &config(&capture),
    );
    stranger.publish(b"7", properties.clone()).await;
    let queue = crate::short(&stranger.queue);
    let consume =
        consuming.basic_consume(queue, "".into(), Default::default(), FieldTable::default());
    let delivery = next(&mut consume.await.unwrap()).await;
    assert_eq!(delivery.properties, properties, "nothing is changed");
    delivery.ack(BasicAckOptions::default()).await.unwrap();
    let process = expect::span(stranger.named("process")).consumer().links(links);
    let ack = expect::span(stranger.named("ack")).client().links(links);
    capture.assert(process.child(ack));
}

#[tokio::test]
async fn malformed_headers_are_no_context() {
    let array = FieldArray::from(vec![AMQPValue::LongString(PARENT.into())]);
    for value in [
        AMQPValue::LongString("".into()),
        AMQPValue::LongString("00-nonsense".into()),
        AMQPValue::LongString(vec![0xff, 0xfe, 0x00].into()),
        AMQPValue::LongString(vec![b'0'; 70_000].into()),
        AMQPValue::LongInt(7),
        AMQPValue::Boolean(true),
        AMQPValue::Void,
        AMQPValue::FieldTable(FieldTable::default()),
        AMQPValue::FieldArray(array),
    ] {
        delivered(headers("traceparent", value), 0).await;
    }
    delivered(BasicProperties::default(), 0).await;
}

#[tokio::test]
async fn other_forms_of_text_and_other_cases_are_context() {
    for (name, value) in [
        ("traceparent", AMQPValue::LongString(PARENT.into())),
        ("TraceParent", AMQPValue::LongString(PARENT.into())),
        ("traceparent", AMQPValue::ByteArray(PARENT.as_bytes().into())),
    ] {
        delivered(headers(name, value), 1).await;
    }
}

#[tokio::test]
async fn a_users_context_and_headers_stay() {
    let capture = Capture::new();
    let fixture = Fixture::new(&config(&capture)).await;
    let mut own = FieldTable::default();
    own.insert("TraceParent".into(), AMQPValue::LongString(PARENT.into()));
    own.insert("x-retries".into(), AMQPValue::LongInt(3));
    fixture.publish(b"7", BasicProperties::default().with_headers(own.clone())).await;
    fixture.publish(b"8", headers("x-retries", AMQPValue::LongInt(3))).await;
    let mut consumer = fixture.consume().await;
    let kept = next(&mut consumer).await;
    assert_eq!(kept.properties.headers().as_ref(), Some(&own));
    let added = next(&mut consumer).await;
    let added_headers = added.properties.headers().clone().unwrap();
    assert_eq!(added_headers.inner()["x-retries"], AMQPValue::LongInt(3));
    assert!(added_headers.contains_key("traceparent"));
    let published = traces_of(&capture, &fixture.named("publish"));
    published[0].assert(fixture.expect("publish").client().links(1));
    published[1].assert(fixture.expect("publish").producer().links(0));
}
