//! Connections that stop being HTTP: the span ends where they do.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{any, get};
use http::StatusCode;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry::Context;
use opentelemetry::trace::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tracewire::test::{Capture, expect};

use crate::support::bodies::{Script, Step};
use crate::support::{Connection, Site, mark, soon};

/// Answers with `status`, then echoes four bytes inside the request's context.
async fn echo(capture: Capture, mut request: Request, status: StatusCode) -> Response {
    let upgrade = hyper::upgrade::on(&mut request);
    // A body that does not know that it is empty, so nothing but the upgrade ends the span.
    let body = Body::new(Script::new(&capture, [Step::Pending]));
    let echoes = async move {
        let mut stream = TokioIo::new(upgrade.await.unwrap());
        let mut text = [0; 4];
        stream.read_exact(&mut text).await.unwrap();
        mark(&capture, "echo");
        stream.write_all(&text).await.unwrap();
    };
    // A task is a world of its own: what should stay in the trace takes the context along.
    tokio::spawn(echoes.with_context(Context::current()));
    let response = Response::builder().status(status);
    let response = if status == StatusCode::SWITCHING_PROTOCOLS {
        response.header("connection", "upgrade").header("upgrade", "echo")
    } else {
        response
    };
    response.body(body).unwrap()
}

async fn site(status: StatusCode) -> Site {
    let capture = Capture::new();
    let of_handler = capture.clone();
    let handler = async move |request: Request| echo(of_handler.clone(), request, status).await;
    Site::recording(capture, |layer| {
        Router::new()
            .route("/", any(handler.clone()))
            .route("/ready", get(async || ""))
            .fallback(handler)
            .layer(layer)
    })
    .await
}

async fn echoes(connection: &mut Connection) {
    connection.send("ping").await;
    assert_eq!(connection.until("ping").await, "ping");
}

#[tokio::test]
async fn an_upgrade_ends_the_span_and_its_work_stays_below() {
    let site = site(StatusCode::SWITCHING_PROTOCOLS).await;
    let mut connection = site.connect().await;
    connection
        .send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
        .await;
    let head = connection.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    // Before a byte of the other protocol has come.
    site.assert(expect::span("GET /").server().status(101), 1).await;
    echoes(&mut connection).await;
    let expected = expect::span("GET /").server().status(101).child(expect::span("echo"));
    site.assert(expected, 2).await;
}

#[tokio::test]
async fn a_tunnel_ends_the_span() {
    let site = site(StatusCode::OK).await;
    let mut connection = site.connect().await;
    connection.send("CONNECT bank.example:443 HTTP/1.1\r\nHost: bank.example:443\r\n\r\n").await;
    let head = connection.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let expected = || {
        expect::span("CONNECT")
            .server()
            .status(200)
            .attribute("server.address", "bank.example")
            .attribute("server.port", 443_i64)
            .without("url.path")
    };
    site.assert(expected(), 1).await;
    echoes(&mut connection).await;
    site.assert(expected().child(expect::span("echo")), 2).await;
}

#[tokio::test]
async fn a_tunnel_over_http2_ends_the_span() {
    let site = site(StatusCode::OK).await;
    let stream = TokioIo::new(site.connect().await.into_stream());
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::connect("bank.example:443")
        .body(http_body_util::Empty::<bytes::Bytes>::new())
        .unwrap();
    let response = soon(client.send_request(request)).await.unwrap();
    assert_eq!(response.status(), 200);
    site.assert(expect::span("CONNECT").server().status(200).without("url.path"), 1).await;
    let mut stream = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    stream.write_all(b"ping").await.unwrap();
    let mut text = [0; 4];
    soon(stream.read_exact(&mut text)).await.unwrap();
    let expected = expect::span("CONNECT").server().status(200).child(expect::span("echo"));
    site.assert(expected, 2).await;
}

/// A WebSocket over HTTP/2 (RFC 8441): a CONNECT that has a path.
#[tokio::test]
async fn an_extended_connect_ends_the_span() {
    let site = site(StatusCode::OK).await;
    let stream = TokioIo::new(site.connect().await.into_stream());
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let empty = http_body_util::Empty::<bytes::Bytes>::new;
    // After a first answer the client knows that the server takes such requests.
    let first = http::Request::get("http://a/ready").body(empty()).unwrap();
    soon(client.send_request(first)).await.unwrap();
    site.settled(1).await;
    site.capture.clear();
    let request = http::Request::connect("http://a/")
        .extension(hyper::ext::Protocol::from_static("websocket"))
        .body(empty())
        .unwrap();
    let response = soon(client.send_request(request)).await.unwrap();
    assert_eq!(response.status(), 200);
    let expected = || expect::span("CONNECT /").server().status(200).attribute("url.path", "/");
    site.assert(expected(), 1).await;
    let mut stream = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    stream.write_all(b"ping").await.unwrap();
    let mut text = [0; 4];
    soon(stream.read_exact(&mut text)).await.unwrap();
    site.assert(expected().child(expect::span("echo")), 2).await;
}

#[tokio::test]
async fn a_tunnel_that_is_refused_is_a_response_like_others() {
    let refuses = async || (StatusCode::FORBIDDEN, "no");
    let site = Site::new(|layer| Router::new().fallback(refuses).layer(layer)).await;
    let answer = site
        .raw("CONNECT bank.example:443 HTTP/1.1\r\nHost: bank.example:443\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!((answer.status(), answer.body()), (403, "no"));
    site.assert(expect::span("CONNECT").server().status(403), 1).await;
}

/// A peer that leaves right after the switch has not cancelled anything.
#[tokio::test]
async fn a_client_that_leaves_after_an_upgrade_has_not_cancelled() {
    let upgrades = async |mut request: Request| {
        drop(hyper::upgrade::on(&mut request));
        let response = Response::builder().status(101).header("connection", "upgrade");
        response.header("upgrade", "echo").body(Body::empty()).unwrap()
    };
    let site = Site::new(|layer| Router::new().route("/", any(upgrades)).layer(layer)).await;
    let mut connection = site.connect().await;
    connection
        .send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
        .await;
    connection.until("\r\n\r\n").await;
    drop(connection);
    site.assert(expect::span("GET /").server().status(101), 1).await;
}
