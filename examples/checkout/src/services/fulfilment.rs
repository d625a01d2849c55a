//! Packs what was ordered, once the order was placed: a worker in the process of checkout, or a
//! service of its own behind a broker.

use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::options::BasicAckOptions;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::instrument;

use super::orders::{Inbox, OrderPlaced, Outbox};
use crate::Error;

/// How long an order that was just placed may be on its way when the service is told to end.
const LAST_ORDERS: Duration = Duration::from_millis(500);

/// Starts a worker in this process. It ends when the outbox is gone and all orders are packed.
pub(super) fn in_process() -> (Outbox, JoinHandle<()>) {
    let (outbox, mut inbox) = mpsc::channel(16);
    let worker = tokio::spawn(async move {
        while let Some(envelope) = inbox.recv().await {
            let envelope: tracewire::messaging::Envelope<OrderPlaced> = envelope;
            envelope.process(async |order| pack(&order).await).await;
        }
    });
    (Outbox::Channel(outbox), worker)
}

/// Runs the service until its input ends and the orders placed by then are packed.
pub(super) async fn run() -> Result<(), Error> {
    let mut inbox = Inbox::of_broker().await?;
    println!("ready");
    let end = super::input_ends();
    tokio::pin!(end);
    loop {
        tokio::select! {
            order = inbox.next() => order?.ok_or("the broker has gone")?.fulfil().await?,
            () = &mut end => break,
        }
    }
    while let Ok(order) = tokio::time::timeout(LAST_ORDERS, inbox.next()).await {
        order?.ok_or("the broker has gone")?.fulfil().await?;
    }
    Ok(())
}

enum Order {
    RabbitMq(tracewire::amqp::Delivery),
    Nats(tracewire::nats::Message),
}

impl Inbox {
    async fn next(&mut self) -> Result<Option<Order>, Error> {
        Ok(match self {
            Self::RabbitMq(consumer) => consumer.next().await.transpose()?.map(Order::RabbitMq),
            Self::Nats(subscriber) => subscriber.next().await.map(Order::Nats),
        })
    }
}

impl Order {
    async fn fulfil(self) -> Result<(), Error> {
        match self {
            Self::RabbitMq(delivery) => {
                let handled = delivery.process(async |delivery| {
                    pack(&serde_json::from_slice(&delivery.data)?).await;
                    delivery.ack(BasicAckOptions::default()).await?;
                    Ok(())
                });
                handled.await
            }
            Self::Nats(message) => {
                let order = serde_json::from_slice(&message.payload)?;
                message.run(pack(&order)).await;
                Ok(())
            }
        }
    }
}

#[instrument(skip_all, fields(order = order.number, items = order.items.len()))]
async fn pack(order: &OrderPlaced) {
    super::work(25).await;
}
