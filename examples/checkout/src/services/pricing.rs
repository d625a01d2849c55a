//! Knows what things cost.

use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use tracing::instrument;

pub(super) fn app() -> Router {
    Router::new().route("/prices/{item}", get(price))
}

async fn price(Path(item): Path<String>) -> Json<u64> {
    Json(apply_discounts(&item).await)
}

#[instrument(skip_all)]
async fn apply_discounts(item: &str) -> u64 {
    super::work(14).await;
    995 + 100 * item.len() as u64
}
