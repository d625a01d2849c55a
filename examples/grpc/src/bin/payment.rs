//! Takes money: `cargo run -p grpc-example --bin payment`, then start `orders`.
//!
//! Spans go to `OTEL_EXPORTER_OTLP_ENDPOINT`, by default a Collector on this machine.

use std::pin::Pin;
use std::time::Duration;

use grpc_example::shop::payment_server::{Payment, PaymentServer};
use grpc_example::shop::{Order, Progress, Receipt};
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};
use tracewire::tonic::ServerLayer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _telemetry = tracewire::sdk::builder().service_name("payment").init()?;

    let address = "127.0.0.1:50051".parse()?;
    println!("payment listens on {address}");
    tonic::transport::Server::builder()
        .layer(ServerLayer::new().skip_health_checks())
        .add_service(PaymentServer::new(Bank))
        .serve(address)
        .await?;
    Ok(())
}

struct Bank;

#[tonic::async_trait]
impl Payment for Bank {
    async fn pay(&self, request: Request<Order>) -> Result<Response<Receipt>, Status> {
        let order = request.into_inner();
        if order.cents == 0 {
            return Err(Status::invalid_argument("there is nothing to pay"));
        }
        ask_the_card_network(order.cents).await;
        Ok(Response::new(Receipt { number: format!("R-{}", order.id) }))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<Progress, Status>> + Send>>;

    async fn watch(&self, _: Request<Receipt>) -> Result<Response<Self::WatchStream>, Status> {
        let steps = tokio_stream::iter(["authorized", "captured", "settled"])
            .throttle(Duration::from_millis(20))
            .map(|step| Ok(Progress { step: step.to_owned() }));
        Ok(Response::new(Box::pin(steps)))
    }
}

/// Spans of `tracing` are children of the call by themselves.
#[tracing::instrument]
async fn ask_the_card_network(cents: u32) {
    tokio::time::sleep(Duration::from_millis(u64::from(cents.min(50)))).await;
}
