//! Kafka as it is used, against a real broker.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use futures_util::StreamExt as _;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::message::{Header, Headers as _, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::FutureRecord;
use rdkafka::{ClientConfig, Message as _, Offset};
use test_support::{PATIENCE, service, soon, unique};
use tracewire::kafka::{Config, FutureProducer, StreamConsumer};
use tracewire::otel::trace::{SpanContext, SpanKind, TraceContextExt as _};
use tracewire::span::Outcome;
use tracewire::test::{Capture, expect};

/// A topic of its own for a test, and clients whose spans are kept.
struct Shop {
    topic: String,
    config: ClientConfig,
    producer: FutureProducer,
    capture: Capture,
    settings: Config,
}

impl Shop {
    async fn open() -> Self {
        Self::with(|config| config).await
    }

    async fn with(change: impl FnOnce(Config) -> Config) -> Self {
        let topic = unique("orders");
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", service("TRACEWIRE_KAFKA_BROKERS"))
            .set("client.id", "shop")
            .set("group.id", format!("billing-{topic}"))
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false");
        let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
        let new = NewTopic::new(&topic, 1, TopicReplication::Fixed(1));
        let made = admin.create_topics([&new], &AdminOptions::new()).await.unwrap();
        assert!(made.iter().all(Result::is_ok), "{made:?}");
        let capture = Capture::new().with_meters();
        let settings = change(Config::new().telemetry(&capture.telemetry()));
        let producer: FutureProducer = config.create().unwrap();
        let producer = producer.with_config(&settings);
        Self { topic, config, producer, capture, settings }
    }

    fn consumer(&self) -> StreamConsumer {
        let consumer: StreamConsumer = self.config.create().unwrap();
        consumer.subscribe(&[&self.topic]).unwrap();
        consumer.with_config(&self.settings)
    }

    async fn send(&self, payload: &str) {
        let record = FutureRecord::<str, str>::to(&self.topic).payload(payload);
        self.producer.send(record, PATIENCE).await.unwrap();
    }

    fn send_span(&self) -> expect::Span {
        expect::span(format!("send {}", self.topic)).producer()
    }

    fn process_span(&self) -> expect::Span {
        expect::span(format!("process {}", self.topic)).consumer()
    }
}

fn current() -> SpanContext {
    tracewire::otel::Context::map_current(|context| context.span().span_context().clone())
}

#[tokio::test]
async fn a_message_is_sent_processed_and_committed() {
    let shop = Shop::open().await;
    let consumer = shop.consumer();
    let record = FutureRecord::to(&shop.topic).key("4711").payload("teapot");
    let sent = shop.producer.send(record, PATIENCE).await.unwrap();
    assert_eq!((sent.partition, sent.offset), (0, 0));

    let message = soon(consumer.recv()).await.unwrap();
    assert_eq!(message.payload(), Some(&b"teapot"[..]));
    let own = message.process().context().span().span_context().clone();
    message.run(async { assert_eq!(current(), own) }).await;
    consumer.commit_message(&message, CommitMode::Sync).unwrap();
    drop(message);

    let group = format!("billing-{}", shop.topic);
    let brokers = service("TRACEWIRE_KAFKA_BROKERS");
    let (host, port) = brokers.rsplit_once(':').unwrap();
    let said = |span: expect::Span, operation: &'static str, kind: &'static str| {
        span.attribute("messaging.system", "kafka")
            .attribute("messaging.operation.name", operation)
            .attribute("messaging.operation.type", kind)
            .attribute("messaging.destination.name", shop.topic.clone())
            .attribute("messaging.destination.partition.id", "0")
            .attribute("messaging.kafka.offset", 0)
            .attribute("messaging.kafka.message.key", "4711")
            .attribute("messaging.client.id", "shop")
            .attribute("server.address", host.to_owned())
            .attribute("server.port", port.parse::<i64>().unwrap())
            .without("messaging.kafka.message.tombstone")
            .without("messaging.batch.message_count")
    };
    let commit = expect::span(format!("commit {}", shop.topic)).client().links(1);
    let traces = shop.capture.traces();
    traces[0].assert(said(shop.send_span(), "send", "send").links(0));
    traces[1].assert(
        said(shop.process_span(), "process", "process")
            .attribute("messaging.consumer.group.name", group)
            .links(1)
            .child(said(commit, "commit", "settle")),
    );
    assert_eq!((traces.len(), shop.capture.open()), (2, 0));

    let committed = consumer.committed(PATIENCE).unwrap();
    assert_eq!(committed.find_partition(&shop.topic, 0).unwrap().offset(), Offset::Offset(1));
}

