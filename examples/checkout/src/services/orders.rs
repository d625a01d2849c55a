//! The message that an order was placed, on its way from checkout to fulfilment: through a channel
//! while both are in one process, otherwise through whatever broker `BROKER_URL` names.

use lapin::options::{BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tracewire::messaging::{Config, Envelope};
use tracewire::{amqp, nats};

use super::is_set;
use crate::Error;

/// Names the queue, the subject, and in spans the channel too.
pub(super) const ORDERS: &str = "orders";

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct OrderPlaced {
    pub(super) number: u64,
    pub(super) items: Vec<String>,
}

/// Where checkout puts the message.
#[derive(Clone)]
pub(super) enum Outbox {
    Channel(mpsc::Sender<Envelope<OrderPlaced>>),
    RabbitMq(amqp::Channel),
    Nats(nats::Client),
}

/// Where fulfilment takes it from.
pub(super) enum Inbox {
    RabbitMq(amqp::Consumer),
    Nats(nats::Subscriber),
}

/// Whether fulfilment is a process of its own.
pub(crate) fn have_broker() -> bool {
    is_set(super::BROKER_URL)
}

enum Broker {
    RabbitMq(amqp::Channel),
    Nats(nats::Client),
}

async fn broker() -> Result<Broker, Error> {
    let url = std::env::var(super::BROKER_URL)?;
    if url.starts_with("amqp") {
        let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        let queue = channel.queue_declare(
            ORDERS.into(),
            QueueDeclareOptions::default(),
            FieldTable::default(),
        );
        queue.await?;
        Ok(Broker::RabbitMq(amqp::Channel::new(channel)))
    } else {
        Ok(Broker::Nats(nats::Client::new(async_nats::connect(url).await?)))
    }
}

impl Outbox {
    pub(super) async fn of_broker() -> Result<Self, Error> {
        Ok(match broker().await? {
            Broker::RabbitMq(channel) => Self::RabbitMq(channel),
            Broker::Nats(client) => Self::Nats(client),
        })
    }

    pub(super) async fn put(&self, order: OrderPlaced) -> Result<(), Error> {
        match self {
            Self::Channel(channel) => {
                let envelope = Envelope::with_config(order, &Config::new());
                channel.send(envelope.destination(ORDERS).sent()).await?;
            }
            Self::RabbitMq(channel) => {
                let payload = serde_json::to_vec(&order)?;
                let (options, plain) = (BasicPublishOptions::default(), BasicProperties::default());
                let sent =
                    channel.basic_publish("".into(), ORDERS.into(), options, &payload, plain);
                sent.await?.await?;
            }
            Self::Nats(client) => {
                let payload = serde_json::to_vec(&order)?;
                client.publish(ORDERS, payload.into()).await?;
                client.flush().await?;
            }
        }
        Ok(())
    }
}

impl Inbox {
    pub(super) async fn of_broker() -> Result<Self, Error> {
        Ok(match broker().await? {
            Broker::RabbitMq(channel) => {
                let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
                let tag = "fulfilment".into();
                let consumer = channel.basic_consume(ORDERS.into(), tag, options, arguments);
                Self::RabbitMq(consumer.await?)
            }
            Broker::Nats(client) => Self::Nats(client.queue_subscribe(ORDERS, "fulfilment").await?),
        })
    }
}
