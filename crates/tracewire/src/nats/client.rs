//! The client: what sends, asks and subscribes.

use std::ops::Deref;

use async_nats::client::{
    PublishError, PublishErrorKind, RequestError, RequestErrorKind, SubscribeError,
};
use async_nats::subject::ToSubject;
use async_nats::{HeaderMap, Request, Subject};
use bytes::Bytes;

use super::headers::acceptable;
use super::subject::Inboxes;
use super::subscriber::Subscriber;
use super::{Config, SYSTEM, Subscription};
use crate::messaging;
use crate::span::{Operation, Outcome};

/// A client whose messages are recorded; cheap to clone.
///
/// It has the methods that send, ask and subscribe, under the names and with the results of
/// `async_nats::Client`, and dereferences to that for all others, which are not recorded.
#[derive(Clone, Debug)]
pub struct Client {
    inner: async_nats::Client,
    pub(super) messaging: messaging::Client,
    pub(super) inboxes: Inboxes,
}

impl Client {
    /// Records on the process-wide telemetry.
    pub fn new(client: async_nats::Client) -> Self {
        Self::with_config(client, &Config::new())
    }

    /// The same with settings. The id of the connection, by which the server knows this client, is
    /// its `messaging.client.id` unless they name another.
    pub fn with_config(client: async_nats::Client, config: &Config) -> Self {
        let inboxes = Inboxes::of(&client);
        let config = match client.try_server_info() {
            Some(server) => config.clone().client_id_if_none(|| server.client_id.to_string()),
            None => config.clone(),
        };
        let messaging = messaging::Client::new(SYSTEM, &config);
        Self { inner: client, messaging, inboxes }
    }

    /// The client inside, whose messages are not recorded.
    pub fn inner(&self) -> &async_nats::Client {
        &self.inner
    }

    /// Publishes a message.
    ///
    /// # Errors
    /// As `async_nats::Client::publish`.
    pub async fn publish(
        &self,
        subject: impl ToSubject,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        self.send(subject.to_subject(), None, None, payload).await
    }

    /// Publishes a message with headers. A trace context among them is left as it is.
    ///
    /// # Errors
    /// As `async_nats::Client::publish_with_headers`.
    pub async fn publish_with_headers(
        &self,
        subject: impl ToSubject,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        self.send(subject.to_subject(), None, Some(headers), payload).await
    }

    /// Publishes a message that is to be answered to a subject.
    ///
    /// # Errors
    /// As `async_nats::Client::publish_with_reply`.
    pub async fn publish_with_reply(
        &self,
        subject: impl ToSubject,
        reply: impl ToSubject,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        self.send(subject.to_subject(), Some(reply.to_subject()), None, payload).await
    }

    /// Publishes a message with headers that is to be answered to a subject.
    ///
    /// # Errors
    /// As `async_nats::Client::publish_with_reply_and_headers`.
    pub async fn publish_with_reply_and_headers(
        &self,
        subject: impl ToSubject,
        reply: impl ToSubject,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        self.send(subject.to_subject(), Some(reply.to_subject()), Some(headers), payload).await
    }

    async fn send(
        &self,
        subject: Subject,
        reply: Option<Subject>,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        let (operation, headers) = self.open("publish", &subject, headers, payload.len());
        let result = operation
            .run(async {
                match (reply, headers) {
                    (None, None) => self.inner.publish(subject, payload).await,
                    (None, Some(headers)) => {
                        self.inner.publish_with_headers(subject, headers, payload).await
                    }
                    (Some(reply), None) => {
                        self.inner.publish_with_reply(subject, reply, payload).await
                    }
                    (Some(reply), Some(headers)) => {
                        self.inner
                            .publish_with_reply_and_headers(subject, reply, headers, payload)
                            .await
                    }
                }
            })
            .await;
        operation.finish(match &result {
            Ok(()) => Outcome::Success,
            Err(error) => Outcome::error(match error.kind() {
                PublishErrorKind::MaxPayloadExceeded => "max_payload_exceeded",
                PublishErrorKind::InvalidSubject => "invalid_subject",
                PublishErrorKind::Send => "send",
            }),
        });
        result
    }

