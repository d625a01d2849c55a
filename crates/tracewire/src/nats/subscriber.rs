//! Messages of a subscription, each with the span of its processing.

use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::Subscription;
use super::client::Client;
use crate::messaging::{Process, Unsettled};
use crate::span::Outcome;

/// A subscription whose messages are recorded, a stream of [`Message`].
///
/// It dereferences to that of `async_nats`, for `unsubscribe` and its kin.
#[derive(Debug)]
pub struct Subscriber {
    inner: async_nats::Subscriber,
    client: Client,
    subscription: Subscription,
}

/// A message that is being worked on, from when it was taken from the stream until it is dropped.
///
/// Core NATS knows no acknowledgements, so whoever drops the message is done with it: that is a
/// success, unless a panic or the end of a [`run`](Self::run) in its middle dropped it.
#[derive(Debug)]
pub struct Message {
    message: async_nats::Message,
    handling: Unsettled,
}

impl Subscriber {
    pub(super) fn new(
        inner: async_nats::Subscriber,
        client: Client,
        subscription: Subscription,
    ) -> Self {
        Self { inner, client, subscription }
    }
}

impl Stream for Subscriber {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        let message = ready!(Pin::new(&mut self.inner).poll_next(cx));
        Poll::Ready(message.map(|message| {
            let process = self.client.process(&message, &self.subscription, |_| {});
            Message { message, handling: Unsettled::new(process) }
        }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}

impl Deref for Subscriber {
    type Target = async_nats::Subscriber;

    fn deref(&self) -> &async_nats::Subscriber {
        &self.inner
    }
}

impl DerefMut for Subscriber {
    fn deref_mut(&mut self) -> &mut async_nats::Subscriber {
        &mut self.inner
    }
}

impl Client {
    /// Opens the processing of a message.
    pub(super) fn process(
        &self,
        message: &async_nats::Message,
        subscription: &Subscription,
        describe: impl FnOnce(&mut crate::messaging::About),
    ) -> Process {
        let none = async_nats::HeaderMap::new();
        let headers = message.headers.as_ref().unwrap_or(&none);
        self.messaging.process("process", headers, |about| {
            self.inboxes.describe_received(&message.subject, subscription, about);
            describe(about);
        })
    }
}

impl Message {
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
        self.handling.process().end(outcome);
    }
}

impl Deref for Message {
    type Target = async_nats::Message;

    fn deref(&self) -> &async_nats::Message {
        &self.message
    }
}
