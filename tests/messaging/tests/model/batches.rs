//! Many messages in one call.

use tracewire::messaging::{About, Client, Config};
use tracewire::otel::KeyValue;
use tracewire::span::Outcome;
use tracewire::test::{Capture, SpanData, expect};
use tracewire_messaging_tests::{config, links_to, named, request};

use crate::{Headers, foreign};

fn identified(headers: &Headers, about: &mut About) {
    about.message_id(headers["id"].clone());
}

fn numbered(count: usize) -> Vec<Headers> {
    let message = |id: usize| Headers::from([("id".to_owned(), id.to_string())]);
    (0..count).map(message).collect()
}

async fn send(capture: &Capture, config: &Config, messages: &mut [Headers]) {
    let client = Client::new("pigeon_post", config);
    request(capture, async {
        let describe = |about: &mut About| about.destination("orders");
        let batch = client.send_batch("publish", messages, describe, identified);
        batch.finish(Outcome::Success);
    })
    .await;
}

fn parents(messages: &[Headers]) -> Vec<&str> {
    messages.iter().map(|message| message["traceparent"].split('-').nth(2).unwrap()).collect()
}

fn ids(spans: &[SpanData]) -> Vec<String> {
    spans.iter().map(|span| span.span_context.span_id().to_string()).collect()
}

#[tokio::test]
async fn each_message_gets_a_context_of_its_own() {
    let capture = Capture::new();
    let mut messages = numbered(3);
    send(&capture, &config(&capture), &mut messages).await;
    let created = |id: &'static str| {
        expect::span("create").producer().links(0).attribute("messaging.message.id", id)
    };
    let batch = expect::span("publish orders")
        .client()
        .links(3)
        .attribute("messaging.batch.message_count", 3);
    let request = expect::span("request").server();
    capture
        .assert(request.child(created("0")).child(created("1")).child(created("2")).child(batch));
    let created = named(&capture, "create");
    assert_eq!(parents(&messages), ids(&created));
    let batch = &named(&capture, "publish orders")[0];
    assert!(links_to(batch, &created.iter().collect::<Vec<_>>()));
    for (index, link) in batch.links.iter().enumerate() {
        let id = KeyValue::new("messaging.message.id", index.to_string());
        assert_eq!(link.attributes, [id]);
    }
}

#[tokio::test]
async fn without_create_spans_all_carry_the_context_of_the_batch() {
    let capture = Capture::new();
    let mut messages = numbered(2);
    send(&capture, &config(&capture).without_create_spans(), &mut messages).await;
    let batch = expect::span("publish orders").producer().links(0);
    capture.assert(expect::span("request").server().child(batch));
    let batch = ids(&named(&capture, "publish orders"));
    assert_eq!(parents(&messages), [&batch[0], &batch[0]]);
}

#[tokio::test]
async fn a_context_in_a_message_is_kept_and_linked() {
    for create_spans in [true, false] {
        let capture = Capture::new();
        let mut messages = numbered(2);
        messages[0].extend(foreign());
        let before = messages[0].clone();
        let config = config(&capture);
        let config = if create_spans { config } else { config.without_create_spans() };
        send(&capture, &config, &mut messages).await;
        assert_eq!(messages[0], before);
        let batch = expect::span("publish orders").attribute("messaging.batch.message_count", 2);
        let request = expect::span("request").server();
        capture.assert(if create_spans {
            request.child(expect::span("create").producer()).child(batch.client().links(2))
        } else {
            request.child(batch.producer().links(1))
        });
    }
}

#[tokio::test]
async fn processing_a_batch_links_to_each_message_and_has_no_parent() {
    let capture = Capture::new();
    let config = config(&capture).producer_as_parent();
    let mut messages = numbered(2);
    send(&capture, &config, &mut messages).await;
    messages.extend(numbered(1));
    let client = Client::new("pigeon_post", &config);
    let describe = |about: &mut About| about.destination("orders");
    client.process_batch("process", &messages, describe, identified).finish(Outcome::Success);
    let created = named(&capture, "create");
    assert!(links_to(&named(&capture, "process orders")[0], &[&created[0], &created[1]]));
    let batch = expect::span("process orders")
        .consumer()
        .links(2)
        .attribute("messaging.batch.message_count", 3);
    capture.traces()[1].assert(batch);
}

#[tokio::test]
async fn an_empty_batch_is_an_operation_of_no_messages() {
    let capture = Capture::new();
    send(&capture, &config(&capture), &mut []).await;
    let batch = expect::span("publish orders").attribute("messaging.batch.message_count", 0);
    capture.assert(expect::span("request").server().child(batch.client().links(0)));
}