    /// Sends a request and waits for the reply.
    ///
    /// # Errors
    /// As `async_nats::Client::request`.
    pub async fn request(
        &self,
        subject: impl ToSubject,
        payload: Bytes,
    ) -> Result<async_nats::Message, RequestError> {
        self.send_request(subject, Request::new().payload(payload)).await
    }

    /// Sends a request with headers and waits for the reply.
    ///
    /// # Errors
    /// As `async_nats::Client::request_with_headers`.
    pub async fn request_with_headers(
        &self,
        subject: impl ToSubject,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<async_nats::Message, RequestError> {
        self.send_request(subject, Request::new().headers(headers).payload(payload)).await
    }

    /// Sends a request that was put together before and waits for the reply.
    ///
    /// # Errors
    /// As `async_nats::Client::send_request`.
    pub async fn send_request(
        &self,
        subject: impl ToSubject,
        mut request: Request,
    ) -> Result<async_nats::Message, RequestError> {
        let subject = subject.to_subject();
        let length = request.payload.as_ref().map_or(0, Bytes::len);
        let (operation, headers) = self.open("request", &subject, request.headers, length);
        request.headers = headers;
        let result = operation.run(self.inner.send_request(subject, request)).await;
        let replied = result.as_ref().ok().and_then(|reply| reply.headers.as_ref());
        if let Some(creation) = replied.and_then(|headers| self.messaging.creation(headers)) {
            operation.link(creation, Vec::new());
        }
        operation.finish(match &result {
            Ok(_) => Outcome::Success,
            Err(error) => Outcome::error(match error.kind() {
                RequestErrorKind::TimedOut => "timeout",
                RequestErrorKind::NoResponders => "no_responders",
                RequestErrorKind::InvalidSubject => "invalid_subject",
                RequestErrorKind::MaxPayloadExceeded => "max_payload_exceeded",
                RequestErrorKind::Other => "_OTHER",
            }),
        });
        result
    }

    /// Opens the operation of a message that leaves, and puts its context among the headers.
    pub(super) fn open(
        &self,
        name: &'static str,
        subject: &Subject,
        headers: Option<HeaderMap>,
        payload: usize,
    ) -> (Operation, Option<HeaderMap>) {
        let mut with_context = headers.clone().unwrap_or_default();
        let describe = |about: &mut messaging::About| self.inboxes.describe(subject, about);
        let operation = if name == "request" {
            self.messaging.request(name, &mut with_context, describe)
        } else {
            self.messaging.send(name, &mut with_context, describe)
        };
        (operation, acceptable(&self.inner, headers, with_context, payload))
    }

    /// Subscribes to a subject, which may have wildcards.
    ///
    /// # Errors
    /// As `async_nats::Client::subscribe`.
    pub async fn subscribe(&self, subject: impl ToSubject) -> Result<Subscriber, SubscribeError> {
        let subject = subject.to_subject();
        let subscription = Subscription::new(&subject, None);
        let inner = self.inner.subscribe(subject).await?;
        Ok(Subscriber::new(inner, self.clone(), subscription))
    }

    /// Subscribes to a subject as one of a group of which each message reaches one.
    ///
    /// # Errors
    /// As `async_nats::Client::queue_subscribe`.
    pub async fn queue_subscribe(
        &self,
        subject: impl ToSubject,
        queue_group: impl Into<String>,
    ) -> Result<Subscriber, SubscribeError> {
        let (subject, group) = (subject.to_subject(), queue_group.into());
        let subscription = Subscription::new(&subject, Some(&group));
        let inner = self.inner.queue_subscribe(subject, group).await?;
        Ok(Subscriber::new(inner, self.clone(), subscription))
    }
}

impl Deref for Client {
    type Target = async_nats::Client;

    fn deref(&self) -> &async_nats::Client {
        &self.inner
    }
}
