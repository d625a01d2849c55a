//! Packs what was ordered: `cargo run -p messaging-example --bin fulfilment`, then start `shop`.
//!
//! `AMQP_URL` names the broker. Spans go to `OTEL_EXPORTER_OTLP_ENDPOINT`, by default a Collector on
//! this machine.

use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicRejectOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use tracewire::amqp::Channel;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _telemetry = tracewire::sdk::builder().service_name("fulfilment").init()?;

    let url = std::env::var("AMQP_URL").unwrap_or("amqp://localhost".to_owned());
    let broker = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = Channel::new(broker.create_channel().await?);
    let (queue, arguments) = (QueueDeclareOptions::default(), FieldTable::default());
    channel.queue_declare("orders".into(), queue, arguments.clone()).await?;
    let options = BasicConsumeOptions::default();
    let mut orders = channel.basic_consume("orders".into(), "".into(), options, arguments).await?;
    println!("fulfilment waits for orders");

    while let Some(delivery) = orders.next().await {
        // A span of its own, linked to the request in which the order was placed.
        let packed = delivery?.process(async |delivery| {
            match std::str::from_utf8(&delivery.data).unwrap_or_default().parse() {
                Ok(order) => {
                    pack(order).await;
                    delivery.ack(BasicAckOptions::default()).await
                }
                Err(_) => delivery.reject(BasicRejectOptions::default()).await,
            }
        });
        packed.await?;
    }
    Ok(())
}

/// Spans of `tracing` are children of the message's by themselves.
#[tracing::instrument]
async fn pack(order: u64) {
    tokio::time::sleep(Duration::from_millis(20)).await;
}
