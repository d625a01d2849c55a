//! The gateway: answers with what the service behind it says.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use http::StatusCode;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use tokio::io::{AsyncReadExt as _, stdin};
use tokio::net::TcpListener;
use tracewire::axum::ServerLayer;
use tracewire::reqwest::Middleware;
use tracewire::sdk::Guard;

use crate::Error;

/// Set for a gateway that has nothing to do with tracing.
pub(crate) const BARE: &str = "GATEWAY_BARE";

/// Serves until its input ends. Prints its port, and at the end of its spans how many parts in a million were lost.
pub(crate) fn run(upstream: &str) -> Result<(), Error> {
    // The other processor is for those that call it and are called.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    if std::env::var_os(BARE).is_some() {
        runtime.block_on(serve(app(ClientBuilder::new(reqwest::Client::new()), upstream)))?;
        println!("0");
        return Ok(());
    }
    let telemetry: Guard = tracewire::sdk::init()?;
    let client = ClientBuilder::new(reqwest::Client::new()).with(Middleware::new());
    runtime.block_on(serve(app(client, upstream).layer(ServerLayer::new())))?;
    let stats = telemetry.shutdown();
    println!("{}", stats.dropped * 1_000_000 / stats.started.max(1));
    Ok(())
}

fn app(client: ClientBuilder, upstream: &str) -> Router {
    Router::new().route("/users/{id}", get(user)).with_state((client.build(), upstream.to_owned()))
}

async fn user(
    State((client, upstream)): State<(ClientWithMiddleware, String)>,
    Path(id): Path<String>,
) -> Result<String, StatusCode> {
    let answer = client.get(format!("{upstream}/users/{id}")).send().await;
    let answer = answer.map_err(|_| StatusCode::BAD_GATEWAY)?;
    answer.text().await.map_err(|_| StatusCode::BAD_GATEWAY)
}

async fn serve(app: Router) -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    let end_of_input = async { drop(stdin().read(&mut [0]).await) };
    axum::serve(listener, app).with_graceful_shutdown(end_of_input).await?;
    Ok(())
}
