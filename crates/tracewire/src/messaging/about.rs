//! What an operation is about: its destination, its message, its attributes and links.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::trace::{SpanContext, SpanKind};
use opentelemetry::{KeyValue, StringValue, Value};

use super::config::Settings;
use crate::measure::{Family, Metered, Slot};
use crate::span::attributes::{
    MESSAGING_BATCH_MESSAGE_COUNT, MESSAGING_CLIENT_ID, MESSAGING_CONSUMER_GROUP_NAME,
    MESSAGING_DESTINATION_ANONYMOUS, MESSAGING_DESTINATION_NAME,
    MESSAGING_DESTINATION_PARTITION_ID, MESSAGING_DESTINATION_TEMPLATE,
    MESSAGING_DESTINATION_TEMPORARY, MESSAGING_MESSAGE_BODY_SIZE,
    MESSAGING_MESSAGE_CONVERSATION_ID, MESSAGING_MESSAGE_ID, MESSAGING_OPERATION_NAME,
    MESSAGING_OPERATION_TYPE, MESSAGING_SYSTEM, SERVER_ADDRESS, SERVER_PORT,
};
use crate::span::{Domain, Start};

/// Describes an operation, or one message of a batch.
///
/// What is said of an operation is on its span from the start, so samplers see it. What is said of
/// one message of a batch is on the link to it, and on its `create` span.
#[derive(Debug, Default)]
pub struct About {
    destination: Option<StringValue>,
    template: Option<StringValue>,
    temporary: bool,
    anonymous: bool,
    client_id: Option<StringValue>,
    server: Option<(StringValue, u16)>,
    attributes: Vec<KeyValue>,
    links: Vec<(SpanContext, Vec<KeyValue>)>,
    /// How many messages it is about, with a context or without.
    linked: usize,
    pub(super) was_received: bool,
    started_at: Option<SystemTime>,
}

/// The kinds of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Create,
    Send,
    Receive,
    Process,
    Settle,
}

impl About {
    /// The queue, topic, subject, or what else the message goes to or comes from.
    pub fn destination(&mut self, name: impl Into<StringValue>) {
        self.destination = Some(name.into());
    }

    /// The form of the destination's name that is low in cardinality, where the name is not:
    /// `_INBOX`, `/customers/{customer}`. The span is called by it.
    pub fn template(&mut self, template: impl Into<StringValue>) {
        self.template = Some(template.into());
    }

    /// The destination lives only as long as somebody uses it.
    pub fn temporary(&mut self) {
        self.temporary = true;
    }

    /// The destination's name was made up by the broker.
    pub fn anonymous(&mut self) {
        self.anonymous = true;
    }

    /// The partition within the destination.
    pub fn partition(&mut self, id: impl Into<StringValue>) {
        self.set(KeyValue::new(MESSAGING_DESTINATION_PARTITION_ID, id.into()));
    }

    /// The group of consumers that share the messages.
    pub fn consumer_group(&mut self, name: impl Into<StringValue>) {
        self.set(KeyValue::new(MESSAGING_CONSUMER_GROUP_NAME, name.into()));
    }

    /// What the message calls itself.
    pub fn message_id(&mut self, id: impl Into<StringValue>) {
        self.set(KeyValue::new(MESSAGING_MESSAGE_ID, id.into()));
    }

    /// What connects it with others: a correlation id.
    pub fn conversation_id(&mut self, id: impl Into<StringValue>) {
        self.set(KeyValue::new(MESSAGING_MESSAGE_CONVERSATION_ID, id.into()));
    }

    /// How many bytes its payload has.
    pub fn body_size(&mut self, bytes: usize) {
        self.set(KeyValue::new(MESSAGING_MESSAGE_BODY_SIZE, count(bytes)));
    }

