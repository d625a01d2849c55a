//! Panics: in a call, in its future, in a body, in a drop; with something to catch them and without.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use tokio::sync::Notify;
use tower::Service;
use tower_http::catch_panic::CatchPanicLayer;
use tracewire::axum::ServerLayer;
use tracewire::test::{Capture, expect};

use crate::support::bodies::{Script, Step};
use crate::support::{Site, request, soon};

/// Answers in a call that panics before it has a future.
#[derive(Clone)]
struct PanicsInCall;

impl Service<Request> for PanicsInCall {
    type Response = Response;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request) -> Self::Future {
        panic!("the call panics")
    }
}

async fn panics() -> Response {
    tokio::task::yield_now().await;
    panic!("the future panics")
}

fn panicking() -> Router {
    Router::new().route("/future", get(panics)).route_service("/call", PanicsInCall)
}

#[tokio::test]
async fn a_panic_that_nobody_catches_ends_the_span() {
    for path in ["/future", "/call"] {
        let site = Site::new(|layer| panicking().layer(layer)).await;
        assert_eq!(site.get(path, &[]).await.0, "");
        let expected = expect::span(format!("GET {path}"))
            .server()
            .error("panic")
            .without("http.response.status_code");
        site.assert(expected, 1).await;
    }
}

#[tokio::test]
async fn a_panic_caught_further_out_ends_the_span_as_one() {
    for path in ["/future", "/call"] {
        let site = Site::new(|layer| panicking().layer(layer).layer(CatchPanicLayer::new())).await;
        assert_eq!(site.get(path, &[]).await.status(), 500);
        let expected = expect::span(format!("GET {path}"))
            .server()
            .error("panic")
            .without("http.response.status_code");
        site.assert(expected, 1).await;
    }
}

#[tokio::test]
async fn a_panic_caught_further_in_is_a_status_code() {
    for path in ["/future", "/call"] {
        let site = Site::new(|layer| panicking().layer(CatchPanicLayer::new()).layer(layer)).await;
        assert_eq!(site.get(path, &[]).await.status(), 500);
        site.assert(expect::span(format!("GET {path}")).server().status(500), 1).await;
    }
}

#[tokio::test]
async fn a_panic_of_a_body_ends_the_span() {
    for (status, layers) in [(200, 0), (200, 1), (404, 0), (500, 0)] {
        let capture = Capture::new();
        let of_handler = capture.clone();
        let streams = async move || {
            let script = Script::new(&of_handler, [Step::Data("a"), Step::Pending, Step::Panic]);
            (StatusCode::from_u16(status).unwrap(), Body::new(script)).into_response()
        };
        let site = Site::recording(capture, |layer: ServerLayer| {
            let app = Router::new().route("/", get(streams)).layer(layer);
            if layers == 1 { app.layer(CatchPanicLayer::new()) } else { app }
        })
        .await;
        let mut connection = site.connect().await;
        connection.send(request("GET", "/", &[])).await;
        connection.rest().await;
        site.assert(expect::span("GET /").server().status(status).error("panic"), 1).await;
    }
}

/// Tells that it is being dropped, and panics.
struct PanicsInDrop(Arc<Notify>);

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        self.0.notify_one();
        if !std::thread::panicking() {
            panic!("the drop panics");
        }
    }
}

#[tokio::test]
async fn a_panic_while_a_cancelled_future_is_dropped() {
    let (begun, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell_begun, tell_dropped) = (begun.clone(), dropped.clone());
    let waits = async move || {
        let _panics = PanicsInDrop(tell_dropped.clone());
        tell_begun.notify_one();
        std::future::pending::<()>().await;
    };
    let site = Site::new(|layer| Router::new().route("/", get(waits)).layer(layer)).await;
    let mut connection = site.connect().await;
    connection.send(request("GET", "/", &[])).await;
    soon(begun.notified()).await;
    drop(connection);
    soon(dropped.notified()).await;
    site.assert(expect::span("GET /").server().error("panic"), 1).await;
}

#[tokio::test]
async fn a_panic_while_a_cancelled_body_is_dropped() {
    let dropped = Arc::new(Notify::new());
    let tell_dropped = dropped.clone();
    let streams = async move || {
        let panics = PanicsInDrop(tell_dropped.clone());
        let endless = stream::repeat_with(move || {
            let _ = &panics;
            Ok::<_, Infallible>("chunk ".repeat(512))
        });
        Body::from_stream(endless.boxed())
    };
    let site = Site::new(|layer| Router::new().route("/", get(streams)).layer(layer)).await;
    let mut connection = site.connect().await;
    connection.send(request("GET", "/", &[])).await;
    connection.until("chunk ").await;
    drop(connection);
    soon(dropped.notified()).await;
    site.assert(expect::span("GET /").server().status(200).error("panic"), 1).await;
}

/// The panic of one request is not that of the next one on the same thread.
#[tokio::test]
async fn the_next_request_is_not_touched() {
    let site =
        Site::new(|layer| panicking().route("/fine", get(async || "fine")).layer(layer)).await;
    site.get("/future", &[]).await;
    site.capture.ended(1).await;
    assert_eq!(site.get("/fine", &[]).await.body(), "fine");
    site.settled(2).await;
    let traces = site.capture.traces();
    traces[0].assert(expect::span("GET /future").server().error("panic"));
    traces[1].assert(expect::span("GET /fine").server().status(200));
}
