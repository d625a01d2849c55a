//! RabbitMQ: what is published, consumed and settled through `lapin`, call sites unchanged.
//!
//! [`Channel`] goes around a channel of `lapin` and has its methods. What it hands out is wrapped as
//! well: [`PublisherConfirm`], [`Consumer`], [`Delivery`]. Everything else is reached by
//! dereferencing.
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions};
//! use lapin::{BasicProperties, types::FieldTable};
//! use tracewire::amqp::Channel;
//!
//! # async fn example(connection: lapin::Connection) -> lapin::Result<()> {
//! let channel = Channel::new(connection.create_channel().await?);
//!
//! let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
//! channel.basic_publish("".into(), "orders".into(), options, b"7", properties).await?.await?;
//!
//! let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
//! let mut consumer = channel.basic_consume("orders".into(), "worker".into(), options, arguments).await?;
//! while let Some(delivery) = consumer.next().await {
//!     // Everything in here is below the span of the message, which `ack` ends.
//!     delivery?.process(async |delivery| delivery.ack(BasicAckOptions::default()).await).await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Spans
//!
//! They follow the conventions for messaging and those for RabbitMQ (semantic conventions 1.44);
//! [`messaging`](crate::messaging) has the table of all attributes, and tells of links and parents.
//!
//! | call | name | kind | it lasts |
//! |---|---|---|---|
//! | `basic_publish` | `publish {destination}` | producer | until it is confirmed; until it is written where confirms are off |
//! | a delivery of a consumer | `process {destination}` | consumer | from the moment the application has it until it is settled or dropped |
//! | `basic_get` | `get {destination}` | client | while the broker is asked; none if the queue is empty |
//! | [`Delivery::process`] after `basic_get` | `process {destination}` | consumer | until it is settled or dropped |
//! | `ack`, `nack`, `reject`, `basic_ack`, … | `ack {destination}`, … | client | until it is written |
//!
//! The destination is `{exchange}:{routing key}` for producers and `{exchange}:{routing key}:{queue}`
//! for consumers, without what is empty and without a queue that is called like the routing key. It
//! is anonymous, and not in the name of the span, where the broker made up the name of the queue.
//!
//! | attribute | when |
//! |---|---|
//! | `messaging.system` | always `rabbitmq` |
//! | `messaging.destination.name` | always |
//! | `messaging.destination.anonymous` | true for queues whose name the broker made up |
//! | `messaging.rabbitmq.destination.routing_key` | the message has one |
//! | `messaging.rabbitmq.message.delivery_tag` | on deliveries and what settles them |
//! | `messaging.message.id`, `messaging.message.conversation_id` | `message_id` and `correlation_id` of the properties |
//! | `messaging.batch.message_count` | on what settles several at once (`multiple`) |
//!
//! # Errors
//!
//! | `error.type` | what happened |
//! |---|---|
//! | `nack` on a publish | the broker refused the message |
//! | `NO-ROUTE`, `NO-CONSUMERS` on a publish | the message came back: mandatory, and nobody was there |
//! | `nack`, `reject` on a process | the application refused the message |
//! | `cancelled` on a process | it was dropped, and nobody had settled it |
//! | `timeout` on a process | nobody settled it in time |
//! | `channel_closed` | the channel went away before the message was settled |
//! | `NOT-FOUND`, `PRECONDITION-FAILED`, … | the broker's own errors, by their names in AMQP |
//! | `connection_dropped`, `connection_refused`, `timeout`, `io`, `connection_closed`, `heartbeat`, … | the connection's |
//!
//! A returned message is only known for one where confirms are on. A confirm that nobody awaits ends
//! its span when it is dropped, without an error.
//!
//! # What is not seen
//!
//! - Deliveries settled through `delivery.acker`, which has no spans: the processing ends as a
//!   success when the delivery is dropped.
//! - A delivery that is dropped before its tag is settled through the channel, or by a later one with
//!   `multiple`: it ends as cancelled. Keep it until then, or [`finish`](Delivery::finish) it.
//! - Transactions: a publish is recorded when it is written, not when it is committed.

mod channel;
mod confirm;
mod consumer;
mod delivery;
mod destination;
mod error;
mod headers;
mod in_flight;

pub use channel::{BasicGetMessage, Channel};
pub use confirm::PublisherConfirm;
pub use consumer::{Consumer, DeliveryResult};
pub use delivery::Delivery;
