//! Core NATS: messages, groups, requests, headers.

use async_nats::{HeaderMap, Request};
use futures_util::StreamExt as _;
use test_support::{soon, unique};
use tracewire::messaging::Config;
use tracewire::otel::Value;
use tracewire::otel::trace::{SpanKind, TraceContextExt as _};
use tracewire::test::{Capture, expect};

use crate::support::{client, client_with, current, done, plain};

/// The ids of the one span of this name, and those it links to.
fn ids(capture: &Capture, name: &str) -> (String, Vec<String>) {
    let spans = capture.spans();
    let mut found = spans.iter().filter(|span| span.name == name);
    let span = found.next().unwrap_or_else(|| panic!("no `{name}`: {spans:#?}"));
    assert!(found.next().is_none(), "more than one `{name}`");
    let id = |context: &tracewire::otel::trace::SpanContext| {
        format!("{}-{}", context.trace_id(), context.span_id())
    };
    (id(&span.span_context), span.links.iter().map(|link| id(&link.span_context)).collect())
}

#[tokio::test]
async fn a_message_is_linked_to_whoever_published_it() {
    let (nats, capture) = client().await;
    let subject = unique("orders");
    let mut orders = nats.subscribe(subject.clone()).await.unwrap();
    nats.publish(subject.clone(), "teapot".into()).await.unwrap();

    let message = soon(orders.next()).await.unwrap();
    assert_eq!(message.payload, "teapot");
    message
        .run(async { assert_eq!(current(), *message.process().context().span().span_context()) })
        .await;
    assert_eq!(capture.open(), 1, "it is being worked on");
    drop(message);
    assert_eq!(capture.open(), 0);

    let (published, none) = ids(&capture, &format!("publish {subject}"));
    assert_eq!(none, [""; 0]);
    assert_eq!(ids(&capture, &format!("process {subject}")).1, [published]);
    let id = nats.server_info().client_id.to_string();
    let span = |name: &str, operation: &'static str| {
        expect::span(format!("{operation} {subject}"))
            .attribute("messaging.system", "nats")
            .attribute("messaging.operation.name", operation)
            .attribute("messaging.operation.type", name.to_owned())
            .attribute("messaging.destination.name", subject.clone())
            .attribute("messaging.client.id", id.clone())
            .without("messaging.batch.message_count")
            .without("messaging.destination.template")
    };
    let traces = capture.traces();
    traces[0].assert(span("send", "publish").producer().links(0));
    traces[1].assert(span("process", "process").consumer().links(1));
}

#[tokio::test]
async fn everything_is_there_for_samplers() {
    let (nats, capture) = client_with(|config| config.server_address("nats.internal", 4222)).await;
    let subject = unique("orders");
    let mut orders = nats.queue_subscribe(subject.clone(), "billing").await.unwrap();
    nats.publish(subject, "".into()).await.unwrap();
    drop(soon(orders.next()).await.unwrap());
    for span in capture.spans() {
        let start = capture.attributes_at_start(&span);
        assert_eq!(start, span.attributes, "{}", span.name);
        let group = start.iter().find(|it| it.key.as_str() == "messaging.consumer.group.name");
        let expected = (span.span_kind == SpanKind::Consumer).then_some(Value::from("billing"));
        assert_eq!(group.map(|it| it.value.clone()), expected, "{}", span.name);
        let mut keys: Vec<&str> = start.iter().map(|it| it.key.as_str()).collect();
        keys.retain(|key| key.starts_with("server."));
        keys.sort_unstable();
        assert_eq!(keys, ["server.address", "server.port"]);
    }
}

#[tokio::test]
async fn the_producer_is_the_parent_by_choice() {
    let (nats, capture) = client_with(Config::producer_as_parent).await;
    let subject = unique("orders");
    let mut orders = nats.subscribe(subject.clone()).await.unwrap();
    nats.publish(subject.clone(), "".into()).await.unwrap();
    drop(soon(orders.next()).await.unwrap());
    capture.assert(
        expect::span(format!("publish {subject}"))
            .producer()
            .child(expect::span(format!("process {subject}")).consumer().links(1)),
    );
}