#[tokio::test]
async fn samplers_see_what_is_known_when_a_message_leaves_or_comes() {
    let shop = Shop::open().await;
    let consumer = shop.consumer();
    let record = FutureRecord::<str, str>::to(&shop.topic).partition(0);
    shop.producer.send(record, PATIENCE).await.unwrap();
    drop(soon(consumer.recv()).await.unwrap());
    for span in shop.capture.spans() {
        let mut missing = span.attributes.clone();
        let start = shop.capture.attributes_at_start(&span);
        missing.retain(|attribute| !start.contains(attribute));
        let missing: Vec<_> = missing.iter().map(|it| it.key.as_str()).collect();
        let late: &[&str] = match span.span_kind {
            // The broker gives it.
            SpanKind::Producer => &["messaging.kafka.offset"],
            _ => &[],
        };
        assert_eq!(missing, late, "{}", span.name);
        let tombstone = start.iter().any(|it| it.key.as_str().ends_with("tombstone"));
        assert!(tombstone, "{}: a message without a payload", span.name);
    }
}

#[tokio::test]
async fn the_producer_is_the_parent_by_choice() {
    let shop = Shop::with(Config::producer_as_parent).await;
    let consumer = shop.consumer();
    shop.send("teapot").await;
    let mut messages = consumer.stream();
    drop(soon(messages.next()).await.unwrap().unwrap());
    shop.capture.assert(shop.send_span().child(shop.process_span().links(1)));
}

#[tokio::test]
async fn a_batch_is_one_poll_and_one_piece_of_work_with_a_link_for_each_message() {
    let shop = Shop::open().await;
    for payload in ["a", "b", "c"] {
        shop.send(payload).await;
    }
    let consumer = shop.consumer();
    let batch = soon(consumer.recv_batch(3, PATIENCE)).await.unwrap();
    let process = batch.process();
    assert_eq!(batch.messages().len(), 3);
    process.finish(Outcome::Success);

    let traces = shop.capture.traces();
    let poll = traces.iter().find(|it| it.spans()[0].name.starts_with("poll ")).unwrap();
    poll.assert(
        expect::span(format!("poll {}", shop.topic))
            .client()
            .attribute("messaging.operation.type", "receive")
            .attribute("messaging.batch.message_count", 3)
            .links(3),
    );
    let work = traces.iter().find(|it| it.spans()[0].name.starts_with("process ")).unwrap();
    work.assert(shop.process_span().attribute("messaging.batch.message_count", 3).links(3));
    let offsets: Vec<_> = work.spans()[0]
        .links
        .iter()
        .flat_map(|link| link.attributes.iter().filter(|it| it.key.as_str().ends_with("offset")))
        .map(|offset| offset.value.to_string())
        .collect();
    assert_eq!(offsets, ["0", "1", "2"]);
    let consumed = shop.capture.metric("messaging.client.consumed.messages");
    let operation = consumed.attribute("messaging.operation.name");
    assert_eq!((consumed.value(), operation), (Some(3.0), Some(&"poll".into())));
}

