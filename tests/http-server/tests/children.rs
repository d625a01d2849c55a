//! Whatever makes a span while a request is served makes a child of its span.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt as _, TraceContextExt as _, TracerProvider as _};
use tokio::sync::Notify;
use tower::{Layer, Service};
use tracewire::test::{Capture, expect};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::bodies::{Script, Step};
use crate::support::{Site, mark, request, soon};

/// A layer that makes a span in each step of a service's life, and more in its future's drop.
#[derive(Clone)]
struct Marking(Capture);

#[derive(Clone)]
struct Marked<S> {
    inner: S,
    capture: Capture,
}

struct MarkedFuture<F> {
    inner: Pin<Box<F>>,
    polled: bool,
    capture: Capture,
}

impl<S> Layer<S> for Marking {
    type Service = Marked<S>;

    fn layer(&self, inner: S) -> Marked<S> {
        Marked { inner, capture: self.0.clone() }
    }
}

impl<S: Service<Request>> Service<Request> for Marked<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = MarkedFuture<S::Future>;

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        mark(&self.capture, "in call");
        let inner = Box::pin(self.inner.call(request));
        MarkedFuture { inner, polled: false, capture: self.capture.clone() }
    }
}

impl<F: Future> Future for MarkedFuture<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<F::Output> {
        if !std::mem::replace(&mut self.polled, true) {
            mark(&self.capture, "in poll");
        }
        self.inner.as_mut().poll(task)
    }
}

impl<F> Drop for MarkedFuture<F> {
    fn drop(&mut self) {
        mark(&self.capture, "in drop of the future");
    }
}

