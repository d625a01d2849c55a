//! Whom the gateway calls: a service that knows its user at once, and a Collector that forgets what it gets.

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use http_body_util::BodyExt as _;
use tokio::net::TcpListener;

use crate::Error;

/// Its URL.
pub(crate) async fn start() -> Result<String, Error> {
    let app = Router::new()
        .route("/users/{id}", get(async || "a user"))
        .route("/v1/traces", post(forget))
        .route("/v1/metrics", post(forget));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(url)
}

async fn forget(mut body: Body) {
    while let Some(Ok(_)) = body.frame().await {}
}
