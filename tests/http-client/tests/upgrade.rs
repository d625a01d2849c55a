//! Connections that become something else.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tower::{Layer, ServiceExt};
use tracewire::reqwest::Middleware;
use tracewire::test::{Capture, expect};

use crate::support::{Puppet, Then, Via, get, layer, only, reqwest_client};

const SWITCH: &str =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";

/// Asks for the protocol that the puppet speaks after its answer.
fn upgrade(puppet: &Puppet) -> Request<Full<Bytes>> {
    let mut request = get(&puppet.url("/"));
    request.headers_mut().insert("connection", "upgrade".parse().unwrap());
    request.headers_mut().insert("upgrade", "echo".parse().unwrap());
    request
}

async fn echoes(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    stream.write_all(b"hello").await.unwrap();
    let mut back = [0; 5];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"hello");
}

#[tokio::test]
async fn an_upgrade_ends_the_span_and_works() {
    let (puppet, capture) = (Puppet::new(SWITCH, Then::Echo).await, Capture::new());
    let inner = HyperClient::builder(TokioExecutor::new()).build_http();
    let response = layer!(hyper, capture).layer(inner).oneshot(upgrade(&puppet)).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(capture.open(), 0);
    echoes(TokioIo::new(hyper::upgrade::on(response).await.unwrap())).await;
    capture.assert(expect::span("GET").client().status(101));
}

#[tokio::test]
async fn an_upgrade_through_reqwest() {
    for via in Via::REQWEST {
        let (puppet, capture) = (Puppet::new(SWITCH, Then::Echo).await, Capture::new());
        let request = crate::support::of_reqwest(upgrade(&puppet)).await.unwrap();
        let response = match via {
            Via::Reqwest => {
                layer!(reqwest, capture).layer(reqwest_client()).oneshot(request).await.unwrap()
            }
            _ => {
                let client = reqwest_middleware::ClientBuilder::new(reqwest_client())
                    .with(Middleware::from(layer!(reqwest, capture)))
                    .build();
                client.execute(request).await.unwrap()
            }
        };
        assert_eq!(capture.open(), 0, "{via}");
        echoes(response.upgrade().await.unwrap()).await;
        capture.assert(expect::span("GET").client().status(101));
    }
}

#[tokio::test]
async fn a_tunnel_ends_the_span_and_works() {
    let (puppet, capture) =
        (Puppet::new("HTTP/1.1 200 OK\r\n\r\n", Then::Echo).await, Capture::new());
    let inner = HyperClient::builder(TokioExecutor::new()).build_http();
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri(puppet.address().to_string())
        .body(Full::<Bytes>::default())
        .unwrap();
    let response = layer!(hyper, capture).layer(inner).oneshot(request).await.unwrap();
    assert_eq!(capture.open(), 0);
    echoes(TokioIo::new(hyper::upgrade::on(response).await.unwrap())).await;
    let port = i64::from(puppet.address().port());
    capture.assert(
        expect::span("CONNECT")
            .client()
            .status(200)
            .attribute("server.address", "127.0.0.1")
            .attribute("server.port", port),
    );
}

#[tokio::test]
async fn a_tunnel_that_is_refused_has_a_body() {
    let answer = "HTTP/1.1 407 No\r\ncontent-length: 2\r\n\r\nno";
    let (puppet, capture) = (Puppet::new(answer, Then::Close).await, Capture::new());
    let inner = HyperClient::builder(TokioExecutor::new()).build_http();
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri(puppet.address().to_string())
        .body(Full::<Bytes>::default())
        .unwrap();
    let response = layer!(hyper, capture).layer(inner).oneshot(request).await.unwrap();
    assert_eq!(capture.open(), 1);
    let reply = crate::support::read(response).await.unwrap();
    assert_eq!(&reply.body[..], b"no");
    only(&capture);
    capture.assert(expect::span("CONNECT").client().status(407));
}
