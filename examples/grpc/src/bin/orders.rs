//! Takes orders: `cargo run -p grpc-example --bin orders` beside `payment`, then
//! `curl localhost:3000/orders/7`.
//!
//! Spans go to `OTEL_EXPORTER_OTLP_ENDPOINT`, by default a Collector on this machine.

use axum::extract::{Path, State};
use axum::{Router, routing::get};
use grpc_example::shop::Order;
use grpc_example::shop::payment_client::PaymentClient;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};
use tower::ServiceBuilder;
use tracewire::tonic::{Client, ClientLayer};

type Payment = PaymentClient<Client<Channel>>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _telemetry = tracewire::sdk::builder().service_name("orders").init()?;

    let endpoint = Endpoint::from_static("http://127.0.0.1:50051");
    let channel = ServiceBuilder::new()
        .layer(ClientLayer::new().target(endpoint.uri().to_string()))
        .service(endpoint.connect_lazy());
    let app = Router::new()
        .route("/orders/{id}", get(order))
        .with_state(PaymentClient::new(channel))
        .layer(tracewire::axum::ServerLayer::new());

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("curl http://{}/orders/7", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn order(State(payment): State<Payment>, Path(id): Path<u64>) -> String {
    match pay(payment, id).await {
        Ok(receipt) => receipt,
        Err(status) => format!("order {id} is not paid: {}\n", status.message()),
    }
}

/// Pays for an order, and waits until that is settled.
async fn pay(mut payment: Payment, id: u64) -> Result<String, Status> {
    let receipt = payment.pay(Order { id, cents: 30 }).await?.into_inner();
    let mut text = format!("receipt {}:", receipt.number);
    let mut progress = payment.watch(receipt).await?.into_inner();
    while let Some(progress) = progress.message().await? {
        text.extend([" ", &progress.step]);
    }
    Ok(text + "\n")
}
