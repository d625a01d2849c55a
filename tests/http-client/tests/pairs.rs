//! Clients and servers together, many at a time: every pair is matched.

use std::collections::HashSet;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::get as route;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client as HyperClient, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use reqwest_middleware::ClientWithMiddleware;
use tower::{Layer, ServiceExt};
use tracewire::http::Client;
use tracewire::reqwest::Middleware;
use tracewire::test::{Capture, Trace, expect};
use tracing::instrument::WithSubscriber;
use tracing_subscriber::layer::SubscriberExt;

use crate::support::{Server, error_type, get, layer, only, reqwest_client, text};

const REQUESTS: usize = 200;

type Hyper = Client<HyperClient<HttpConnector, Full<Bytes>>>;

fn hyper_client(capture: &Capture, http2: bool) -> Hyper {
    let client = HyperClient::builder(TokioExecutor::new()).http2_only(http2).build_http();
    layer!(hyper, capture).layer(client)
}

fn reqwest_with(capture: &Capture) -> ClientWithMiddleware {
    reqwest_middleware::ClientBuilder::new(reqwest_client())
        .with(Middleware::from(layer!(reqwest, capture)))
        .build()
}

#[tracing::instrument(skip_all)]
async fn price_of(client: &Hyper, url: String) -> String {
    let response = client.clone().oneshot(get(&url)).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8_lossy(&body).into_owned()
}

/// A shop that asks a second server for the price.
async fn shop(capture: &Capture, http2: bool) -> (Server, Server) {
    let layer = || tracewire::axum::ServerLayer::new().telemetry(&capture.telemetry());
    let prices = async |Path(id): Path<usize>| {
        tokio::task::yield_now().await;
        format!("{id} costs {}", id * 2)
    };
    let prices =
        Server::new(Router::new().route("/prices/{id}", route(prices)).layer(layer())).await;
    let address = prices.address();
    let order = async move |State(client): State<Hyper>, Path(id): Path<usize>| {
        price_of(&client, format!("http://{address}/prices/{id}")).await
    };
    let app = Router::new()
        .route("/orders/{id}", route(order))
        .layer(layer())
        .with_state(hyper_client(capture, http2));
    (Server::new(app).await, prices)
}

/// The number at the end of each path in a trace.
fn ids(trace: &Trace) -> HashSet<String> {
    let path = |span: &&opentelemetry_sdk::trace::SpanData| {
        text(span, "url.full").or_else(|| text(span, "url.path"))
    };
    let last = |path: String| path.rsplit('/').next().unwrap().to_owned();
    trace.spans().iter().filter_map(path).map(last).collect()
}

