//! Whoever goes away before a response is over has cancelled it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use futures_util::stream;
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use tokio::sync::Notify;
use tracewire::axum::ServerLayer;
use tracewire::test::{Capture, expect};

use crate::ending::{response, site};
use crate::support::bodies::{Script, Step};
use crate::support::{Site, request, soon};

/// Tells when it is dropped.
struct Gone(Arc<Notify>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn a_client_that_leaves_before_the_head_has_cancelled() {
    let (begun, gone) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell_begun, tell_gone) = (begun.clone(), gone.clone());
    let waits = async move || {
        let _gone = Gone(tell_gone.clone());
        tell_begun.notify_one();
        std::future::pending::<()>().await;
    };
    let site = Site::new(|layer| Router::new().route("/", get(waits)).layer(layer)).await;
    let mut connection = site.connect().await;
    connection.send(request("GET", "/", &[])).await;
    soon(begun.notified()).await;
    drop(connection);
    soon(gone.notified()).await;
    let expected =
        expect::span("GET /").server().without("http.response.status_code").error("cancelled");
    site.assert(expected, 1).await;
}

#[tokio::test]
async fn a_client_that_leaves_during_the_body_has_cancelled() {
    for (status, error) in [
        (StatusCode::OK, "cancelled"),
        (StatusCode::NOT_FOUND, "cancelled"),
        (StatusCode::BAD_GATEWAY, "502"),
    ] {
        // Endless: every chunk is written, so the server notices that nobody reads any more.
        let respond = move |_: &Capture| {
            let endless = stream::repeat_with(|| Ok::<_, Infallible>("chunk ".repeat(512)));
            response(status, &[], Body::from_stream(endless))
        };
        let site = site(respond, |layer| layer).await;
        let mut connection = site.connect().await;
        connection.send(request("GET", "/", &[])).await;
        connection.until("chunk ").await;
        drop(connection);
        let expected = expect::span("GET /").server().status(status.as_u16()).error(error);
        site.assert(expected, 1).await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_an_idle_stream_has_cancelled() {
    let respond = |capture: &Capture| {
        Response::new(Body::new(Script::new(capture, [Step::Data("first"), Step::Hang])))
    };
    let site = site(respond, |layer| layer).await;
    let mut connection = site.connect().await;
    connection.send(request("GET", "/", &[])).await;
    connection.until("first\r\n").await;
    drop(connection);
    site.assert(expect::span("GET /").server().status(200).error("cancelled"), 1).await;
}

#[tokio::test]
async fn half_a_body_is_a_cancel() {
    // Somebody further out reads one frame and drops the rest.
    let respond = |capture: &Capture| {
        Response::new(Body::new(Script::new(capture, [Step::Data("a"), Step::Data("b")])))
    };
    let capture = Capture::new();
    let of_handler = capture.clone();
    let app = Router::new()
        .route("/", get(async move || respond(&of_handler)))
        .layer(ServerLayer::new().telemetry(&capture.telemetry()))
        .layer(axum::middleware::map_response(async |response: Response<Body>| {
            let mut body = response.into_body();
            let first = body.frame().await.unwrap().unwrap();
            first.into_data().unwrap()
        }));
    let site = Site::serving(capture, app).await;
    assert_eq!(site.get("/", &[]).await.body(), "a");
    site.assert(expect::span("GET /").server().status(200).error("cancelled"), 1).await;
}
