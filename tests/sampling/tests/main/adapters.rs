//! Every adapter shows samplers the attributes that the semantic conventions call relevant for them.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::get;
use http::{Extensions, Request, Response};
use hyper::service::Service as _;
use opentelemetry::trace::SpanKind;
use redis::{AsyncCommands as _, Cmd, Pipeline, RedisFuture, Value};
use reqwest_middleware::{Middleware, Next};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::support::Seen;

/// HTTP spans, "Attributes": required at the start of a span, of servers and of clients.
const SERVER: [&str; 11] = [
    "client.address",
    "http.request.header.x-tenant",
    "http.request.method",
    "network.peer.address",
    "network.protocol.version",
    "server.address",
    "server.port",
    "url.path",
    "url.query",
    "url.scheme",
    "user_agent.original",
];
const CLIENT: [&str; 4] = ["http.request.method", "server.address", "server.port", "url.full"];
/// gRPC spans.
const RPC: [&str; 4] = ["rpc.method", "rpc.system.name", "server.address", "server.port"];

const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4711);

fn request() -> http::request::Builder {
    Request::get("http://shop.example:8080/orders/7?page=2")
        .header("host", "shop.example:8080")
        .header("user-agent", "browser/1")
        .header("x-tenant", "north")
}

#[tokio::test]
async fn axum_servers() {
    let seen = Seen::default();
    let layer = tracewire::axum::ServerLayer::new()
        .telemetry(&seen.telemetry())
        .request_headers(["x-tenant"]);
    let app = Router::new().route("/orders/{id}", get(async || "")).layer(layer);
    let request = request().extension(ConnectInfo(PEER)).body(Body::empty()).unwrap();
    app.oneshot(request).await.unwrap();
    seen.assert(&SpanKind::Server, &[&SERVER[..], &["http.route"]].concat());
}

#[tokio::test]
async fn hyper_servers() {
    let seen = Seen::default();
    let layer = tracewire::hyper::ServerLayer::new()
        .telemetry(&seen.telemetry())
        .request_headers(["x-tenant"]);
    let inner = hyper::service::service_fn(async |_: Request<Body>| {
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    let peer = tracewire::hyper::Peer(PEER);
    let request = request().extension(peer).body(Body::empty()).unwrap();
    layer.layer(inner).call(request).await.unwrap();
    seen.assert(&SpanKind::Server, &SERVER);
}

#[tokio::test]
async fn hyper_clients() {
    let seen = Seen::default();
    let layer = tracewire::hyper::ClientLayer::new()
        .telemetry(&seen.telemetry())
        .request_headers(["x-tenant"]);
    let inner =
        service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
    let request = request().body(Body::empty()).unwrap();
    layer.layer(inner).oneshot(request).await.unwrap();
    seen.assert(&SpanKind::Client, &[&CLIENT[..], &["http.request.header.x-tenant"]].concat());
}

fn reqwest_request() -> reqwest::Request {
    let url = "http://shop.example/orders/7?page=2".parse().unwrap();
    reqwest::Request::new(reqwest::Method::GET, url)
}

/// Answers without a connection.
struct Answer;

#[async_trait::async_trait]
impl Middleware for Answer {
    async fn handle(
        &self,
        _: reqwest::Request,
        _: &mut Extensions,
        _: Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        Ok(Response::new("").into())
    }
}

#[tokio::test]
async fn reqwest_middleware() {
    let seen = Seen::default();
    let layer = tracewire::reqwest::ClientLayer::new().telemetry(&seen.telemetry());
    let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
        .with(tracewire::reqwest::Middleware::from(layer))
        .with(Answer)
        .build();
    client.execute(reqwest_request()).await.unwrap();
    seen.assert(&SpanKind::Client, &CLIENT);
}

#[tokio::test]
async fn reqwest_as_a_tower_service() {
    let seen = Seen::default();
    let layer = tracewire::reqwest::ClientLayer::new().telemetry(&seen.telemetry());
    let inner = service_fn(async |_: reqwest::Request| {
        Ok::<_, reqwest::Error>(reqwest::Response::from(Response::new("")))
    });
    layer.layer(inner).oneshot(reqwest_request()).await.unwrap();
    seen.assert(&SpanKind::Client, &CLIENT);
}

fn grpc_request() -> Request<tonic::body::Body> {
    Request::post("http://shop.example:50051/shop.Orders/Place")
        .version(http::Version::HTTP_2)
        .header("content-type", "application/grpc")
        .header("x-tenant", "north")
        .body(tonic::body::Body::empty())
        .unwrap()
}

#[tokio::test]
async fn tonic_servers() {
    let seen = Seen::default();
    let layer = tracewire::tonic::ServerLayer::new()
        .telemetry(&seen.telemetry())
        .known_methods(["shop.Orders/Place"])
        .request_metadata(["x-tenant"]);
    let inner = service_fn(async |_: Request<tonic::body::Body>| {
        Ok::<_, Infallible>(Response::new(tonic::body::Body::empty()))
    });
    layer.layer(inner).oneshot(grpc_request()).await.unwrap();
    seen.assert(&SpanKind::Server, &[&RPC[..], &["rpc.request.metadata.x-tenant"]].concat());
}

#[tokio::test]
async fn tonic_clients() {
    let seen = Seen::default();
    let layer = tracewire::tonic::ClientLayer::new()
        .telemetry(&seen.telemetry())
        .target("http://shop.example:50051")
        .request_metadata(["x-tenant"]);
    let inner = service_fn(async |_: Request<tonic::body::Body>| {
        Ok::<_, Infallible>(Response::new(tonic::body::Body::empty()))
    });
    layer.layer(inner).oneshot(grpc_request()).await.unwrap();
    seen.assert(&SpanKind::Client, &[&RPC[..], &["rpc.request.metadata.x-tenant"]].concat());
}

#[tokio::test]
async fn sqlx_statements() {
    let seen = Seen::default();
    let settings = tracewire::sqlx::Settings::new()
        .telemetry(&seen.telemetry())
        .omit(tracewire::sqlx::Step::Acquire);
    let pool = sqlx::SqlitePool::connect("sqlite::memory:").await.unwrap();
    let db = tracewire::sqlx::Pool::new(pool, &settings);
    sqlx::query("SELECT 1").fetch_all(&db).await.unwrap();
    let required = ["db.system.name", "db.namespace", "db.query.summary", "db.query.text"];
    seen.assert(&SpanKind::Client, &required);
}

/// A connection to nothing.
#[derive(Clone)]
struct Memory;

impl redis::aio::ConnectionLike for Memory {
    fn req_packed_command<'a>(&'a mut self, _: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(std::future::ready(Ok(Value::Okay)))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        _: &'a Pipeline,
        _: usize,
        _: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn get_db(&self) -> i64 {
        3
    }
}

#[tokio::test]
async fn redis_commands() {
    let seen = Seen::default();
    let config = tracewire::redis::Config::new()
        .telemetry(&seen.telemetry())
        .server_address("cache.example", 6380);
    let mut connection = tracewire::redis::Connection::with_config(Memory, &config);
    connection.set::<_, _, ()>("key", "value").await.unwrap();
    let required =
        ["db.system.name", "db.namespace", "db.operation.name", "server.address", "server.port"];
    seen.assert(&SpanKind::Client, &required);
}
