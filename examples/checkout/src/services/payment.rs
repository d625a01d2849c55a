//! Takes the money, with the help of a bank.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use reqwest_middleware::ClientWithMiddleware;
use serde::{Deserialize, Serialize};
use tracing::instrument;

use super::{BadGateway, Service};
use crate::Error;

#[derive(Clone)]
struct Till {
    http: ClientWithMiddleware,
    bank: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct Payment {
    cents: u64,
}

pub(super) fn app() -> Result<Router, Error> {
    let till = Till { http: super::http_client(), bank: Service::BankApi.url()? };
    Ok(Router::new().route("/payments", post(pay)).with_state(till))
}

async fn pay(
    State(till): State<Till>,
    Json(payment): Json<Payment>,
) -> Result<StatusCode, BadGateway> {
    assess_risk(&payment).await;
    let url = format!("{}/authorizations", till.bank);
    till.http.post(url).json(&payment).send().await?.error_for_status()?;
    Ok(StatusCode::CREATED)
}

#[instrument(skip_all, fields(cents = payment.cents as i64))]
async fn assess_risk(payment: &Payment) {
    super::work(11).await;
}
