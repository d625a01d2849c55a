//! A message, and the span of its processing.

use std::ops::Deref;

use opentelemetry::{KeyValue, StringValue};
use rdkafka::Message as _;
use rdkafka::message::BorrowedMessage;

use crate::messaging::{About, Client, Process, Unsettled};
use crate::span::Outcome;
use crate::span::attributes::{
    MESSAGING_KAFKA_MESSAGE_KEY, MESSAGING_KAFKA_MESSAGE_TOMBSTONE, MESSAGING_KAFKA_OFFSET,
};

/// A message that is being worked on, from when it was received until it is committed or dropped.
///
/// It dereferences to that of `rdkafka`; its trait `rdkafka::Message` has the payload.
#[derive(Debug)]
pub struct Message<'a> {
    inner: BorrowedMessage<'a>,
    handling: Unsettled,
}

impl<'a> Message<'a> {
    pub(super) fn new(
        inner: BorrowedMessage<'a>,
        client: &Client,
        group: Option<&StringValue>,
    ) -> Self {
        let process = client.process("process", &inner, |about| {
            about.destination(inner.topic().to_owned());
            if let Some(group) = group {
                about.consumer_group(group.clone());
            }
            describe(&inner, about);
        });
        Self { inner, handling: Unsettled::new(process) }
    }

    /// Does some of the work with the span of the message current. A message may be worked on in
    /// several pieces.
    pub async fn run<F: Future>(&self, work: F) -> F::Output {
        self.handling.run(work).await
    }

    /// The processing, to set attributes on, or to make current where there is no future to run.
    pub fn process(&self) -> &Process {
        self.handling.process()
    }

    /// Ends the processing, as a failure for one. What it is dropped as counts no more.
    pub fn finish(self, outcome: Outcome) {
        self.process().end(outcome);
    }
}

impl<'a> Deref for Message<'a> {
    type Target = BorrowedMessage<'a>;

    fn deref(&self) -> &BorrowedMessage<'a> {
        &self.inner
    }
}

/// What is special about one message.
pub(super) fn describe(message: &BorrowedMessage<'_>, about: &mut About) {
    about.partition(message.partition().to_string());
    about.set(KeyValue::new(MESSAGING_KAFKA_OFFSET, message.offset()));
    let key = message.key().and_then(|key| std::str::from_utf8(key).ok());
    if let Some(key) = key {
        about.set(KeyValue::new(MESSAGING_KAFKA_MESSAGE_KEY, key.to_owned()));
    }
    if message.payload().is_none() {
        about.set(KeyValue::new(MESSAGING_KAFKA_MESSAGE_TOMBSTONE, true));
    }
}
