//! Many messages at once.

use std::collections::HashMap;

use lapin::options::{BasicAckOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Confirmation};
use tracewire::test::{Capture, SpanData};
use tracewire_messaging_tests::{config, links_to, named};

use crate::{Fixture, next, short};

const COUNT: usize = 10_000;

fn by_id(spans: Vec<SpanData>) -> HashMap<String, SpanData> {
    let id = |span: &SpanData| {
        let mut attributes = span.attributes.iter();
        let id = attributes.find(|it| it.key.as_str() == "messaging.message.id");
        id.unwrap().value.as_str().into_owned()
    };
    spans.into_iter().map(|span| (id(&span), span)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_link_of_ten_thousand_messages_is_right() {
    let capture = Capture::new();
    let fixture = Fixture::new(&config(&capture)).await;
    let channel = &fixture.channel;
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    channel.basic_qos(500, BasicQosOptions::default()).await.unwrap();
    let mut consumer = fixture.consume().await;
    let publish = async {
        for batch in 0..COUNT / 500 {
            let mut confirms = Vec::with_capacity(500);
            for id in batch * 500..(batch + 1) * 500 {
                let id = short(&id.to_string());
                let properties = BasicProperties::default().with_message_id(id);
                let (queue, options) = (short(&fixture.queue), BasicPublishOptions::default());
                let publish = channel.basic_publish("".into(), queue, options, b"", properties);
                confirms.push(publish.await.unwrap());
            }
            for confirm in confirms {
                assert_eq!(confirm.await.unwrap(), Confirmation::Ack(None));
            }
        }
    };
    let consume = async {
        for _ in 0..COUNT {
            let ack = async |delivery: tracewire::amqp::Delivery| {
                delivery.ack(BasicAckOptions::default()).await.unwrap()
            };
            assert!(next(&mut consumer).await.process(ack).await);
        }
    };
    tokio::join!(publish, consume);
    assert_eq!(capture.open(), 0);
    let sent = by_id(named(&capture, &fixture.named("publish")));
    let processed = by_id(named(&capture, &fixture.named("process")));
    assert_eq!((sent.len(), processed.len()), (COUNT, COUNT));
    for (id, processed) in &processed {
        assert!(links_to(processed, &[&sent[id]]), "{id}");
        assert_ne!(processed.span_context.trace_id(), sent[id].span_context.trace_id());
    }
    let settled = named(&capture, &fixture.named("ack"));
    let parents: HashMap<_, _> =
        processed.values().map(|span| (span.span_context.span_id(), span)).collect();
    assert_eq!(settled.len(), COUNT);
    for settle in &settled {
        let process = parents[&settle.parent_span_id];
        assert_eq!(settle.links[0].span_context, process.links[0].span_context);
    }
}