    /// How many messages a batch has that is received or settled; [`Client::send_batch`] and
    /// [`Client::process_batch`] count for themselves. Only for calls that can take several.
    ///
    /// [`Client::send_batch`]: super::Client::send_batch
    /// [`Client::process_batch`]: super::Client::process_batch
    pub fn batch_of(&mut self, messages: usize) {
        self.set(KeyValue::new(MESSAGING_BATCH_MESSAGE_COUNT, count(messages)));
    }

    /// Who sends or consumes, in place of [`Config::client_id`](super::Config::client_id).
    pub fn client_id(&mut self, id: impl Into<StringValue>) {
        self.client_id = Some(id.into());
    }

    /// Where the broker is, in place of [`Config::server_address`](super::Config::server_address). A
    /// port of 0 is not recorded.
    pub fn server(&mut self, host: impl Into<StringValue>, port: u16) {
        self.server = Some((host.into(), port));
    }

    /// Any other attribute.
    pub fn set(&mut self, attribute: KeyValue) {
        self.attributes.push(attribute);
    }

    /// Links to the creation context of one more message, with what is special about it. Without a
    /// valid context there is no link, but a receive counts the message all the same.
    pub fn link(&mut self, to: &SpanContext, attributes: Vec<KeyValue>) {
        self.linked += 1;
        if to.is_valid() {
            self.links.push((to.clone(), attributes));
        }
    }

    /// The messages that are processed were received in an operation of their own, which has counted
    /// them.
    pub fn received(&mut self) {
        self.was_received = true;
    }

    /// Dates the start back, for a receive that is recorded only once messages have come.
    pub fn started_at(&mut self, time: SystemTime) {
        self.started_at = Some(time);
    }

    /// What is known of one message, for its link.
    pub(crate) fn into_attributes(mut self) -> Vec<KeyValue> {
        let mut attributes = std::mem::take(&mut self.attributes);
        self.write(&mut attributes);
        attributes
    }

    /// Writes everything on the span of an operation.
    pub(super) fn describe(
        mut self,
        (system, kind, name): (&'static str, Type, &'static str),
        settings: &Settings,
        start: &mut Start,
    ) {
        self.client_id = self.client_id.or_else(|| settings.client_id.clone());
        self.server = self.server.or_else(|| settings.server.clone());
        start.name(self.span_name(name));
        let links = std::mem::take(&mut self.links);
        links.into_iter().for_each(|(to, attributes)| start.link(to, attributes));
        if let Some(time) = self.started_at {
            start.started_at(time);
        }
        start.set(KeyValue::new(MESSAGING_SYSTEM, system));
        start.set(KeyValue::new(MESSAGING_OPERATION_NAME, name));
        start.set(KeyValue::new(MESSAGING_OPERATION_TYPE, kind.name()));
        start.attributes.append(&mut self.attributes);
        self.write(&mut start.attributes);
    }

    /// What the metrics of an operation have at its start (semantic conventions, "Messaging
    /// metrics"). A destination that was made up for a moment is no name of a series.
    pub(super) fn measure(
        &self,
        (system, kind, name): (&'static str, Type, &'static str),
        settings: &Settings,
        metered: &mut Metered,
    ) {
        let mut messages = match kind {
            Type::Receive => count(self.linked),
            _ => 1,
        };
        let (mut group, mut partition) = (None, None);
        for attribute in &self.attributes {
            match (attribute.key.as_str(), &attribute.value) {
                (MESSAGING_BATCH_MESSAGE_COUNT, Value::I64(count)) => messages = *count,
                (MESSAGING_CONSUMER_GROUP_NAME, value) => group = Some(value),
                (MESSAGING_DESTINATION_PARTITION_ID, value) => partition = Some(value),
                _ => {}
            }
        }
        if let Ok(messages @ 1..) = u64::try_from(messages) {
            metered.count(Slot::MESSAGES, messages);
        }
        if let Some(time) = self.started_at {
            metered.date_back(time.elapsed().unwrap_or_default());
        }
        metered.label(|labels| {
            labels.text(MESSAGING_SYSTEM, system);
            labels.text(MESSAGING_OPERATION_NAME, name);
            if matches!(kind, Type::Receive | Type::Settle) {
                labels.text(MESSAGING_OPERATION_TYPE, kind.name());
            }
            let is_name = self.template.is_none() && !self.temporary && !self.anonymous;
            if let Some(template) = &self.template {
                labels.text(MESSAGING_DESTINATION_TEMPLATE, template.as_str());
            } else if let Some(name) = self.destination.as_ref().filter(|_| is_name) {
                labels.text(MESSAGING_DESTINATION_NAME, name.as_str());
            }
            if let Some(group) = group {
                labels.text(MESSAGING_CONSUMER_GROUP_NAME, &group.as_str());
            }
            if let Some(partition) = partition {
                labels.text(MESSAGING_DESTINATION_PARTITION_ID, &partition.as_str());
            }
            if let Some((host, port)) = self.server.as_ref().or(settings.server.as_ref()) {
                labels.text(SERVER_ADDRESS, host.as_str());
                if *port != 0 {
                    labels.number(SERVER_PORT, i64::from(*port));
                }
            }
        });
    }

