//! Many requests on one connection, and many connections at once: no request sees another's trace.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Request};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry::trace::TraceContextExt as _;
use tower::Layer as _;
use tracewire::axum::ServerLayer;
use tracewire::test::{Capture, expect};

use crate::support::bodies::{Script, Step};
use crate::support::{
    Connection, SAMPLED, SPAN, Site, TRACE, listen, mark, request, settled, soon,
};

fn app(capture: &Capture, layer: ServerLayer) -> Router {
    let of_handler = capture.clone();
    let item = async move |Path(_): Path<u32>| {
        tokio::task::yield_now().await;
        mark(&of_handler, "in handler");
        let id = opentelemetry::Context::current().span().span_context().trace_id();
        let steps = [Step::Pending, Step::Span("in body"), Step::Pending];
        let body = Body::new(Script::new(&of_handler, steps));
        Response::builder().header("x-trace", id.to_string()).body(body).unwrap()
    };
    Router::new().route("/items/{id}", get(item)).layer(layer)
}

async fn site() -> Site {
    let capture = Capture::new();
    let of_app = capture.clone();
    Site::recording(capture, |layer| app(&of_app, layer)).await
}

fn item() -> expect::Span {
    expect::span("GET /items/{id}")
        .server()
        .status(200)
        .attribute("http.route", "/items/{id}")
        .child(expect::span("in handler"))
        .child(expect::span("in body"))
}

/// The trace id that request number `n` says it belongs to.
fn trace_id(n: usize) -> String {
    format!("{:032x}", 0x0af7_6519 + n)
}

fn parent(n: usize) -> String {
    format!("00-{}-{:016x}-01", trace_id(n), 0xb7ad + n)
}

/// Each of `count` requests made one trace of three spans below its own parent.
async fn assert_apart(capture: &Capture, count: usize) {
    settled(capture, 3 * count).await;
    let traces = capture.traces();
    assert_eq!(traces.len(), count);
    for n in 0..count {
        let id = trace_id(n);
        let trace = traces.iter().find(|trace| trace.id().to_string() == id);
        let trace = trace.unwrap_or_else(|| panic!("request {n} has no trace"));
        trace.assert(item().attribute("url.path", format!("/items/{n}")));
        let root = &trace.roots()[0].span;
        assert_eq!(root.parent_span_id.to_string(), format!("{:016x}", 0xb7ad + n));
        assert!(root.parent_span_is_remote);
    }
}

fn get_item(n: usize, address: SocketAddr) -> http::Request<Empty<Bytes>> {
    http::Request::get(format!("http://{address}/items/{n}"))
        .header("traceparent", parent(n))
        .body(Empty::new())
        .unwrap()
}

async fn read(response: Response<hyper::body::Incoming>, n: usize) {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-trace"], trace_id(n));
    assert_eq!(soon(response.into_body().collect()).await.unwrap().to_bytes(), "in body");
}

#[tokio::test]
async fn requests_one_after_another_on_a_connection() {
    let site = site().await;
    let stream = TokioIo::new(site.connect().await.into_stream());
    let (mut client, connection) = http1::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    for n in 0..5 {
        let response = soon(client.send_request(get_item(n, site.address))).await.unwrap();
        read(response, n).await;
    }
    assert_apart(&site.capture, 5).await;
}

