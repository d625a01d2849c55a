//! Takes the money, with the help of a bank. It speaks gRPC.

use axum::Router;
use grpc_example::shop::payment_server::{Payment, PaymentServer};
use grpc_example::shop::{Order, Progress, Receipt};
use reqwest_middleware::ClientWithMiddleware;
use serde::Serialize;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tracing::instrument;

use super::{BadGateway, Service};
use crate::Error;

#[derive(Clone)]
struct Till {
    http: ClientWithMiddleware,
    bank: String,
}

#[derive(Debug, Serialize)]
struct Authorization {
    cents: u32,
}

pub(super) fn app() -> Result<Router, Error> {
    let till = Till { http: super::http_client(), bank: Service::BankApi.url()? };
    Ok(Routes::new(PaymentServer::new(till)).into_axum_router())
}

#[tonic::async_trait]
impl Payment for Till {
    async fn pay(&self, request: Request<Order>) -> Result<Response<Receipt>, Status> {
        let order = request.into_inner();
        assess_risk(&order).await;
        let authorization = self.authorize(order.cents).await;
        authorization.map_err(|_| Status::unavailable("the bank does not answer"))?;
        Ok(Response::new(Receipt { number: format!("R-{}", order.id) }))
    }

    type WatchStream = tokio_stream::Empty<Result<Progress, Status>>;

    async fn watch(&self, _: Request<Receipt>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("payments are made at once"))
    }
}

impl Till {
    async fn authorize(&self, cents: u32) -> Result<(), BadGateway> {
        let url = format!("{}/authorizations", self.bank);
        self.http.post(url).json(&Authorization { cents }).send().await?.error_for_status()?;
        Ok(())
    }
}

#[instrument(skip_all, fields(cents = order.cents))]
async fn assess_risk(order: &Order) {
    super::work(11).await;
}