#[tokio::test]
async fn a_context_that_is_there_already_stays_and_garbage_is_none() {
    let shop = Shop::open().await;
    let own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let header = |key, value: &'static [u8]| Header { key, value: Some(value) };
    let headers = OwnedHeaders::new().insert(header("Traceparent", own.as_bytes()));
    let record = FutureRecord::<str, str>::to(&shop.topic).payload("relayed").headers(headers);
    shop.producer.send(record, PATIENCE).await.unwrap();
    // Not by the wrapper, which would put a context of its own in its place.
    let garbage = OwnedHeaders::new()
        .insert(header("traceparent", b"\xff\x00-zz"))
        .insert(header("baggage", b"=;,\xff"))
        .insert(Header { key: "tracestate", value: None::<&str> });
    let record = FutureRecord::<str, str>::to(&shop.topic).payload("poison").headers(garbage);
    shop.producer.inner().send(record, PATIENCE).await.unwrap();

    let consumer = shop.consumer();
    for (count, links) in [(1, 1), (3, 0)] {
        let message = soon(consumer.recv()).await.unwrap();
        assert_eq!(message.headers().unwrap().count(), count);
        drop(message);
        let spans = shop.capture.spans();
        let last = spans.last().unwrap();
        assert_eq!((last.span_kind.clone(), last.links.len()), (SpanKind::Consumer, links));
    }
    shop.capture.traces()[0].assert(expect::span(format!("send {}", shop.topic)).client().links(1));
}

