//! Apache Kafka: what is sent, received and processed through `rdkafka`, call sites unchanged.
//!
//! [`FutureProducer`] and [`StreamConsumer`] are made of a `ClientConfig` as those of `rdkafka` are,
//! and dereference to them for whatever is not recorded.
//!
//! ```no_run
//! use rdkafka::{ClientConfig, consumer::{CommitMode, Consumer as _}, producer::FutureRecord};
//! use tracewire::kafka::{FutureProducer, StreamConsumer};
//!
//! # async fn run() -> Result<(), rdkafka::error::KafkaError> {
//! let mut config = ClientConfig::new();
//! config.set("bootstrap.servers", "kafka:9092").set("group.id", "billing");
//!
//! let producer: FutureProducer = config.create()?;
//! let record = FutureRecord::to("orders").key("4711").payload("one teapot");
//! producer.send(record, std::time::Duration::ZERO).await.map_err(|(error, _)| error)?;
//!
//! let consumer: StreamConsumer = config.create()?;
//! consumer.subscribe(&["orders"])?;
//! loop {
//!     let message = consumer.recv().await?;
//!     message.run(async { /* below the span of the message */ }).await;
//!     consumer.commit_message(&message, CommitMode::Async)?;
//! }
//! # }
//! ```
//!
//! # Spans
//!
//! They follow the conventions for messaging and those for Kafka (semantic conventions 1.44);
//! [`messaging`](crate::messaging) has the table of all attributes, and tells of links and parents.
//!
//! | call | name | kind | it lasts |
//! |---|---|---|---|
//! | [`FutureProducer::send`], [`send_result`](FutureProducer::send_result) | `send {topic}` | producer | until the broker has it |
//! | a message of [`StreamConsumer::recv`] or [`stream`](StreamConsumer::stream) | `process {topic}` | consumer | until it is committed or dropped |
//! | [`StreamConsumer::recv_batch`] | `poll {topic}` | client | from the call until the batch is full |
//! | [`Batch::process`] | `process {topic}` | consumer | until it is finished or dropped |
//! | [`StreamConsumer::commit_message`] | `commit {topic}` | client | the call |
//!
//! | attribute | when |
//! |---|---|
//! | `messaging.system` | always `kafka` |
//! | `messaging.destination.partition.id`, `messaging.kafka.offset` | consumers; producers when the broker has the message |
//! | `messaging.kafka.message.key` | the message has a key that is UTF-8 |
//! | `messaging.kafka.message.tombstone` | true for a message without a payload |
//! | `messaging.consumer.group.name`, `messaging.client.id` | `group.id` and `client.id` are configured |
//! | `server.address`, `server.port` | `bootstrap.servers` names just one, or [`Config`] says so |
//!
//! Kafka has no answer for one message: whoever drops it is done with it, and that is a success,
//! unless a panic dropped it or the end of a [`Message::run`] in its middle.
//!
//! # What is impossible to break
//! - A message that the limit for its size lets through only without the context goes through without
//!   it.
//! - Headers come as bytes. A name that is no UTF-8, at which `rdkafka` panics, is passed over, though
//!   the panic hook tells of it; a program built with `panic = "abort"` cannot be helped.

mod batch;
mod consumer;
mod headers;
mod message;
mod producer;
mod setting;

pub use crate::messaging::Config;
pub use batch::Batch;
pub use consumer::{Messages, StreamConsumer};
pub use message::Message;
pub use producer::{DeliveryFuture, FutureProducer};

use rdkafka::error::KafkaError;

use crate::span::Outcome;

/// The `messaging.system`.
const SYSTEM: &str = "kafka";

/// A failure, called by librdkafka's name for it.
fn failure(error: &KafkaError) -> Outcome {
    match error.rdkafka_error_code() {
        Some(code) => Outcome::error(format!("{code:?}")),
        None => Outcome::error("_OTHER"),
    }
}