fn check(capture: &Capture) {
    let pair = |name: &'static str, inner: Option<expect::Span>| {
        let server = expect::span(name).server().status(200);
        let server = match inner {
            Some(inner) => server.child(inner),
            None => server,
        };
        expect::span("GET").client().status(200).child(server)
    };
    let traces = capture.traces();
    assert_eq!(traces.len(), REQUESTS);
    let mut seen = HashSet::new();
    for trace in traces {
        trace.assert(pair("GET /orders/{id}", Some(pair("GET /prices/{id}", None))));
        let ids = ids(&trace);
        assert_eq!(ids.len(), 1, "{trace}");
        seen.extend(ids);
    }
    assert_eq!(seen.len(), REQUESTS);
    assert_eq!(capture.open(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_at_a_time_through_hyper() {
    for http2 in [false, true] {
        let capture = Capture::new();
        let (shop, _prices) = shop(&capture, http2).await;
        let client = hyper_client(&capture, http2);
        let orders = (0..REQUESTS).map(|id| {
            let (client, url) = (client.clone(), shop.url(&format!("/orders/{id}")));
            tokio::spawn(async move {
                let response = client.oneshot(get(&url)).await.unwrap();
                let body = response.into_body().collect().await.unwrap().to_bytes();
                assert_eq!(body, format!("{id} costs {}", id * 2));
            })
        });
        for order in join_all(orders).await {
            order.unwrap();
        }
        capture.ended(REQUESTS * 4).await;
        check(&capture);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_at_a_time_through_reqwest() {
    let capture = Capture::new();
    let (shop, _prices) = shop(&capture, false).await;
    let client = reqwest_with(&capture);
    let orders = (0..REQUESTS).map(|id| {
        let (client, url) = (client.clone(), shop.url(&format!("/orders/{id}")));
        tokio::spawn(async move {
            let body = client.get(&url).send().await.unwrap().text().await.unwrap();
            assert_eq!(body, format!("{id} costs {}", id * 2));
        })
    });
    for order in join_all(orders).await {
        order.unwrap();
    }
    capture.ended(REQUESTS * 4).await;
    check(&capture);
}

#[tokio::test]
async fn side_by_side_in_one_task() {
    let capture = Capture::new();
    let (shop, _prices) = shop(&capture, true).await;
    let client = hyper_client(&capture, true);
    let orders = (0..REQUESTS).map(|id| {
        let (client, url) = (client.clone(), shop.url(&format!("/orders/{id}")));
        async move { client.oneshot(get(&url)).await.unwrap().into_body().collect().await.unwrap() }
    });
    join_all(orders).await;
    capture.ended(REQUESTS * 4).await;
    check(&capture);
}

#[tokio::test]
async fn instrumented_functions_stand_between_server_and_client() {
    let capture = Capture::new();
    let tracer = opentelemetry::trace::TracerProvider::tracer(capture.provider(), "app");
    let subscriber = tracing_subscriber::registry()
        .with(tracing_opentelemetry::layer().with_tracer(tracer))
        .with(tracing_subscriber::filter::LevelFilter::INFO);
    let prices =
        Router::new().route("/prices/{id}", route(async |Path(id): Path<usize>| id.to_string()));
    let layer = || tracewire::axum::ServerLayer::new().telemetry(&capture.telemetry());
    let prices = Server::new(prices.layer(layer())).await;
    let client = hyper_client(&capture, false);
    let url = prices.url("/prices/7");
    let order = async move || price_of(&client, url).await;
    let app = Router::new().route("/orders", route(order)).layer(layer());
    // In process, as the subscriber is that of this task.
    let request = axum::http::Request::get("/orders").body(axum::body::Body::empty()).unwrap();
    async {
        let response = app.oneshot(request).await.unwrap();
        response.into_body().collect().await.unwrap();
    }
    .with_subscriber(subscriber)
    .await;
    capture.ended(4).await;
    capture.assert(
        expect::span("GET /orders").server().status(200).child(
            expect::span("price_of").internal().child(
                expect::span("GET")
                    .client()
                    .status(200)
                    .child(expect::span("GET /prices/{id}").server().status(200)),
            ),
        ),
    );
}

#[tokio::test]
async fn a_client_that_leaves_cancels_the_server() {
    // Before the head, and in the middle of the body; over HTTP/1 and HTTP/2.
    for http2 in [false, true] {
        for path in ["/never", "/endless"] {
            let (client_side, server_side) = (Capture::new(), Capture::new());
            let endless = async || {
                let chunk = || async { Some((Ok::<_, std::io::Error>("more"), ())) };
                Body::from_stream(futures_util::stream::unfold((), move |()| async move {
                    tokio::task::yield_now().await;
                    chunk().await
                }))
            };
            let app = Router::new()
                .route("/never", route(async || std::future::pending::<()>().await))
                .route("/endless", route(endless))
                .layer(tracewire::axum::ServerLayer::new().telemetry(&server_side.telemetry()));
            let server = Server::new(app).await;
            let request = get(&server.url(path));
            let mut sending = Box::pin(hyper_client(&client_side, http2).oneshot(request));
            if path == "/never" {
                while server_side.open() == 0 {
                    assert!(sending.as_mut().now_or_never().is_none());
                    tokio::task::yield_now().await;
                }
                drop(sending);
            } else {
                let mut response = sending.await.unwrap();
                response.frame().await.unwrap().unwrap();
            }
            client_side.ended(1).await;
            server_side.ended(1).await;
            let (client, server) = (only(&client_side), only(&server_side));
            assert_eq!(error_type(&client), None, "{path}, HTTP/2: {http2}");
            assert_eq!(
                error_type(&server).as_deref(),
                Some("cancelled"),
                "{path}, HTTP/2: {http2}"
            );
            assert_eq!(server.parent_span_id, client.span_context.span_id());
        }
    }
}
