//! The bank. It has good days and bad days.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use tracing::instrument;

pub(super) fn app() -> Router {
    Router::new().route("/authorizations", post(authorize))
}

async fn authorize() -> StatusCode {
    ask_card_network().await;
    if super::is_set(super::OUT_OF_ORDER) {
        tracing::debug!("the card network does not answer");
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    StatusCode::CREATED
}

#[instrument]
async fn ask_card_network() {
    super::work(if super::is_set(super::SLOW) { 3650 } else { 180 }).await;
}