#[tokio::test]
async fn a_message_that_fits_only_without_the_context_arrives_without_it() {
    let mut shop = Shop::open().await;
    shop.config.set("message.max.bytes", "2000");
    let producer: FutureProducer = shop.config.create().unwrap();
    let producer = producer.with_config(&shop.settings);
    let payload = "x".repeat(1950);
    let record = || FutureRecord::<str, str>::to(&shop.topic).payload(&payload);
    producer.send(record(), PATIENCE).await.unwrap();
    producer.send_result(record()).map_err(|(error, _)| error).unwrap().await.unwrap().unwrap();
    let consumer = shop.consumer();
    for _ in 0..2 {
        let message = soon(consumer.recv()).await.unwrap();
        assert_eq!((message.payload_len(), message.headers().is_some()), (1950, false));
    }
    let too_large = "x".repeat(2001);
    let record = FutureRecord::<str, str>::to(&shop.topic).payload(&too_large);
    producer.send(record, PATIENCE).await.unwrap_err();
    let spans = shop.capture.traces();
    spans[0].assert(shop.send_span());
    spans.last().unwrap().assert(shop.send_span().error("MessageSizeTooLarge"));
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_an_error_and_dropped_sends_are_none() {
    let capture = Capture::new();
    let settings =
        Config::new().telemetry(&capture.telemetry()).server_address("kafka.internal", 9);
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", "127.0.0.1:1").set("message.timeout.ms", "300");
    config.set_log_level(RDKafkaLogLevel::Emerg);
    let producer: FutureProducer = config.create().unwrap();
    let producer = producer.with_config(&settings);
    let record = || FutureRecord::<str, str>::to("nowhere").payload("");
    producer.send(record(), Duration::ZERO).await.unwrap_err();
    drop(producer.send_result(record()).map_err(|(error, _)| error).unwrap());
    let traces = capture.traces();
    let span = || expect::span("send nowhere").producer();
    let server = span().error("MessageTimedOut").attribute("server.address", "kafka.internal");
    traces[0].assert(server);
    traces[1].assert(span());
    assert_eq!(capture.open(), 0);
}

#[tokio::test]
async fn work_that_is_stopped_panics_or_fails_is_no_success() {
    let shop = Shop::open().await;
    for _ in 0..3 {
        shop.send("").await;
    }
    let consumer = shop.consumer();
    let message = soon(consumer.recv()).await.unwrap();
    let stopped = tokio::time::timeout(Duration::ZERO, async {
        let message = message;
        message.run(std::future::pending::<()>()).await;
    });
    stopped.await.unwrap_err();
    let message = soon(consumer.recv()).await.unwrap();
    let poison = std::panic::AssertUnwindSafe(async move {
        message.run(async { panic!("a poison message") }).await;
    });
    futures_util::FutureExt::catch_unwind(poison).await.unwrap_err();
    soon(consumer.recv()).await.unwrap().finish(Outcome::error("out_of_stock"));
    let traces = shop.capture.traces();
    for (trace, error) in traces[3..].iter().zip(["cancelled", "panic", "out_of_stock"]) {
        trace.assert(shop.process_span().error(error).links(1));
    }
    assert_eq!((traces.len(), shop.capture.open()), (6, 0));
}

#[tokio::test]
async fn a_message_that_nobody_committed_comes_again_in_a_span_of_its_own() {
    let shop = Shop::open().await;
    shop.send("teapot").await;
    for _ in 0..2 {
        let consumer = shop.consumer();
        let message = soon(consumer.recv()).await.unwrap();
        assert_eq!(message.offset(), 0);
        message.finish(Outcome::error("no_connection"));
    }
    let traces = shop.capture.traces();
    for trace in &traces[1..] {
        trace.assert(shop.process_span().error("no_connection").links(1));
    }
    assert_eq!(traces.len(), 3);
}

/// A broker inside librdkafka, which can be taken down without taking the other tests' away.
#[tokio::test]
async fn a_broker_that_goes_down_and_comes_back_costs_no_span_and_no_link() {
    let cluster = MockCluster::new(1).unwrap();
    let mut shop = Shop::open().await;
    shop.topic = "orders".to_owned();
    cluster.create_topic(&shop.topic, 1, 1).unwrap();
    shop.config.set("bootstrap.servers", cluster.bootstrap_servers());
    shop.config.set("reconnect.backoff.max.ms", "200");
    shop.config.set_log_level(RDKafkaLogLevel::Emerg);
    let producer: FutureProducer = shop.config.create().unwrap();
    shop.producer = producer.with_config(&shop.settings);
    let consumer = shop.consumer();
    shop.send("before").await;
    let held = soon(consumer.recv()).await.unwrap();

    cluster.broker_down(1).unwrap();
    let record = FutureRecord::<str, str>::to(&shop.topic).payload("meanwhile");
    let meanwhile = shop.producer.send_result(record).map_err(|(error, _)| error).unwrap();
    shop.config.set("message.timeout.ms", "300");
    let hasty: FutureProducer = shop.config.create().unwrap();
    let hasty = hasty.with_config(&shop.settings);
    hasty.send(FutureRecord::<str, str>::to(&shop.topic).payload(""), PATIENCE).await.unwrap_err();
    drop(held);
    assert_eq!(shop.capture.open(), 1, "what is on its way");

    cluster.broker_up(1).unwrap();
    meanwhile.await.unwrap().unwrap();
    // Errors of the lost connection come first.
    let again = async {
        loop {
            if let Ok(message) = consumer.recv().await {
                break message;
            }
        }
    };
    assert_eq!(soon(again).await.payload(), Some(&b"meanwhile"[..]));
    assert_eq!(shop.capture.open(), 0);
    let process = || shop.process_span().links(1);
    let late = shop.send_span().error("MessageTimedOut");
    let expected = [shop.send_span(), process(), shop.send_span(), late, process()];
    let traces = shop.capture.traces();
    assert_eq!(traces.len(), expected.len());
    traces.iter().zip(expected).for_each(|(trace, expected)| trace.assert(expected));
}

#[tokio::test]
async fn every_one_of_ten_thousand_messages_has_the_right_link() {
    const COUNT: usize = 10_000;
    let shop = Shop::open().await;
    let mut sent = Vec::with_capacity(COUNT);
    for number in 0..COUNT {
        let payload = number.to_string();
        let record = FutureRecord::<str, str>::to(&shop.topic).payload(&payload);
        sent.push(shop.producer.send_result(record).map_err(|(error, _)| error).unwrap());
    }
    let consumer = shop.consumer();
    for number in 0..COUNT {
        let message = soon(consumer.recv()).await.unwrap();
        assert_eq!(message.payload(), Some(number.to_string().as_bytes()));
    }
    for sent in sent {
        sent.await.unwrap().unwrap();
    }
    let spans = shop.capture.spans();
    let of = |kind| spans.iter().filter(move |span| span.span_kind == kind);
    let published: Vec<_> = of(SpanKind::Producer).map(|it| it.span_context.span_id()).collect();
    let linked: Vec<_> = of(SpanKind::Consumer)
        .map(|it| it.links.iter().map(|link| link.span_context.span_id()).collect::<Vec<_>>())
        .collect();
    assert_eq!(published.len(), COUNT);
    assert_eq!(linked, published.into_iter().map(|id| vec![id]).collect::<Vec<_>>());
}
