//! The producer: each send is a span until the broker has the message.

use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use opentelemetry::KeyValue;
use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::{FromClientConfig, FromClientConfigAndContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::ToBytes;
use rdkafka::producer::future_producer::{self, OwnedDeliveryResult};
use rdkafka::producer::{self, FutureRecord};
use rdkafka::util::{AsyncRuntime, DefaultRuntime, Timeout};

use super::setting::Setting;
use super::{Config, failure};
use crate::messaging::{About, Client};
use crate::span::attributes::{
    MESSAGING_DESTINATION_PARTITION_ID, MESSAGING_KAFKA_MESSAGE_KEY,
    MESSAGING_KAFKA_MESSAGE_TOMBSTONE, MESSAGING_KAFKA_OFFSET,
};
use crate::span::{Operation, Outcome};

/// A `FutureProducer` whose messages are recorded; cheap to clone.
///
/// Make it of a `ClientConfig`, or of a producer with [`new`](Self::new).
pub struct FutureProducer<C = DefaultClientContext, R = DefaultRuntime>
where
    C: ClientContext + 'static,
{
    inner: producer::FutureProducer<C, R>,
    setting: Setting,
    client: Client,
}

impl<C, R> FutureProducer<C, R>
where
    C: ClientContext + 'static,
{
    /// Records what goes through a producer that was made before.
    pub fn new(producer: producer::FutureProducer<C, R>) -> Self {
        Self::of(producer, Setting::default())
    }

    fn of(inner: producer::FutureProducer<C, R>, setting: Setting) -> Self {
        let client = setting.client(&Config::new());
        Self { inner, setting, client }
    }

    /// The same with settings.
    #[must_use]
    pub fn with_config(mut self, config: &Config) -> Self {
        self.client = self.setting.client(config);
        self
    }

    /// The producer inside, whose messages are not recorded.
    pub fn inner(&self) -> &producer::FutureProducer<C, R> {
        &self.inner
    }
}

impl<C, R> FutureProducer<C, R>
where
    C: ClientContext + 'static,
    R: AsyncRuntime,
{
    /// Sends a message and waits until the broker has it.
    ///
    /// # Errors
    /// As `rdkafka::producer::FutureProducer::send`.
    pub async fn send<K, P, T>(
        &self,
        mut record: FutureRecord<'_, K, P>,
        queue_timeout: T,
    ) -> OwnedDeliveryResult
    where
        K: ToBytes + ?Sized,
        P: ToBytes + ?Sized,
        T: Into<Timeout>,
    {
        let timeout = queue_timeout.into();
        let before = record.headers.clone();
        let again = same(&record);
        let operation = self.open(&mut record);
        let mut result = operation.run(self.inner.send(record, timeout)).await;
        if let Err((error, _)) = &result
            && is_too_large(error)
        {
            let bare = FutureRecord { headers: before, ..again };
            result = operation.run(self.inner.send(bare, timeout)).await;
        }
        finish(operation, &result);
        result
    }

    /// Puts a message into the producer's queue. The result resolves when the broker has it, and the
    /// span lasts until then; when the result is dropped, the message was sent, and nobody asked.
    ///
    /// # Errors
    /// As `rdkafka::producer::FutureProducer::send_result`; the record has its own headers again.
    #[allow(clippy::result_large_err, reason = "as the original has it")]
    pub fn send_result<'a, K, P>(
        &self,
        mut record: FutureRecord<'a, K, P>,
    ) -> Result<DeliveryFuture, (KafkaError, FutureRecord<'a, K, P>)>
    where
        K: ToBytes + ?Sized,
        P: ToBytes + ?Sized,
    {
        let before = record.headers.clone();
        let operation = self.open(&mut record);
        let result = {
            let _current = operation.enter();
            let bare = |record| FutureRecord { headers: before, ..record };
            match self.inner.send_result(record) {
                Err((error, record)) if is_too_large(&error) => {
                    self.inner.send_result(bare(record))
                }
                Err((error, record)) => Err((error, bare(record))),
                sent => sent,
            }
        };
        match result {
            Ok(inner) => Ok(DeliveryFuture { inner, operation: Some(operation) }),
            Err((error, record)) => {
                operation.finish(failure(&error));
                Err((error, record))
            }
        }
    }

    /// Opens the operation of a record, and puts its context among the headers.
    fn open<K, P>(&self, record: &mut FutureRecord<'_, K, P>) -> Operation
    where
        K: ToBytes + ?Sized,
        P: ToBytes + ?Sized,
    {
        let mut headers = record.headers.take().unwrap_or_default();
        let operation = self.client.send("send", &mut headers, |about| describe(record, about));
        record.headers = Some(headers);
        operation
    }
}

fn describe<K, P>(record: &FutureRecord<'_, K, P>, about: &mut About)
where
    K: ToBytes + ?Sized,
    P: ToBytes + ?Sized,
{
    about.destination(record.topic.to_owned());
    if let Some(partition) = record.partition {
        about.partition(partition.to_string());
    }
    let key = record.key.and_then(|key| std::str::from_utf8(key.to_bytes()).ok());
    if let Some(key) = key {
        about.set(KeyValue::new(MESSAGING_KAFKA_MESSAGE_KEY, key.to_owned()));
    }
    if record.payload.is_none() {
        about.set(KeyValue::new(MESSAGING_KAFKA_MESSAGE_TOMBSTONE, true));
    }
}

/// The same record without its headers.
fn same<'a, K, P>(record: &FutureRecord<'a, K, P>) -> FutureRecord<'a, K, P>
where
    K: ToBytes + ?Sized,
    P: ToBytes + ?Sized,
{
    let FutureRecord { topic, partition, payload, key, timestamp, .. } = *record;
    FutureRecord { topic, partition, payload, key, timestamp, headers: None }
}

fn is_too_large(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge))
}