#[tokio::test]
async fn wildcards_name_the_span() {
    let (nats, capture) = client().await;
    let base = unique("customers");
    let mut all = nats.subscribe(format!("{base}.*.orders")).await.unwrap();
    nats.publish(format!("{base}.4711.orders"), "".into()).await.unwrap();
    drop(soon(all.next()).await.unwrap());
    capture.traces()[1].assert(
        expect::span(format!("process {base}.*.orders"))
            .attribute("messaging.destination.name", format!("{base}.4711.orders"))
            .attribute("messaging.destination.template", format!("{base}.*.orders"))
            .without("messaging.destination.temporary")
            .links(1),
    );
}

#[tokio::test]
async fn a_request_lasts_until_the_reply_and_links_to_it() {
    let (nats, capture) = client().await;
    let subject = unique("price");
    let mut asked = nats.subscribe(subject.clone()).await.unwrap();
    let answering = nats.clone();
    let service = tokio::spawn(async move {
        let message = soon(asked.next()).await.unwrap();
        let reply = message.reply.clone().unwrap();
        message.run(answering.publish(reply, "9.95".into())).await.unwrap();
    });
    let reply = nats.request(subject.clone(), "teapot".into()).await.unwrap();
    assert_eq!(reply.payload, "9.95");
    service.await.unwrap();

    let (request, to_reply) = ids(&capture, &format!("request {subject}"));
    let (answer, _) = ids(&capture, "publish _INBOX");
    assert_eq!(to_reply, [answer]);
    assert_eq!(ids(&capture, &format!("process {subject}")).1, [request]);
    let traces = capture.traces();
    traces[0].assert(
        expect::span(format!("request {subject}"))
            .client()
            .attribute("messaging.operation.type", "send")
            .links(1),
    );
    traces[1].assert(
        expect::span(format!("process {subject}")).links(1).child(
            expect::span("publish _INBOX")
                .producer()
                .attribute("messaging.destination.template", "_INBOX")
                .attribute("messaging.destination.temporary", true),
        ),
    );
}

#[tokio::test]
async fn requests_that_fail_say_why() {
    let (nats, capture) = client().await;
    let nobody = unique("nobody");
    nats.request(nobody.clone(), "".into()).await.unwrap_err();
    let (silent, other) = (unique("silent"), plain().await);
    let _silence = other.subscribe(silent.clone()).await.unwrap();
    done(&other).await;
    let short = Request::new().timeout(Some(std::time::Duration::from_millis(30)));
    nats.send_request(silent.clone(), short).await.unwrap_err();
    nats.publish("no subject", "".into()).await.unwrap_err();
    let large = vec![0; nats.max_payload() + 1];
    nats.publish("large", large.into()).await.unwrap_err();
    let traces = capture.traces();
    traces[0].assert(expect::span(format!("request {nobody}")).client().error("no_responders"));
    traces[1].assert(expect::span(format!("request {silent}")).client().error("timeout"));
    traces[2].assert(expect::span("publish no subject").error("invalid_subject"));
    traces[3].assert(expect::span("publish large").error("max_payload_exceeded"));
}

#[tokio::test]
async fn a_context_that_is_there_already_stays() {
    let (nats, capture) = client().await;
    let subject = unique("relayed");
    let other = plain().await;
    let mut relayed = other.subscribe(subject.clone()).await.unwrap();
    done(&other).await;
    let own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let mut headers = HeaderMap::new();
    headers.append("Traceparent", own);
    headers.append("x-tenant", "7");
    nats.publish_with_headers(subject.clone(), headers.clone(), "".into()).await.unwrap();
    let message = soon(relayed.next()).await.unwrap();
    assert_eq!(message.headers, Some(headers));
    capture.assert(expect::span(format!("publish {subject}")).client().links(1));
}

#[tokio::test]
async fn headers_of_others_are_read_in_any_case_and_garbage_is_no_context() {
    let (nats, capture) = client().await;
    let other = nats.inner().clone();
    let subject = unique("others");
    let mut messages = nats.subscribe(subject.clone()).await.unwrap();
    let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let cases = [("Traceparent", good, 1), ("TRACEPARENT", good, 1), ("traceparent", "00-zz", 0)];
    for (key, value, links) in cases {
        let mut headers = HeaderMap::new();
        headers.append(key, value);
        headers.append("Baggage", "a=\u{e9}\u{301};;,=,,==");
        other.publish_with_headers(subject.clone(), headers, "".into()).await.unwrap();
        drop(soon(messages.next()).await.unwrap());
        capture.assert(expect::span(format!("process {subject}")).consumer().links(links));
        capture.clear();
    }
    other.publish(subject.clone(), "no headers".into()).await.unwrap();
    drop(soon(messages.next()).await.unwrap());
    capture.assert(expect::span(format!("process {subject}")).links(0));
}

