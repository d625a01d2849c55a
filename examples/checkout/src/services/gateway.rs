//! The public edge: passes a checkout on.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use reqwest_middleware::ClientWithMiddleware;

use super::{BadGateway, Service};
use crate::Error;

#[derive(Clone)]
struct Gateway {
    http: ClientWithMiddleware,
    checkout: String,
}

pub(super) fn app() -> Result<Router, Error> {
    let gateway = Gateway { http: super::http_client(), checkout: Service::Checkout.url()? };
    Ok(Router::new().route("/checkout", post(check_out)).with_state(gateway))
}

async fn check_out(State(gateway): State<Gateway>, cart: Bytes) -> Result<String, BadGateway> {
    let url = format!("{}/orders", gateway.checkout);
    let request = gateway.http.post(url).header("content-type", "application/json").body(cart);
    Ok(request.send().await?.error_for_status()?.text().await?)
}
