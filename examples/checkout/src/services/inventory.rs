//! Knows what is in stock.

use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use tracing::instrument;

pub(super) fn app() -> Router {
    Router::new().route("/reservations", post(reserve))
}

async fn reserve(Json(items): Json<Vec<String>>) -> StatusCode {
    lock_stock(&items).await;
    StatusCode::CREATED
}

#[instrument(skip_all, fields(items = items.len() as i64))]
async fn lock_stock(items: &[String]) {
    super::work(38).await;
}