#[tokio::test]
async fn a_message_that_fits_only_without_the_context_arrives_without_it() {
    let (nats, capture) = client().await;
    let subject = unique("large");
    let mut messages = nats.subscribe(subject.clone()).await.unwrap();
    let most = nats.max_payload();
    for (length, links) in [(most, 0), (most - 1000, 1)] {
        nats.publish(subject.clone(), vec![b'x'; length].into()).await.unwrap();
        let message = soon(messages.next()).await.unwrap();
        assert_eq!(message.payload.len(), length);
        drop(message);
        let spans = capture.spans();
        let last = spans.last().unwrap();
        assert_eq!((last.span_kind.clone(), last.links.len()), (SpanKind::Consumer, links));
    }
}

#[tokio::test]
async fn a_subscriber_dropped_with_messages_in_flight_leaves_nothing_open() {
    let (nats, capture) = client().await;
    let subject = unique("dropped");
    let mut messages = nats.subscribe(subject.clone()).await.unwrap();
    for _ in 0..10 {
        nats.publish(subject.clone(), "".into()).await.unwrap();
    }
    let first = soon(messages.next()).await.unwrap();
    drop(messages);
    drop(first);
    nats.flush().await.unwrap();
    assert_eq!(capture.open(), 0);
    let processed = capture.spans().into_iter().filter(|it| it.span_kind == SpanKind::Consumer);
    assert_eq!(processed.count(), 1, "what was only fetched ahead was not worked on");
}

#[tokio::test]
async fn work_that_is_stopped_or_fails_is_no_success() {
    let (nats, capture) = client().await;
    let subject = unique("stopped");
    let mut messages = nats.subscribe(subject.clone()).await.unwrap();
    for _ in 0..3 {
        nats.publish(subject.clone(), "".into()).await.unwrap();
    }
    let message = soon(messages.next()).await.unwrap();
    let task = tokio::spawn(async move { message.run(std::future::pending::<()>()).await });
    tokio::task::yield_now().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let message = soon(messages.next()).await.unwrap();
    let task = tokio::spawn(async move {
        message.run(async { panic!("a poison message") }).await;
    });
    assert!(task.await.unwrap_err().is_panic());
    let message = soon(messages.next()).await.unwrap();
    message.finish(tracewire::span::Outcome::error("out_of_stock"));
    let process = || expect::span(format!("process {subject}")).links(1);
    let traces = capture.traces();
    traces[3].assert(process().error("cancelled"));
    traces[4].assert(process().error("panic"));
    traces[5].assert(process().error("out_of_stock"));
}

#[tokio::test]
async fn every_one_of_ten_thousand_messages_has_the_right_link() {
    const COUNT: usize = 10_000;
    let (nats, capture) = client().await;
    let subject = unique("many");
    let mut messages = nats.subscribe(subject.clone()).await.unwrap();
    let publishing = nats.clone();
    let publisher = tokio::spawn(async move {
        for number in 0..COUNT {
            publishing.publish(subject.clone(), number.to_string().into()).await.unwrap();
        }
    });
    for number in 0..COUNT {
        let message = soon(messages.next()).await.unwrap();
        assert_eq!(message.payload, number.to_string());
    }
    publisher.await.unwrap();
    let spans = capture.spans();
    let of = |kind| spans.iter().filter(move |span| span.span_kind == kind);
    let published: Vec<_> = of(SpanKind::Producer).map(|it| it.span_context.span_id()).collect();
    let linked: Vec<_> = of(SpanKind::Consumer)
        .map(|it| it.links.iter().map(|link| link.span_context.span_id()).collect::<Vec<_>>())
        .collect();
    assert_eq!(published.len(), COUNT);
    assert_eq!(linked, published.into_iter().map(|id| vec![id]).collect::<Vec<_>>());
}
