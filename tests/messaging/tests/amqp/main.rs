//! The wrapper of lapin over a real RabbitMQ.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

mod consume;
mod failures;
mod get;
mod many;
mod poison;
mod publish;

use futures_util::StreamExt as _;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use test_support::{soon, unique};
use tracewire::amqp::{Channel, Consumer, Delivery};
use tracewire::messaging::Config;
use tracewire::test::{Capture, expect};
use tracewire_messaging_tests::amqp_url;

/// A connection, and a queue of a test's own that the broker removes with it.
struct Fixture {
    connection: Connection,
    channel: Channel,
    queue: String,
}

impl Fixture {
    async fn new(config: &Config) -> Self {
        Self::at(&amqp_url(), config).await
    }

    async fn at(url: &str, config: &Config) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = Channel::with_config(connection.create_channel().await.unwrap(), config);
        let queue = unique("queue");
        let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(short(&queue), options, FieldTable::default()).await.unwrap();
        Self { connection, channel, queue }
    }

    /// Publishes to the queue by way of the default exchange.
    async fn publish(&self, payload: &[u8], properties: BasicProperties) {
        let (queue, options) = (short(&self.queue), BasicPublishOptions::default());
        let publish = self.channel.basic_publish("".into(), queue, options, payload, properties);
        publish.await.unwrap().await.unwrap();
    }

    async fn send(&self, payload: &[u8]) {
        self.publish(payload, BasicProperties::default()).await;
    }

    async fn consume(&self) -> Consumer {
        self.consume_with(BasicConsumeOptions::default()).await
    }

    async fn consume_with(&self, options: BasicConsumeOptions) -> Consumer {
        let (queue, arguments) = (short(&self.queue), FieldTable::default());
        self.channel.basic_consume(queue, "".into(), options, arguments).await.unwrap()
    }

    /// The span of an operation on the queue.
    fn expect(&self, verb: &str) -> expect::Span {
        expect::span(self.named(verb))
            .attribute("messaging.system", "rabbitmq")
            .attribute("messaging.operation.name", verb.to_owned())
            .attribute("messaging.destination.name", self.queue.clone())
    }

    /// What such a span is called.
    fn named(&self, verb: &str) -> String {
        format!("{verb} {}", self.queue)
    }
}

fn short(text: &str) -> ShortString {
    ShortString::from(text)
}

/// The next message, which must come before long.
async fn next(consumer: &mut Consumer) -> Delivery {
    soon(consumer.next()).await.unwrap().unwrap()
}

/// The traces that begin with a span of this name, in their order.
fn traces_of(capture: &Capture, name: &str) -> Vec<tracewire::test::Trace> {
    let mut traces = capture.traces();
    traces.retain(|trace| trace.roots()[0].span.name == name);
    traces
}