    /// `{messaging.operation.name} {destination}` (semantic conventions, "Messaging spans", "Span
    /// name").
    fn span_name(&self, name: &'static str) -> Cow<'static, str> {
        let is_name = !self.temporary && !self.anonymous;
        let destination = self.template.as_ref().or(self.destination.as_ref().filter(|_| is_name));
        match (destination, &self.server) {
            (Some(destination), _) => format!("{name} {destination}").into(),
            (None, Some((host, 0))) => format!("{name} {host}").into(),
            (None, Some((host, port))) => format!("{name} {host}:{port}").into(),
            (None, None) => name.into(),
        }
    }

    fn write(self, attributes: &mut Vec<KeyValue>) {
        let mut text = |key, value: Option<StringValue>| {
            attributes.extend(value.map(|value| KeyValue::new(key, value)));
        };
        text(MESSAGING_DESTINATION_NAME, self.destination);
        text(MESSAGING_DESTINATION_TEMPLATE, self.template);
        text(MESSAGING_CLIENT_ID, self.client_id);
        if self.temporary {
            attributes.push(KeyValue::new(MESSAGING_DESTINATION_TEMPORARY, true));
        }
        if self.anonymous {
            attributes.push(KeyValue::new(MESSAGING_DESTINATION_ANONYMOUS, true));
        }
        if let Some((host, port)) = self.server {
            attributes.push(KeyValue::new(SERVER_ADDRESS, host));
            if port != 0 {
                attributes.push(KeyValue::new(SERVER_PORT, i64::from(port)));
            }
        }
    }
}

impl Type {
    /// As `messaging.operation.type` has it.
    fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Send => "send",
            Self::Receive => "receive",
            Self::Process => "process",
            Self::Settle => "settle",
        }
    }

    /// What its exceptions are called.
    pub(super) fn domain(self) -> Domain {
        match self {
            Self::Create => Domain::MessagingCreate,
            Self::Send => Domain::MessagingSend,
            Self::Receive => Domain::MessagingReceive,
            Self::Process => Domain::MessagingProcess,
            Self::Settle => Domain::MessagingSettle,
        }
    }

    /// By what it is measured; making a message is part of sending it.
    pub(super) fn family(self) -> Option<Family> {
        match self {
            Self::Create => None,
            Self::Send => Some(Family::MessagingSend),
            Self::Receive => Some(Family::MessagingReceive),
            Self::Settle => Some(Family::MessagingSettle),
            Self::Process => Some(Family::MessagingProcess),
        }
    }

    /// The kind of its spans; a send is of kind producer only where its context is in the message.
    pub(super) fn kind(self) -> SpanKind {
        match self {
            Self::Create | Self::Send => SpanKind::Producer,
            Self::Receive | Self::Settle => SpanKind::Client,
            Self::Process => SpanKind::Consumer,
        }
    }
}

pub(super) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
