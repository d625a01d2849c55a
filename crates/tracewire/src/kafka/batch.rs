//! Many messages at once: one poll, one piece of work.

use opentelemetry::StringValue;
use rdkafka::Message as _;
use rdkafka::message::BorrowedMessage;

use super::message::describe;
use crate::messaging::{About, Client, Process};

/// What one poll has brought; made by [`StreamConsumer::recv_batch`](super::StreamConsumer::recv_batch).
#[derive(Debug)]
pub struct Batch<'a> {
    messages: Vec<BorrowedMessage<'a>>,
    client: &'a Client,
    group: Option<&'a StringValue>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        messages: Vec<BorrowedMessage<'a>>,
        client: &'a Client,
        group: Option<&'a StringValue>,
    ) -> Self {
        Self { messages, client, group }
    }

    /// The messages, in the order they came.
    pub fn messages(&self) -> &[BorrowedMessage<'a>] {
        &self.messages
    }

    /// Takes the messages out.
    pub fn into_messages(self) -> Vec<BorrowedMessage<'a>> {
        self.messages
    }

    /// Begins to work on all of them in one span, which links to each; finish it.
    pub fn process(&self) -> Process {
        let describe_all = |about: &mut About| {
            self.describe(about);
            about.received();
        };
        self.client.process_batch("process", &self.messages, describe_all, describe)
    }

    /// What is the same for all messages: the group, and the topic if there is just one.
    pub(super) fn describe(&self, about: &mut About) {
        if let Some(group) = self.group {
            about.consumer_group(group.clone());
        }
        let mut topics = self.messages.iter().map(BorrowedMessage::topic);
        if let Some(topic) = topics.next()
            && topics.all(|other| other == topic)
        {
            about.destination(topic.to_owned());
        }
    }
}
