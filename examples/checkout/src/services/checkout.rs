//! Places an order: goods and prices at the same time, then the payment, then word to fulfilment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use grpc_example::shop::Order;
use grpc_example::shop::payment_client::PaymentClient;
use reqwest_middleware::ClientWithMiddleware;
use serde::Deserialize;
use tonic::transport::{Channel, Endpoint};
use tracewire::tonic::{Client, ClientLayer};
use tracing::instrument;

use super::orders::{OrderPlaced, Outbox};
use super::{BadGateway, Service};
use crate::Error;

#[derive(Clone)]
struct Shop {
    http: ClientWithMiddleware,
    inventory: String,
    pricing: String,
    payment: PaymentClient<Client<Channel>>,
    fulfilment: Outbox,
    /// The number of the next order.
    orders: Arc<AtomicU64>,
}

#[derive(Debug, Deserialize)]
struct Cart {
    items: Vec<String>,
}

pub(super) fn app(fulfilment: Outbox) -> Result<Router, Error> {
    let shop = Shop {
        http: super::http_client(),
        inventory: Service::Inventory.url()?,
        pricing: Service::Pricing.url()?,
        payment: payment(Service::Payment.url()?)?,
        fulfilment,
        orders: Arc::new(AtomicU64::new(1)),
    };
    Ok(Router::new().route("/orders", post(place)).with_state(shop))
}

/// A client that continues the trace in whatever it calls.
fn payment(url: String) -> Result<PaymentClient<Client<Channel>>, Error> {
    let layer = ClientLayer::new().target(url.clone());
    let channel = Endpoint::from_shared(url)?.connect_lazy();
    Ok(PaymentClient::new(tower::Layer::layer(&layer, channel)))
}

async fn place(State(shop): State<Shop>, Json(cart): Json<Cart>) -> Result<String, BadGateway> {
    validate(&cart).await;
    let (_, cents) = tokio::try_join!(shop.reserve(&cart.items), shop.price(&cart.items))?;
    let number = shop.orders.fetch_add(1, Ordering::Relaxed);
    shop.pay(Order { id: number, cents }).await?;
    let (count, plural) = (cart.items.len(), if cart.items.len() == 1 { "" } else { "s" });
    shop.tell_fulfilment(OrderPlaced { number, items: cart.items }).await;
    Ok(format!("{count} item{plural} for {}.{:02}", cents / 100, cents % 100))
}

#[instrument(skip_all, fields(items = cart.items.len() as i64))]
async fn validate(cart: &Cart) {
    super::work(6).await;
}

impl Shop {
    #[instrument(skip_all)]
    async fn reserve(&self, items: &[String]) -> Result<(), BadGateway> {
        let url = format!("{}/reservations", self.inventory);
        self.http.post(url).json(items).send().await?.error_for_status()?;
        Ok(())
    }

    #[instrument(skip_all)]
    async fn price(&self, items: &[String]) -> Result<u32, BadGateway> {
        let mut total = 0;
        for item in items {
            let url = format!("{}/prices/{item}", self.pricing);
            let price: u32 = self.http.get(url).send().await?.error_for_status()?.json().await?;
            total += price;
        }
        Ok(total)
    }

    #[instrument(skip_all)]
    async fn pay(&self, order: Order) -> Result<String, BadGateway> {
        let receipt = self.payment.clone().pay(order).await?;
        Ok(receipt.into_inner().number)
    }

    /// The order is paid for, so what goes wrong here is not the customer's to know.
    async fn tell_fulfilment(&self, order: OrderPlaced) {
        if let Err(error) = self.fulfilment.put(order).await {
            tracing::error!(%error, "fulfilment was not told");
        }
    }
}