#[tokio::test]
async fn requests_sent_before_the_first_answer() {
    let site = site().await;
    let mut connection = site.connect().await;
    let mut pipeline = String::new();
    for n in 0..5 {
        let close = if n == 4 { "Connection: close\r\n" } else { "" };
        pipeline += &format!(
            "GET /items/{n} HTTP/1.1\r\nHost: a\r\n{close}traceparent: {}\r\n\r\n",
            parent(n)
        );
    }
    connection.send(pipeline).await;
    let answers = connection.rest().await.0;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 5, "{answers}");
    assert_apart(&site.capture, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_connections_at_once() {
    let site = site().await;
    let address = site.address;
    let requests = (0..200).map(async |n| {
        let mut connection = Connection::to(address).await;
        let traceparent = format!("traceparent: {}", parent(n));
        connection.send(request("GET", &format!("/items/{n}"), &[&traceparent])).await;
        let answer = connection.rest().await;
        assert_eq!((answer.status(), answer.header("x-trace")), (200, Some(&*trace_id(n))));
    });
    join_all(requests).await;
    assert_apart(&site.capture, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_streams_of_one_connection() {
    let site = site().await;
    let stream = TokioIo::new(site.connect().await.into_stream());
    let (client, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let requests = (0..200).map(|n| {
        let (mut client, request) = (client.clone(), get_item(n, site.address));
        tokio::spawn(
            async move { read(soon(client.send_request(request)).await.unwrap(), n).await },
        )
    });
    for done in join_all(requests).await {
        done.unwrap();
    }
    assert_apart(&site.capture, 200).await;
}

#[tokio::test]
async fn what_http2_says_is_recorded() {
    let site = site().await;
    let stream = TokioIo::new(site.connect().await.into_stream());
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("https://shop.example:8443/items/7?x=1")
        .header("host", "ignored.example")
        .body(Empty::<Bytes>::new())
        .unwrap();
    let response = soon(client.send_request(request)).await.unwrap();
    soon(response.into_body().collect()).await.unwrap();
    let expected = item()
        .attribute("network.protocol.version", "2")
        .attribute("server.address", "shop.example")
        .attribute("server.port", 8443_i64)
        .attribute("url.scheme", "https")
        .attribute("url.path", "/items/7")
        .attribute("url.query", "x=1");
    site.assert(expected, 3).await;
}

#[tokio::test]
async fn trailers_over_http2_end_the_span() {
    let capture = Capture::new();
    let of_handler = capture.clone();
    let handler = async move || {
        let steps = [Step::Data("a"), Step::Pending, Step::Trailers];
        Response::new(Body::new(Script::new(&of_handler, steps)))
    };
    let site =
        Site::recording(capture, |layer| Router::new().route("/", get(handler)).layer(layer)).await;
    let stream = TokioIo::new(site.connect().await.into_stream());
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("http://a/").body(Empty::<Bytes>::new()).unwrap();
    let response = soon(client.send_request(request)).await.unwrap();
    let body = soon(response.into_body().collect()).await.unwrap();
    assert_eq!(body.trailers().unwrap()["x-checksum"], "1");
    site.assert(expect::span("GET /").server().status(200), 1).await;
}

/// A stream that is reset is a cancel, before the head and after, and the connection goes on.
#[tokio::test]
async fn a_reset_stream_has_been_cancelled() {
    let capture = Capture::new();
    let of_handler = capture.clone();
    let app = |layer| {
        let hangs = async || std::future::pending::<()>().await;
        let streams =
            async move || Body::new(Script::new(&of_handler, [Step::Data("first"), Step::Hang]));
        Router::new()
            .route("/hangs", get(hangs))
            .route("/streams", get(streams))
            .route("/fine", get(async || "fine"))
            .layer(layer)
    };
    let site = Site::recording(capture, app).await;
    let stream = TokioIo::new(site.connect().await.into_stream());
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let get = |path: &str| {
        http::Request::get(format!("http://a{path}")).body(Empty::<Bytes>::new()).unwrap()
    };
    let hanging = tokio::spawn(client.send_request(get("/hangs")));
    let mut streaming = soon(client.send_request(get("/streams"))).await.unwrap();
    soon(streaming.body_mut().frame()).await.unwrap().unwrap();
    hanging.abort();
    drop(streaming);
    site.capture.ended(2).await;
    soon(client.send_request(get("/fine"))).await.unwrap();
    site.settled(3).await;
    let mut traces = site.capture.traces();
    traces.sort_by_key(|trace| trace.roots()[0].span.name.clone());
    traces[0].assert(expect::span("GET /fine").server().status(200));
    let hangs = expect::span("GET /hangs").server().error("cancelled");
    traces[1].assert(hangs.without("http.response.status_code"));
    traces[2].assert(expect::span("GET /streams").server().status(200).error("cancelled"));
}

/// The layer around a hyper service, without axum.
#[tokio::test]
async fn a_hyper_server() {
    let capture = Capture::new();
    let listener = listen().await;
    let address = listener.local_addr().unwrap();
    let layer = tracewire::hyper::ServerLayer::new().telemetry(&capture.telemetry());
    let of_service = capture.clone();
    let server = tokio::spawn(async move {
        loop {
            let (stream, peer) = listener.accept().await.unwrap();
            let capture = of_service.clone();
            let service = hyper::service::service_fn(move |_: Request<hyper::body::Incoming>| {
                // In the call, before there is a future.
                mark(&capture, "in handler");
                let script = Script::new(&capture, [Step::Span("in body"), Step::Pending]);
                std::future::ready(Ok::<_, Infallible>(Response::new(script)))
            });
            let service = layer.layer(service);
            let service =
                hyper::service::service_fn(move |mut request: Request<hyper::body::Incoming>| {
                    request.extensions_mut().insert(tracewire::hyper::Peer(peer));
                    hyper::service::Service::call(&service, request)
                });
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            tokio::spawn(async move {
                builder.serve_connection(TokioIo::new(stream), service).await.unwrap();
            });
        }
    });
    let mut connection = Connection::to(address).await;
    let port = i64::from(connection.port());
    connection.send(request("GET", "/items/7", &[SAMPLED])).await;
    assert_eq!(connection.rest().await.status(), 200);
    settled(&capture, 3).await;
    let expected = expect::span("GET")
        .server()
        .status(200)
        .without("http.route")
        .attribute("client.address", "127.0.0.1")
        .attribute("network.peer.port", port)
        .child(expect::span("in handler"))
        .child(expect::span("in body"));
    capture.assert(expected);
    let trace = capture.trace();
    assert_eq!(trace.id().to_string(), TRACE);
    assert_eq!(trace.roots()[0].span.parent_span_id.to_string(), SPAN);
    server.abort();
}

/// Without `ConnectInfo` there is no peer to speak of, and nothing is made up.
#[tokio::test]
async fn a_server_that_does_not_tell_its_peers() {
    let capture = Capture::new();
    let app = Router::new()
        .route(
            "/",
            get(async |info: Option<axum::Extension<ConnectInfo<SocketAddr>>>| {
                assert!(info.is_none());
            }),
        )
        .layer(ServerLayer::new().telemetry(&capture.telemetry()));
    let listener = listen().await;
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let mut connection = Connection::to(address).await;
    connection.send(request("GET", "/", &[])).await;
    assert_eq!(connection.rest().await.status(), 200);
    settled(&capture, 1).await;
    let expected = expect::span("GET /")
        .server()
        .status(200)
        .without("client.address")
        .without("network.peer.address")
        .without("network.peer.port");
    capture.assert(expected);
    server.abort();
}