fn finish(operation: Operation, result: &OwnedDeliveryResult) {
    match result {
        Ok(delivery) => {
            operation.set([
                KeyValue::new(MESSAGING_DESTINATION_PARTITION_ID, delivery.partition.to_string()),
                KeyValue::new(MESSAGING_KAFKA_OFFSET, delivery.offset),
            ]);
            operation.finish(Outcome::Success);
        }
        Err((error, _)) => operation.finish(failure(error)),
    }
}

/// A message on its way; made by [`FutureProducer::send_result`].
#[must_use = "futures do nothing unless polled"]
pub struct DeliveryFuture {
    inner: future_producer::DeliveryFuture,
    operation: Option<Operation>,
}

impl Future for DeliveryFuture {
    type Output = <future_producer::DeliveryFuture as Future>::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let delivered = ready!(Pin::new(&mut self.inner).poll(cx));
        if let Some(operation) = self.operation.take() {
            match &delivered {
                Ok(result) => finish(operation, result),
                Err(_) => operation.finish(Outcome::error("Canceled")),
            }
        }
        Poll::Ready(delivered)
    }
}

impl Drop for DeliveryFuture {
    fn drop(&mut self) {
        if let Some(operation) = self.operation.take() {
            operation.finish(Outcome::Success);
        }
    }
}

impl std::fmt::Debug for DeliveryFuture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeliveryFuture").finish_non_exhaustive()
    }
}

// === impl FutureProducer ===

impl<R: AsyncRuntime> FromClientConfig for FutureProducer<DefaultClientContext, R> {
    fn from_config(config: &ClientConfig) -> KafkaResult<Self> {
        Self::from_config_and_context(config, DefaultClientContext)
    }
}

impl<C, R> FromClientConfigAndContext<C> for FutureProducer<C, R>
where
    C: ClientContext + 'static,
    R: AsyncRuntime,
{
    fn from_config_and_context(config: &ClientConfig, context: C) -> KafkaResult<Self> {
        let inner = config.create_with_context(context)?;
        Ok(Self::of(inner, Setting::of(config)))
    }
}

impl<C, R> Clone for FutureProducer<C, R>
where
    C: ClientContext + 'static,
{
    fn clone(&self) -> Self {
        let Self { inner, setting, client } = self;
        Self { inner: inner.clone(), setting: setting.clone(), client: client.clone() }
    }
}

impl<C, R> Deref for FutureProducer<C, R>
where
    C: ClientContext + 'static,
{
    type Target = producer::FutureProducer<C, R>;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl<C, R> std::fmt::Debug for FutureProducer<C, R>
where
    C: ClientContext + 'static,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FutureProducer").field("client", &self.client).finish_non_exhaustive()
    }
}
