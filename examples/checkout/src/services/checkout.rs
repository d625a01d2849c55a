//! Places an order: goods and prices at the same time, then the payment.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use reqwest_middleware::ClientWithMiddleware;
use serde::{Deserialize, Serialize};
use tracing::instrument;

use super::{BadGateway, Service};
use crate::Error;

#[derive(Clone, Debug)]
struct Shop {
    http: ClientWithMiddleware,
    inventory: String,
    pricing: String,
    payment: String,
}

#[derive(Debug, Deserialize)]
struct Cart {
    items: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Payment {
    cents: u64,
}

pub(super) fn app() -> Result<Router, Error> {
    let shop = Shop {
        http: super::http_client(),
        inventory: Service::Inventory.url()?,
        pricing: Service::Pricing.url()?,
        payment: Service::Payment.url()?,
    };
    Ok(Router::new().route("/orders", post(place)).with_state(shop))
}

async fn place(State(shop): State<Shop>, Json(cart): Json<Cart>) -> Result<String, BadGateway> {
    validate(&cart).await;
    let (_, cents) = tokio::try_join!(shop.reserve(&cart.items), shop.price(&cart.items))?;
    shop.pay(cents).await?;
    let (count, plural) = (cart.items.len(), if cart.items.len() == 1 { "" } else { "s" });
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
    async fn price(&self, items: &[String]) -> Result<u64, BadGateway> {
        let mut total = 0;
        for item in items {
            let url = format!("{}/prices/{item}", self.pricing);
            let price: u64 = self.http.get(url).send().await?.error_for_status()?.json().await?;
            total += price;
        }
        Ok(total)
    }

    #[instrument(skip_all)]
    async fn pay(&self, cents: u64) -> Result<(), BadGateway> {
        let url = format!("{}/payments", self.payment);
        self.http.post(url).json(&Payment { cents }).send().await?.error_for_status()?;
        Ok(())
    }
}
