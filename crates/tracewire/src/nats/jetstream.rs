//! JetStream: messages that are stored, and acknowledged one by one.
//!
//! ```no_run
//! use futures_util::StreamExt as _;
//! use tracewire::nats::{Client, jetstream};
//!
//! # async fn run(nats: Client) -> Result<(), async_nats::Error> {
//! let stream = jetstream::new(&nats);
//! stream.publish("orders.eu", "one teapot".into()).await?.await?;
//!
//! let consumer: async_nats::jetstream::consumer::PullConsumer =
//!     stream.get_consumer_from_stream("billing", "orders").await?;
//! let mut messages = stream.consume(consumer.messages().await?);
//! while let Some(message) = messages.next().await {
//!     let message = message?;
//!     message.run(async { println!("{:?}", message.payload) }).await;
//!     message.ack().await?;
//! }
//! # Ok(()) }
//! ```

use std::ops::Deref;
use std::pin::Pin;
use std::task::{Poll, ready};

use async_nats::HeaderMap;
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::{self, AckKind};
use async_nats::subject::ToSubject;
use bytes::Bytes;
use futures_core::Stream;

use super::Subscription;
use super::client::Client;
use crate::messaging::Process;
use crate::span::{Operation, Outcome};

/// A context for JetStream over a client, with the client's settings.
pub fn new(client: &Client) -> Context {
    Context::new(jetstream::new(client.inner().clone()), client)
}

/// A JetStream context whose messages are recorded; cheap to clone.
///
/// It dereferences to that of `async_nats`, for streams and consumers.
#[derive(Clone, Debug)]
pub struct Context {
    inner: jetstream::Context,
    client: Client,
}

impl Context {
    /// Records what goes through a context that was set up before.
    pub fn new(context: jetstream::Context, client: &Client) -> Self {
        Self { inner: context, client: client.clone() }
    }

    /// Publishes a message; await the result to know that it is stored.
    ///
    /// # Errors
    /// As `async_nats::jetstream::Context::publish`.
    pub async fn publish(
        &self,
        subject: impl ToSubject,
        payload: Bytes,
    ) -> Result<Acknowledgement, PublishError> {
        self.send(subject, None, payload).await
    }

    /// Publishes a message with headers. A trace context among them is left as it is.
    ///
    /// # Errors
    /// As `async_nats::jetstream::Context::publish_with_headers`.
    pub async fn publish_with_headers(
        &self,
        subject: impl ToSubject,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Acknowledgement, PublishError> {
        self.send(subject, Some(headers), payload).await
    }

    async fn send(
        &self,
        subject: impl ToSubject,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> Result<Acknowledgement, PublishError> {
        let subject = subject.to_subject();
        let (operation, headers) = self.client.open("publish", &subject, headers, payload.len());
        let mut message = PublishMessage::build().payload(payload);
        if let Some(headers) = headers {
            message = message.headers(headers);
        }
        match operation.run(self.inner.send_publish(subject, message)).await {
            Ok(inner) => Ok(Acknowledgement { inner, sending: Sending(Some(operation)) }),
            Err(error) => {
                operation.finish(failure(&error));
                Err(error)
            }
        }
    }

    /// Records the messages of a consumer: whatever stream of them `async_nats` makes, of a pull or
    /// a push consumer, one batch or all there will be.
    pub fn consume<S>(&self, messages: S) -> Messages<S> {
        Messages { inner: messages, client: self.client.clone() }
    }
}

impl Deref for Context {
    type Target = jetstream::Context;

    fn deref(&self) -> &jetstream::Context {
        &self.inner
    }
}

/// The name that spans have for why a message was not stored.
fn failure(error: &PublishError) -> Outcome {
    Outcome::error(match error.kind() {
        PublishErrorKind::StreamNotFound => "stream_not_found",
        PublishErrorKind::WrongLastMessageId => "wrong_last_message_id",
        PublishErrorKind::WrongLastSequence => "wrong_last_sequence",
        PublishErrorKind::TimedOut => "timeout",
        PublishErrorKind::BrokenPipe => "broken_pipe",
        PublishErrorKind::MaxAckPending => "max_ack_pending",
        PublishErrorKind::MaxPayloadExceeded => "max_payload_exceeded",
        PublishErrorKind::Other => "_OTHER",
    })
}

/// A message on its way into a stream. Awaited, it tells whether the message was stored, and so does
/// the span then; dropped, it was sent, and nobody asked.
#[derive(Debug)]
#[must_use = "the message may not have been stored"]
pub struct Acknowledgement {
    inner: PublishAckFuture,
    sending: Sending,
}

/// A send that is over, and well, when nobody waits for more.
#[derive(Debug)]
struct Sending(Option<Operation>);

impl IntoFuture for Acknowledgement {
    type Output = Result<PublishAck, PublishError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { inner, mut sending } = self;
        // The box is one more than there was; the one inside cannot be named to be avoided.
        Box::pin(async move {
            let result = inner.await;
            if let Some(operation) = sending.0.take() {
                operation.finish(match &result {
                    Ok(_) => Outcome::Success,
                    Err(error) => failure(error),
                });
            }
            result
        })
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(operation) = self.0.take() {
            operation.finish(Outcome::Success);
        }
    }
}

pin_project_lite::pin_project! {
    /// Messages of a consumer, each with the span of its processing.
    #[derive(Debug)]
    pub struct Messages<S> {
        #[pin]
        inner: S,
        client: Client,
    }
}

impl<S, E> Stream for Messages<S>
where
    S: Stream<Item = Result<jetstream::Message, E>>,
{
    type Item = Result<Message, E>;

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        let this = self.project();
        let message = ready!(this.inner.poll_next(cx));
        Poll::Ready(message.map(|message| message.map(|message| this.client.deliver(message))))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}

impl Client {
    fn deliver(&self, message: jetstream::Message) -> Message {
        let group = message.info().ok().map(|info| info.consumer.to_owned().into());
        let subscription = Subscription { pattern: None, group };
        let id = message.headers.as_ref();
        let id = id.and_then(|headers| headers.get(async_nats::header::NATS_MESSAGE_ID));
        let process = self.process(&message.message, &subscription, |about| {
            if let Some(id) = id {
                about.message_id(id.as_str().to_owned());
            }
        });
        Message { message, process, client: self.clone() }
    }
}

/// A message that is being worked on, from when it was taken from the stream until it is
/// acknowledged or refused. Dropped without either it counts as cancelled: the server will deliver it
/// again.
#[derive(Debug)]
pub struct Message {
    message: jetstream::Message,
    process: Process,
    client: Client,
}

impl Message {
    /// Does some of the work with the span of the message current.
    pub fn run<F: Future>(&self, work: F) -> crate::span::Run<'_, F> {
        self.process.run(work)
    }

