//! A message in the hands of the application.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use lapin::message;
use lapin::options::{BasicAckOptions, BasicNackOptions, BasicRejectOptions};
use lapin::types::ShortString;
use opentelemetry::trace::SpanContext;

use super::destination::{Destination, routing_key, shared};
use super::error::CHANNEL_CLOSED;
use super::headers::Received;
use super::in_flight::{InFlight, Settling, Tracked, Verb, delivery_tag};
use crate::messaging::{About, Process};
use crate::span::Outcome;

/// A message that was delivered, and the span of its processing.
///
/// It dereferences to the driver's own, so the payload is `delivery.data`. One that comes from a
/// [`Consumer`](super::Consumer) is being processed from the start; one that comes from
/// [`basic_get`](super::Channel::basic_get) when [`process`](Self::process) is called.
#[derive(Debug)]
pub struct Delivery {
    inner: message::Delivery,
    tracked: Arc<Tracked>,
    channel: Arc<InFlight>,
    /// Nobody has to settle it.
    no_ack: bool,
}

/// Where deliveries come from.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) channel: Arc<InFlight>,
    pub(super) queue: ShortString,
    pub(super) no_ack: bool,
}

impl Origin {
    /// A message that is processed from now on.
    pub(super) fn deliver(&self, delivery: message::Delivery) -> Delivery {
        let destination = self.destination(&delivery);
        let process = open(&self.channel, &delivery, &destination, |_| {});
        let creation = process.creation().clone();
        self.track(delivery, Tracked { creation, destination, process: OnceLock::from(process) })
    }

    /// A message that was fetched.
    pub(super) fn fetched(&self, delivery: message::Delivery) -> Delivery {
        let creation = self.channel.client.creation(&Received::of(&delivery.properties));
        let creation = creation.unwrap_or(SpanContext::NONE);
        let destination = self.destination(&delivery);
        self.track(delivery, Tracked { creation, destination, process: OnceLock::new() })
    }

    fn track(&self, inner: message::Delivery, tracked: Tracked) -> Delivery {
        let tracked = Arc::new(tracked);
        if !self.no_ack {
            self.channel.add(inner.delivery_tag, &tracked);
        }
        Delivery { inner, tracked, channel: self.channel.clone(), no_ack: self.no_ack }
    }

    fn destination(&self, delivery: &message::Delivery) -> Destination {
        let (exchange, key) = (delivery.exchange.as_str(), delivery.routing_key.as_str());
        Destination::of_consumer(exchange, key, self.queue.as_str())
    }
}

impl Delivery {
    /// Works on the message with its span current in every poll and in the drop of the work. The
    /// span ends when the message is settled, or when the delivery is dropped.
    pub async fn process<R>(self, work: impl AsyncFnOnce(Self) -> R) -> R {
        let tracked = self.tracked.clone();
        // What was not processed from the start was fetched.
        let process = tracked.process.get_or_init(|| {
            open(&self.channel, &self.inner, &tracked.destination, About::received)
        });
        process.run(async { work(self).await }).await
    }

    /// The processing of the message: to make it current by hand, or to set attributes. `None` after
    /// `basic_get`, as long as nobody has called [`process`](Self::process).
    pub fn processing(&self) -> Option<&Process> {
        self.tracked.process.get()
    }

    /// Ends the processing as it went, without settling the message: for messages that need not be
    /// settled, or that another one settles with `multiple`.
    pub fn finish(self, outcome: Outcome) {
        if let Some(process) = self.processing() {
            process.end(outcome);
        }
    }

    /// Acknowledges the message, as `lapin::Acker::ack` does, and ends its processing.
    ///
    /// # Errors
    /// Those of the driver.
    pub async fn ack(&self, options: BasicAckOptions) -> lapin::Result<bool> {
        self.settle(Verb::Ack, options.multiple, self.acker.ack(options)).await
    }

    /// Refuses the message, as `lapin::Acker::nack` does, and ends its processing with an error.
    ///
    /// # Errors
    /// Those of the driver.
    pub async fn nack(&self, options: BasicNackOptions) -> lapin::Result<bool> {
        self.settle(Verb::Nack, options.multiple, self.acker.nack(options)).await
    }

    /// Refuses the message, as `lapin::Acker::reject` does, and ends its processing with an error.
    ///
    /// # Errors
    /// Those of the driver.
    pub async fn reject(&self, options: BasicRejectOptions) -> lapin::Result<bool> {
        self.settle(Verb::Reject, false, self.acker.reject(options)).await
    }

    async fn settle(
        &self,
        verb: Verb,
        multiple: bool,
        driver: impl Future<Output = lapin::Result<bool>>,
    ) -> lapin::Result<bool> {
        let is_settled_already = !self.acker.usable() && !self.acker.poisoned();
        if is_settled_already {
            return driver.await;
        }
        let tag = self.inner.delivery_tag;
        self.channel.settle(Settling { verb, tag, multiple }, driver).await
    }

    pub(super) fn destination(&self) -> &Destination {
        &self.tracked.destination
    }

    pub(super) fn creation(&self) -> &SpanContext {
        &self.tracked.creation
    }

    /// How processing ends that nobody has ended.
    fn outcome(&self) -> Outcome {
        if std::thread::panicking() {
            Outcome::Panicked
        } else if self.no_ack {
            Outcome::Success
        } else if self.acker.poisoned() {
            Outcome::error(CHANNEL_CLOSED)
        } else if self.acker.usable() {
            Outcome::Cancelled
        } else {
            Outcome::Success
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if !self.no_ack {
            self.channel.forget(self.inner.delivery_tag, &self.tracked);
        }
        if let Some(process) = self.processing() {
            process.end(self.outcome());
        }
    }
}

impl Deref for Delivery {
    type Target = message::Delivery;

    fn deref(&self) -> &message::Delivery {
        &self.inner
    }
}

impl DerefMut for Delivery {
    fn deref_mut(&mut self) -> &mut message::Delivery {
        &mut self.inner
    }
}

fn open(
    channel: &InFlight,
    delivery: &message::Delivery,
    destination: &Destination,
    more: impl FnOnce(&mut About),
) -> Process {
    channel.client.process("process", &Received::of(&delivery.properties), |about| {
        describe(delivery, destination, about);
        more(about);
    })
}

/// What there is to say about a message that was received.
pub(super) fn describe(delivery: &message::Delivery, destination: &Destination, about: &mut About) {
    destination.describe(about);
    routing_key(delivery.routing_key.as_str(), about);
    about.set(delivery_tag(delivery.delivery_tag));
    identify(&delivery.properties, about);
}

/// The message's own name, and the conversation that it belongs to.
pub(super) fn identify(properties: &lapin::BasicProperties, about: &mut About) {
    if let Some(id) = properties.message_id() {
        about.message_id(shared(id.as_str()));
    }
    if let Some(id) = properties.correlation_id() {
        about.conversation_id(shared(id.as_str()));
    }
}
