//! Takes orders and puts them into a queue: `cargo run -p messaging-example --bin shop` beside
//! `fulfilment` and a RabbitMQ, then `curl -X POST localhost:3000/orders/7`.
//!
//! `AMQP_URL` names the broker. Spans go to `OTEL_EXPORTER_OTLP_ENDPOINT`, by default a Collector on
//! this machine.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Router, routing::post};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use tracewire::amqp::Channel;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _telemetry = tracewire::sdk::builder().service_name("shop").init()?;

    let url = std::env::var("AMQP_URL").unwrap_or("amqp://localhost".to_owned());
    let broker = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = Channel::new(broker.create_channel().await?);
    channel
        .queue_declare("orders".into(), QueueDeclareOptions::default(), FieldTable::default())
        .await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;

    let app = Router::new()
        .route("/orders/{id}", post(order))
        .with_state(channel)
        .layer(tracewire::axum::ServerLayer::new());

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("curl -X POST http://{}/orders/7", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn order(State(channel): State<Channel>, Path(id): Path<u64>) -> StatusCode {
    match place(&channel, id).await {
        Ok(()) => StatusCode::ACCEPTED,
        Err(error) => {
            tracing::error!(%error, "the order was not placed");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// Puts an order into the queue, and waits until the broker has it.
async fn place(channel: &Channel, id: u64) -> lapin::Result<()> {
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    let order = id.to_string();
    let sent =
        channel.basic_publish("".into(), "orders".into(), options, order.as_bytes(), properties);
    sent.await?.await?;
    Ok(())
}