    /// The processing, to set attributes on, or to make current where there is no future to run.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Acknowledges the message.
    ///
    /// # Errors
    /// As `async_nats::jetstream::Message::ack`.
    pub async fn ack(&self) -> Result<(), async_nats::Error> {
        self.settle(AckKind::Ack, self.message.ack()).await
    }

    /// Acknowledges or refuses the message, or says that the work goes on.
    ///
    /// # Errors
    /// As `async_nats::jetstream::Message::ack_with`.
    pub async fn ack_with(&self, kind: AckKind) -> Result<(), async_nats::Error> {
        self.settle(kind, self.message.ack_with(kind)).await
    }

    /// Acknowledges the message and waits until the server knows.
    ///
    /// # Errors
    /// As `async_nats::jetstream::Message::double_ack`.
    pub async fn double_ack(&self) -> Result<(), async_nats::Error> {
        self.settle(AckKind::Ack, self.message.double_ack()).await
    }

    /// [`ack_with`](Self::ack_with), waiting until the server knows.
    ///
    /// # Errors
    /// As `async_nats::jetstream::Message::double_ack_with`.
    pub async fn double_ack_with(&self, kind: AckKind) -> Result<(), async_nats::Error> {
        self.settle(kind, self.message.double_ack_with(kind)).await
    }

    /// Settling is the last thing that is done in the span of the message, and ends it.
    async fn settle(
        &self,
        kind: AckKind,
        answer: impl Future<Output = Result<(), async_nats::Error>>,
    ) -> Result<(), async_nats::Error> {
        let (name, outcome) = match kind {
            AckKind::Ack | AckKind::Next => ("ack", Outcome::Success),
            AckKind::Nak(_) => ("nak", Outcome::error("nak")),
            AckKind::Term => ("term", Outcome::error("term")),
            // The work goes on.
            AckKind::Progress => return self.process.run(answer).await,
        };
        let current = self.process.enter();
        let operation = self.client.messaging.settle(name, [self.process.creation()], |about| {
            self.client.inboxes.describe(&self.message.subject, about);
        });
        drop(current);
        let result = operation.run(answer).await;
        operation.finish(match &result {
            Ok(()) => Outcome::Success,
            Err(_) => Outcome::error("_OTHER"),
        });
        self.process.end(outcome);
        result
    }
}

impl Deref for Message {
    type Target = jetstream::Message;

    fn deref(&self) -> &jetstream::Message {
        &self.message
    }
}
