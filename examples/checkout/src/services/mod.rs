//! The services, each an ordinary axum application.

use std::fmt;
use std::net::Ipv4Addr;

use axum::Router;
use http::{HeaderName, StatusCode};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tracewire::prometheus::Metrics;

use crate::Error;

mod bank_api;
mod checkout;
mod fulfilment;
mod gateway;
mod inventory;
pub(crate) mod orders;
mod payment;
mod pricing;

/// Variables by which a process is told what to be.
pub(crate) const SERVICE: &str = "CHECKOUT_SERVICE";
pub(crate) const DATABASE_URL: &str = "DATABASE_URL";
pub(crate) const REDIS_URL: &str = "REDIS_URL";
pub(crate) const BROKER_URL: &str = "BROKER_URL";
pub(crate) const SLOW: &str = "CHECKOUT_SLOW";
pub(crate) const OUT_OF_ORDER: &str = "CHECKOUT_OUT_OF_ORDER";
pub(crate) const DROP_HEADERS: &str = "CHECKOUT_DROP_HEADERS";
pub(crate) const METRICS: &str = "CHECKOUT_METRICS";

/// One of the six, or the seventh, which is a process only where there is a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Gateway,
    Checkout,
    Inventory,
    Pricing,
    Payment,
    BankApi,
    Fulfilment,
}

impl Service {
    /// Those that a request passes through.
    pub(crate) const CALLEES_FIRST: [Self; 6] = [
        Self::BankApi,
        Self::Payment,
        Self::Pricing,
        Self::Inventory,
        Self::Checkout,
        Self::Gateway,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Checkout => "checkout",
            Self::Inventory => "inventory",
            Self::Pricing => "pricing",
            Self::Payment => "payment",
            Self::BankApi => "bank-api",
            Self::Fulfilment => "fulfilment",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::CALLEES_FIRST.into_iter().find(|service| service.name() == name)
    }

    /// The service that this process was started to be.
    pub(crate) fn of_this_process() -> Option<Self> {
        let name = std::env::var(SERVICE).ok()?;
        let fulfilment = Some(Self::Fulfilment).filter(|service| service.name() == name);
        fulfilment.or_else(|| Self::named(&name))
    }

    /// The variable that tells the others where it is.
    pub(crate) fn url_variable(self) -> String {
        format!("{}_URL", self.name().to_uppercase().replace('-', "_"))
    }

    /// Where it is.
    fn url(self) -> Result<String, Error> {
        let variable = self.url_variable();
        std::env::var(&variable).map_err(|_| format!("{variable} is not set").into())
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Runs a service until its input ends.
pub(crate) async fn run(service: Service) -> Result<(), Error> {
    let metrics = is_set(METRICS).then(Metrics::new);
    let settings = tracewire::sdk::builder();
    let settings = match &metrics {
        Some(metrics) => settings.prometheus(metrics),
        None => settings,
    };
    let _telemetry = settings.init()?;
    let serve = |app| serve(app, metrics.clone());
    let http = tracewire::axum::ServerLayer::new().trace_response();
    match service {
        Service::Fulfilment => fulfilment::run().await,
        Service::Checkout if orders::have_broker() => {
            let outbox = orders::Outbox::of_broker().await?;
            serve(checkout::app(outbox)?.layer(http)).await
        }
        Service::Checkout => {
            let (outbox, worker) = fulfilment::in_process();
            serve(checkout::app(outbox)?.layer(http)).await?;
            Ok(worker.await?)
        }
        Service::Gateway => serve(gateway::app()?.layer(http)).await,
        Service::Inventory => serve(inventory::app().await?.layer(http)).await,
        Service::Pricing => serve(pricing::app().await?.layer(http)).await,
        Service::Payment => {
            serve(payment::app()?.layer(tracewire::tonic::ServerLayer::new())).await
        }
        Service::BankApi => serve(bank_api::app().layer(http)).await,
    }
}

async fn serve(app: Router, metrics: Option<Metrics>) -> Result<(), Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("http://{}", listener.local_addr()?);
    let app = if is_set(DROP_HEADERS) { forgetful(app) } else { app };
    // Behind the layer, so that being asked for metrics is not measured.
    let app = match metrics {
        Some(metrics) => app.route("/metrics", axum::routing::get(metrics)),
        None => app,
    };
    axum::serve(listener, app).with_graceful_shutdown(input_ends()).await?;
    Ok(())
}

async fn input_ends() {
    let mut rest = Vec::new();
    let _ = tokio::io::stdin().read_to_end(&mut rest).await;
}

/// A service behind a proxy that lets no header through which it does not know: a common way to
/// lose a trace.
fn forgetful(app: Router) -> Router {
    let forget = tower::util::MapRequestLayer::new(|mut request: axum::extract::Request| {
        for name in ["traceparent", "tracestate", "baggage"] {
            request.headers_mut().remove(HeaderName::from_static(name));
        }
        request
    });
    app.layer(forget)
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some()
}

/// A client that continues the trace in whatever it calls.
fn http_client() -> reqwest_middleware::ClientWithMiddleware {
    reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
        .with(tracewire::reqwest::Middleware::new())
        .build()
}

/// Something between work and a database; each service has its own pace.
async fn work(milliseconds: u64) {
    tokio::time::sleep(std::time::Duration::from_millis(milliseconds)).await;
}

/// A service that was called did not do its part.
#[derive(Debug)]
struct BadGateway;

impl axum::response::IntoResponse for BadGateway {
    fn into_response(self) -> axum::response::Response {
        StatusCode::BAD_GATEWAY.into_response()
    }
}

impl From<reqwest_middleware::Error> for BadGateway {
    fn from(error: reqwest_middleware::Error) -> Self {
        tracing::debug!(%error, "the call failed");
        Self
    }
}

impl From<redis::RedisError> for BadGateway {
    fn from(error: redis::RedisError) -> Self {
        tracing::debug!(%error, "the cache failed");
        Self
    }
}

impl From<tonic::Status> for BadGateway {
    fn from(status: tonic::Status) -> Self {
        tracing::debug!(%status, "the call failed");
        Self
    }
}

impl From<reqwest::Error> for BadGateway {
    fn from(error: reqwest::Error) -> Self {
        reqwest_middleware::Error::from(error).into()
    }
}