fn named(names: &[&'static str]) -> expect::Span {
    let root = expect::span("GET /").server();
    names.iter().fold(root, |root, name| root.child(expect::span(*name)))
}

#[tokio::test]
async fn every_step_is_inside() {
    let capture = Capture::new();
    let of_handler = capture.clone();
    let handler = async move || {
        mark(&of_handler, "in handler");
        tokio::task::yield_now().await;
        mark(&of_handler, "after an await");
        let steps =
            [Step::Span("in body"), Step::Pending, Step::Span("later in body"), Step::Data("end")];
        Response::new(Body::new(Script::new(&of_handler, steps).marks_drop("in drop of the body")))
    };
    let marking = Marking(capture.clone());
    let site = Site::recording(capture, |layer| {
        Router::new().route("/", get(handler)).layer(marking).layer(layer)
    })
    .await;
    site.get("/", &[]).await;
    let names = [
        "in call",
        "in poll",
        "in handler",
        "after an await",
        "in drop of the future",
        "in body",
        "later in body",
        "in drop of the body",
    ];
    site.assert(named(&names).status(200), 1 + names.len()).await;
}

#[tokio::test]
async fn clean_up_after_a_cancel_is_inside() {
    let capture = Capture::new();
    let begun = Arc::new(Notify::new());
    let tell_begun = begun.clone();
    let handler = async move || {
        tell_begun.notify_one();
        std::future::pending::<()>().await;
    };
    let marking = Marking(capture.clone());
    let site = Site::recording(capture, |layer| {
        Router::new().route("/", get(handler)).layer(marking).layer(layer)
    })
    .await;
    let mut connection = site.connect().await;
    connection.send(request("GET", "/", &[])).await;
    soon(begun.notified()).await;
    drop(connection);
    let names = ["in call", "in poll", "in drop of the future"];
    site.assert(named(&names).error("cancelled"), 1 + names.len()).await;
}

#[tokio::test]
async fn clean_up_of_half_a_body_is_inside() {
    let capture = Capture::new();
    let of_handler = capture.clone();
    let handler = async move || {
        let steps = [Step::Span("in body"), Step::Hang];
        Response::new(Body::new(Script::new(&of_handler, steps).marks_drop("in drop of the body")))
    };
    let site =
        Site::recording(capture, |layer| Router::new().route("/", get(handler)).layer(layer)).await;
    let mut connection = site.connect().await;
    connection.send(request("GET", "/", &[])).await;
    connection.until("in body\r\n").await;
    drop(connection);
    let expected = named(&["in body", "in drop of the body"]).status(200).error("cancelled");
    site.assert(expected, 3).await;
}

/// After the span has ended its context is still what the body runs in.
#[tokio::test]
async fn what_comes_after_the_end_is_still_below() {
    let capture = Capture::new();
    let of_handler = capture.clone();
    let handler = async move || {
        let steps = [Step::Span("in body"), Step::Data("end")];
        Response::new(Body::new(Script::new(&of_handler, steps).marks_drop("in drop of the body")))
    };
    let site = Site::recording(capture, |layer| {
        Router::new().route("/", get(handler)).layer(layer.end_at_head())
    })
    .await;
    site.get("/", &[]).await;
    site.assert(named(&["in body", "in drop of the body"]).status(200), 3).await;
}

#[tokio::test]
async fn a_task_takes_the_context_along_when_told_to() {
    let capture = Capture::new();
    let of_handler = capture.clone();
    let handler = async move || {
        let capture = of_handler.clone();
        let work = async move { mark(&capture, "in task") };
        tokio::spawn(work.with_context(Context::current())).await.unwrap();
    };
    let site =
        Site::recording(capture, |layer| Router::new().route("/", get(handler)).layer(layer)).await;
    site.get("/", &[]).await;
    site.assert(named(&["in task"]).status(200), 2).await;
}

fn active() -> bool {
    Context::current().has_active_span()
}

/// Nothing is current outside: not before, between or after requests of a connection.
#[tokio::test]
async fn nothing_is_current_outside() {
    let site = Site::new(|layer| {
        let outside = async |request: Request, next: axum::middleware::Next| {
            assert!(!active());
            let response = next.run(request).await;
            assert!(!active());
            response
        };
        let inside = async || if active() { "inside" } else { "outside" };
        Router::new().route("/", get(inside)).layer(layer).layer(axum::middleware::from_fn(outside))
    })
    .await;
    for _ in 0..3 {
        assert_eq!(site.get("/", &[]).await.body(), "inside");
        assert!(!active());
    }
    site.settled(3).await;
}

#[tracing::instrument]
async fn load_order() {
    tokio::task::yield_now().await;
    price_order();
}

#[tracing::instrument]
fn price_order() {}

/// The application's own spans are `tracing`'s; ours are not. They make one tree.
#[tokio::test]
async fn spans_of_tracing_are_inside() {
    let capture = Capture::new();
    let layer =
        tracing_opentelemetry::layer().with_tracer(capture.provider().tracer("application"));
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let of_handler = capture.clone();
    let handler = async move || {
        load_order().await;
        let capture = of_handler.clone();
        let chunks = futures_util::stream::once(async move {
            let span = tracing::info_span!("chunk");
            span.in_scope(|| mark(&capture, "below chunk"));
            Ok::<_, Infallible>("text")
        });
        Body::from_stream(chunks).into_response()
    };
    let site =
        Site::recording(capture, |layer| Router::new().route("/", get(handler)).layer(layer)).await;
    site.get("/", &[]).await;
    let expected = expect::span("GET /")
        .server()
        .status(200)
        .child(expect::span("load_order").child(expect::span("price_order")))
        .child(expect::span("chunk").child(expect::span("below chunk")));
    site.assert(expected, 5).await;
}

/// A span of `tracing` that is entered around the server, a connection's say, is nobody's parent.
#[tokio::test]
async fn a_span_around_the_server_is_not_the_parent() {
    let capture = Capture::new();
    let layer =
        tracing_opentelemetry::layer().with_tracer(capture.provider().tracer("application"));
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let handler = async || load_order().await;
    let site = Site::recording(capture, |layer| {
        let app = Router::new().route("/", get(handler)).layer(layer);
        app.layer(axum::middleware::from_fn(
            async |request: Request, next: axum::middleware::Next| {
                use tracing::Instrument as _;
                next.run(request).instrument(tracing::info_span!("connection")).await
            },
        ))
    })
    .await;
    site.get("/", &[]).await;
    site.settled(4).await;
    let traces = site.capture.traces();
    assert_eq!(traces.len(), 2);
    traces[0].assert(expect::span("connection"));
    traces[1].assert(
        expect::span("GET /")
            .server()
            .status(200)
            .child(expect::span("load_order").child(expect::span("price_order"))),
    );
}
