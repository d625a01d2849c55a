//! Knows what things cost, or asks a cache.

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;
use tracewire::redis::{Config, Connection};
use tracing::instrument;

use super::BadGateway;
use crate::Error;

pub(super) async fn app() -> Result<Router, Error> {
    let url = std::env::var(super::REDIS_URL)?;
    let client = redis::Client::open(url)?;
    let mut plain = client.get_connection_manager().await?;
    // The kettle has been asked for before, the teapot has not.
    let () = plain.set("price:kettle", price_of("kettle")).await?;
    let config = Config::new().server(client.get_connection_info()).cache_hit();
    let cache = Connection::with_config(plain, &config);
    Ok(Router::new().route("/prices/{item}", get(price)).with_state(cache))
}

async fn price(
    State(mut cache): State<Connection<ConnectionManager>>,
    Path(item): Path<String>,
) -> Result<Json<u32>, BadGateway> {
    let key = format!("price:{item}");
    if let Some(known) = cache.get(&key).await? {
        return Ok(Json(known));
    }
    let price = apply_discounts(&item).await;
    let () = cache.set(&key, price).await?;
    Ok(Json(price))
}

#[instrument(skip_all)]
async fn apply_discounts(item: &str) -> u32 {
    super::work(14).await;
    price_of(item)
}

fn price_of(item: &str) -> u32 {
    995 + 100 * item.len() as u32
}
