//! The consumer: each message is a span until it is committed or dropped.

use std::future::poll_fn;
use std::ops::Deref;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use futures_core::Stream;
use opentelemetry::StringValue;
use rdkafka::ClientConfig;
use rdkafka::Message as _;
use rdkafka::config::{FromClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::{
    self, CommitMode, Consumer as _, ConsumerContext, DefaultConsumerContext, MessageStream,
};
use rdkafka::error::KafkaResult;
use rdkafka::util::{AsyncRuntime, DefaultRuntime};

use super::batch::Batch;
use super::message::{Message, describe};
use super::setting::Setting;
use super::{Config, failure};
use crate::messaging::{About, Client};
use crate::span::Outcome;

/// A `StreamConsumer` whose messages are recorded.
///
/// Make it of a `ClientConfig`, or of a consumer with [`new`](Self::new).
pub struct StreamConsumer<C = DefaultConsumerContext, R = DefaultRuntime>
where
    C: ConsumerContext,
{
    inner: consumer::StreamConsumer<C, R>,
    setting: Setting,
    client: Client,
}

impl<C, R> StreamConsumer<C, R>
where
    C: ConsumerContext + 'static,
{
    /// Records what comes out of a consumer that was made before. Its group is not known; say
    /// [`group`](Self::group).
    pub fn new(consumer: consumer::StreamConsumer<C, R>) -> Self {
        Self::of(consumer, Setting::default())
    }

    fn of(inner: consumer::StreamConsumer<C, R>, setting: Setting) -> Self {
        let client = setting.client(&Config::new());
        Self { inner, setting, client }
    }

    /// The same with settings.
    #[must_use]
    pub fn with_config(mut self, config: &Config) -> Self {
        self.client = self.setting.client(config);
        self
    }

    /// Records this as the consumer's group.
    #[must_use]
    pub fn group(mut self, name: impl Into<StringValue>) -> Self {
        self.setting.group = Some(name.into());
        self
    }

    /// The consumer inside, whose messages are not recorded.
    pub fn inner(&self) -> &consumer::StreamConsumer<C, R> {
        &self.inner
    }

    /// Waits for the next message, which is being processed from then on.
    ///
    /// # Errors
    /// As `rdkafka::consumer::StreamConsumer::recv`.
    pub async fn recv(&self) -> KafkaResult<Message<'_>> {
        let message = self.inner.recv().await?;
        Ok(Message::new(message, &self.client, self.setting.group.as_ref()))
    }

    /// The messages as they come, for ever.
    pub fn stream(&self) -> Messages<'_, C> {
        let (client, group) = (&self.client, self.setting.group.as_ref());
        Messages { inner: self.inner.stream(), client, group }
    }

    /// Waits for a message and takes what comes after it, until there are `most`, or none has come
    /// for `patience`. That is one `poll` span; [`Batch::process`] opens that of the work.
    ///
    /// # Errors
    /// As `rdkafka::consumer::StreamConsumer::recv`, for the first message; an error after it ends
    /// the batch, and comes again at the next call if it lasts.
    pub async fn recv_batch(&self, most: usize, patience: Duration) -> KafkaResult<Batch<'_>>
    where
        R: AsyncRuntime,
    {
        let start = SystemTime::now();
        let first = self.inner.recv().await.inspect_err(|error| {
            self.client.receive("poll", |about| about.started_at(start)).finish(failure(error));
        })?;
        let mut messages = vec![first];
        while messages.len() < most {
            let (mut next, mut delay) = (pin!(self.inner.recv()), pin!(R::delay_for(patience)));
            let next = poll_fn(|cx| match next.as_mut().poll(cx) {
                Poll::Ready(next) => Poll::Ready(next.ok()),
                Poll::Pending => delay.as_mut().poll(cx).map(|()| None),
            });
            match next.await {
                Some(message) => messages.push(message),
                None => break,
            }
        }
        let batch = Batch::new(messages, &self.client, self.setting.group.as_ref());
        let polling = self.client.receive("poll", |about| {
            about.started_at(start);
            batch.describe(about);
            about.batch_of(batch.messages().len());
            for message in batch.messages() {
                if let Some(creation) = self.client.creation(message) {
                    let mut own = About::default();
                    describe(message, &mut own);
                    about.link(&creation, own.into_attributes());
                }
            }
        });
        polling.finish(Outcome::Success);
        Ok(batch)
    }

    /// Commits the offset of a message, which ends its processing.
    ///
    /// # Errors
    /// As `rdkafka::consumer::Consumer::commit_message`.
    pub fn commit_message(&self, message: &Message<'_>, mode: CommitMode) -> KafkaResult<()> {
        let result = {
            let _working = message.process().enter();
            let creation = message.process().creation();
            let operation = self.client.settle("commit", [creation], |about| {
                about.destination(message.topic().to_owned());
                if let Some(group) = &self.setting.group {
                    about.consumer_group(group.clone());
                }
                describe(message, about);
            });
            let result = {
                let _committing = operation.enter();
                self.inner.commit_message(message, mode)
            };
            operation.finish(match &result {
                Ok(()) => Outcome::Success,
                Err(error) => failure(error),
            });
            result
        };
        message.process().end(Outcome::Success);
        result
    }
}

/// The messages of a consumer; made by [`StreamConsumer::stream`].
pub struct Messages<'a, C: ConsumerContext> {
    inner: MessageStream<'a, C>,
    client: &'a Client,
    group: Option<&'a StringValue>,
}

impl<'a, C: ConsumerContext> Stream for Messages<'a, C> {
    type Item = KafkaResult<Message<'a>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let message = ready!(Pin::new(&mut self.inner).poll_next(cx));
        let (client, group) = (self.client, self.group);
        Poll::Ready(message.map(|message| Ok(Message::new(message?, client, group))))
    }
}

impl<C: ConsumerContext> std::fmt::Debug for Messages<'_, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Messages").field("group", &self.group).finish_non_exhaustive()
    }
}

// === impl StreamConsumer ===

impl<R: AsyncRuntime> FromClientConfig for StreamConsumer<DefaultConsumerContext, R> {
    fn from_config(config: &ClientConfig) -> KafkaResult<Self> {
        Self::from_config_and_context(config, DefaultConsumerContext)
    }
}

impl<C, R> FromClientConfigAndContext<C> for StreamConsumer<C, R>
where
    C: ConsumerContext + 'static,
    R: AsyncRuntime,
{
    fn from_config_and_context(config: &ClientConfig, context: C) -> KafkaResult<Self> {
        let inner = config.create_with_context(context)?;
        Ok(Self::of(inner, Setting::of(config)))
    }
}

impl<C: ConsumerContext, R> Deref for StreamConsumer<C, R> {
    type Target = consumer::StreamConsumer<C, R>;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl<C: ConsumerContext, R> std::fmt::Debug for StreamConsumer<C, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamConsumer").field("client", &self.client).finish_non_exhaustive()
    }
}
