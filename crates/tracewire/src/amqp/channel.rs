//! Channels whose messages are recorded.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::SystemTime;

use lapin::BasicProperties;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicNackOptions, BasicPublishOptions,
    BasicRejectOptions,
};
use lapin::types::{DeliveryTag, FieldTable, MessageCount, ShortString};

use super::confirm::PublisherConfirm;
use super::consumer::Consumer;
use super::delivery::{Delivery, Origin, describe, identify};
use super::destination::{Destination, routing_key};
use super::error::failed;
use super::headers::Leaving;
use super::in_flight::{InFlight, Settling, Verb};
use crate::messaging::{Client, Config};
use crate::span::Outcome;

/// The `messaging.system`.
const SYSTEM: &str = "rabbitmq";

/// A channel whose messages are spans; see the [module](super). It dereferences to the driver's.
#[derive(Clone, Debug)]
pub struct Channel {
    inner: lapin::Channel,
    in_flight: Arc<InFlight>,
}

/// A message that [`Channel::basic_get`] has fetched. It dereferences to the [`Delivery`].
#[derive(Debug)]
pub struct BasicGetMessage {
    /// The message.
    pub delivery: Delivery,
    /// How many are left in the queue.
    pub message_count: MessageCount,
}

impl Channel {
    /// Records on the process-wide telemetry.
    pub fn new(channel: lapin::Channel) -> Self {
        Self::with_config(channel, &Config::new())
    }

    /// Records what `config` says.
    pub fn with_config(channel: lapin::Channel, config: &Config) -> Self {
        Self { inner: channel, in_flight: InFlight::new(Client::new(SYSTEM, config)) }
    }

    /// The channel without the spans.
    pub fn into_inner(self) -> lapin::Channel {
        self.inner
    }

    /// Publishes a message with its context in the headers. Await what it returns for the outcome;
    /// see [`PublisherConfirm`].
    ///
    /// # Errors
    /// Those of the driver.
    pub async fn basic_publish(
        &self,
        exchange: ShortString,
        routing_key: ShortString,
        options: BasicPublishOptions,
        payload: &[u8],
        properties: BasicProperties,
    ) -> lapin::Result<PublisherConfirm> {
        let mut headers = Leaving::of(&properties);
        let operation = self.in_flight.client.send("publish", &mut headers, |about| {
            Destination::of_producer(exchange.as_str(), routing_key.as_str()).describe(about);
            self::routing_key(routing_key.as_str(), about);
            identify(&properties, about);
        });
        let properties = headers.write(properties);
        let publish = self.inner.basic_publish(exchange, routing_key, options, payload, properties);
        match operation.run(publish).await {
            Ok(confirm) if self.inner.status().confirm() => {
                Ok(PublisherConfirm::new(confirm, Some(operation)))
            }
            Ok(confirm) => {
                operation.finish(Outcome::Success);
                Ok(PublisherConfirm::new(confirm, None))
            }
            Err(error) => {
                operation.finish(failed(&error));
                Err(error)
            }
        }
    }

    /// Begins to consume a queue.
    ///
    /// # Errors
    /// Those of the driver.
    pub async fn basic_consume(
        &self,
        queue: ShortString,
        consumer_tag: ShortString,
        options: BasicConsumeOptions,
        arguments: FieldTable,
    ) -> lapin::Result<Consumer> {
        let no_ack = options.no_ack;
        let consumer = self.inner.basic_consume(queue, consumer_tag, options, arguments).await?;
        let origin = self.origin(consumer.queue(), no_ack);
        Ok(Consumer::new(consumer, origin))
    }

    /// Fetches one message. An empty queue is not recorded.
    ///
    /// # Errors
    /// Those of the driver.
    pub async fn basic_get(
        &self,
        queue: ShortString,
        options: BasicGetOptions,
    ) -> lapin::Result<Option<BasicGetMessage>> {
        let origin = self.origin(queue.clone(), options.no_ack);
        let begin = SystemTime::now();
        let result = self.inner.basic_get(queue, options).await;
        let client = &self.in_flight.client;
        match result {
            Ok(None) => Ok(None),
            Ok(Some(message)) => {
                let message_count = message.message_count;
                let delivery = origin.fetched(message.delivery);
                let operation = client.receive("get", |about| {
                    about.started_at(begin);
                    describe(&delivery, delivery.destination(), about);
                    about.link(delivery.creation(), Vec::new());
                });
                operation.finish(Outcome::Success);
                Ok(Some(BasicGetMessage { delivery, message_count }))
            }
            Err(error) => {
                let operation = client.receive("get", |about| {
                    about.started_at(begin);
                    Destination::of_consumer("", "", origin.queue.as_str()).describe(about);
                });
                operation.finish(failed(&error));
                Err(error)
            }
        }
    }

    /// Acknowledges messages by tag, and ends the processing of those deliveries that are held.
    ///
    /// # Errors
    /// Those of the driver.
    pub async fn basic_ack(&self, tag: DeliveryTag, options: BasicAckOptions) -> lapin::Result<()> {
        let settling = Settling { verb: Verb::Ack, tag, multiple: options.multiple };
        self.in_flight.settle(settling, self.inner.basic_ack(tag, options)).await
    }

    /// Refuses messages by tag, and ends the processing of those deliveries that are held.
    ///
    /// # Errors
    /// Those of the driver.
    pub async fn basic_nack(
        &self,
        tag: DeliveryTag,
        options: BasicNackOptions,
    ) -> lapin::Result<()> {
        let settling = Settling { verb: Verb::Nack, tag, multiple: options.multiple };
        self.in_flight.settle(settling, self.inner.basic_nack(tag, options)).await
    }

    /// Refuses a message by tag, and ends its processing if the delivery is held.
    ///
    /// # Errors
    /// Those of the driver.
    pub async fn basic_reject(
        &self,
        tag: DeliveryTag,
        options: BasicRejectOptions,
    ) -> lapin::Result<()> {
        let settling = Settling { verb: Verb::Reject, tag, multiple: false };
        self.in_flight.settle(settling, self.inner.basic_reject(tag, options)).await
    }

    fn origin(&self, queue: ShortString, no_ack: bool) -> Origin {
        Origin { channel: self.in_flight.clone(), queue, no_ack }
    }
}

impl Deref for Channel {
    type Target = lapin::Channel;

    fn deref(&self) -> &lapin::Channel {
        &self.inner
    }
}

impl Deref for BasicGetMessage {
    type Target = Delivery;

    fn deref(&self) -> &Delivery {
        &self.delivery
    }
}

impl DerefMut for BasicGetMessage {
    fn deref_mut(&mut self) -> &mut Delivery {
        &mut self.delivery
    }
}
