//! Attempts: one span each, side by side, numbered.

use std::future::{Ready, ready};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::TokioExecutor;
use opentelemetry::Value;
use reqwest_middleware::ClientWithMiddleware;
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;
use tower::retry::{Policy, RetryLayer};
use tower::{Layer, ServiceBuilder, ServiceExt};
use tower_http::follow_redirect::FollowRedirectLayer;
use tracewire::http::{CountResendsLayer, Resends};
use tracewire::reqwest::Middleware;
use tracewire::span::Outcome;
use tracewire::test::{Capture, expect};

use crate::support::{
    BoxError, Puppet, Then, Wire, by_name, caller, get, layer, only, reqwest_client, traceparent,
    values,
};

const BUSY: &str = "HTTP/1.1 503 Busy\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbusy";
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

fn retrying(capture: &Capture) -> ClientWithMiddleware {
    retrying_with(Middleware::from(layer!(reqwest, capture)))
}

fn retrying_with(middleware: Middleware) -> ClientWithMiddleware {
    let policy = ExponentialBackoff::builder()
        .retry_bounds(Duration::ZERO, Duration::ZERO)
        .build_with_max_retries(3);
    reqwest_middleware::ClientBuilder::new(reqwest_client())
        .with(RetryTransientMiddleware::new_with_policy(policy))
        .with(middleware)
        .build()
}

fn counts(capture: &Capture) -> Vec<Option<Value>> {
    let spans = capture.spans();
    let count = |span: &opentelemetry_sdk::trace::SpanData| {
        let at_start = by_name(&capture.attributes_at_start(span));
        at_start.get("http.request.resend_count").cloned()
    };
    spans.iter().map(count).collect()
}

#[tokio::test]
async fn attempts_under_reqwest_retry() {
    let (puppet, capture) = (Puppet::in_turn([BUSY, "", OK], Then::Close).await, Capture::new());
    let client = retrying(&capture);
    let caller = caller(&capture);
    let sending = client.post(puppet.url("/")).body("again and again").send();
    let response = caller.run(sending).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "ok");
    caller.finish(Outcome::Success);

    let attempt = || expect::span("POST").client();
    capture.assert(
        expect::span("caller")
            .internal()
            .child(attempt().status(503).without("http.request.resend_count"))
            .child(attempt().error("unexpected_eof").attribute("http.request.resend_count", 1))
            .child(attempt().status(200).attribute("http.request.resend_count", 2)),
    );
    assert_eq!(capture.open(), 0);
    let sent: Vec<String> =
        puppet.heads().iter().flat_map(|head| values(head, "traceparent")).collect();
    assert_eq!(sent, capture.spans()[..3].iter().map(traceparent).collect::<Vec<_>>());
}

#[tokio::test]
async fn each_request_of_a_client_is_counted_for_itself() {
    let (puppet, capture) =
        (Puppet::in_turn([BUSY, OK, BUSY, OK], Then::Close).await, Capture::new());
    let client = retrying(&capture);
    for _ in 0..2 {
        client.get(puppet.url("/")).send().await.unwrap().text().await.unwrap();
    }
    let resent = Some(Value::I64(1));
    assert_eq!(counts(&capture), [None, resent.clone(), None, resent]);
    assert_eq!(capture.traces().len(), 4);
}

#[tokio::test]
async fn around_the_retries_there_is_one_span() {
    let (puppet, capture) = (Puppet::in_turn([BUSY, OK], Then::Close).await, Capture::new());
    let policy = ExponentialBackoff::builder()
        .retry_bounds(Duration::ZERO, Duration::ZERO)
        .build_with_max_retries(3);
    let client = reqwest_middleware::ClientBuilder::new(reqwest_client())
        .with(Middleware::from(layer!(reqwest, capture)))
        .with(RetryTransientMiddleware::new_with_policy(policy))
        .build();
    client.get(puppet.url("/")).send().await.unwrap().text().await.unwrap();
    assert_eq!(counts(&capture), [None]);
    let own = traceparent(&only(&capture));
    for head in puppet.heads() {
        assert_eq!(values(&head, "traceparent"), [own.as_str()]);
    }
}

#[tokio::test]
async fn retries_that_are_used_up() {
    let (puppet, capture) = (Puppet::new(BUSY, Then::Close).await, Capture::new());
    let response = retrying(&capture).get(puppet.url("/")).send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.text().await.unwrap(), "busy");
    let expected = [None, Some(1), Some(2), Some(3)];
    assert_eq!(counts(&capture), expected.map(|count| count.map(Value::I64)));
    for trace in capture.traces() {
        trace.assert(expect::span("GET").client().status(503));
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_sent_again() {
    let stream = || {
        let chunks = ["one", "two"]
            .map(|chunk| Ok::<_, std::io::Error>(Bytes::from_static(chunk.as_bytes())));
        reqwest::Body::wrap_stream(futures_util::stream::iter(chunks))
    };
    let (puppet, capture) = (Puppet::new(OK, Then::Close).await, Capture::new());
    let client = reqwest_middleware::ClientBuilder::new(reqwest_client())
        .with(Middleware::from(layer!(reqwest, capture)))
        .build();
    let response = client.post(puppet.url("/")).body(stream()).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "ok");
    capture.assert(expect::span("POST").client().status(200));

    // The retries refuse such a request before it comes to us.
    let capture = Capture::new();
    retrying(&capture).post(puppet.url("/")).body(stream()).send().await.unwrap_err();
    assert!(capture.spans().is_empty() && capture.open() == 0);
}

#[tokio::test]
async fn attempts_that_a_filter_hides_count() {
    let (puppet, capture) = (Puppet::in_turn([BUSY, "", OK], Then::Close).await, Capture::new());
    let is_later = AtomicBool::new(false);
    let layer = layer!(reqwest, capture).skip(move |_| !is_later.swap(true, Ordering::Relaxed));
    let client = retrying_with(Middleware::from(layer));
    let response = client.post(puppet.url("/")).body("again and again").send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "ok");
    assert_eq!(counts(&capture), [Some(Value::I64(1)), Some(Value::I64(2))]);
}

/// Three attempts at whatever is no success.
#[derive(Clone, Debug)]
struct Three(usize);

impl<B: Clone, R, E> Policy<Request<B>, Response<R>, E> for Three {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<B>,
        result: &mut Result<Response<R>, E>,
    ) -> Option<Ready<()>> {
        let failed = result.as_ref().map_or(true, |response| !response.status().is_success());
        self.0 = self.0.checked_sub(1)?;
        failed.then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request<B>) -> Option<Request<B>> {
        Some(request.clone())
    }
}

#[tokio::test]
async fn attempts_under_towers_retry() {
    let (puppet, capture) = (Puppet::in_turn([BUSY, "", OK], Then::Close).await, Capture::new());
    let inner = HyperClient::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let client = ServiceBuilder::new()
        .layer(CountResendsLayer)
        .layer(RetryLayer::new(Three(2)))
        .layer(layer!(hyper, capture))
        .service(inner);
    let caller = caller(&capture);
    let response = caller.run(client.clone().oneshot(get(&puppet.url("/")))).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    drop(response);
    caller.finish(Outcome::Success);
    let attempt = || expect::span("GET").client();
    capture.assert(
        expect::span("caller")
            .internal()
            .child(attempt().status(503).without("http.request.resend_count"))
            .child(attempt().error("unexpected_eof").attribute("http.request.resend_count", 1))
            .child(attempt().status(200).attribute("http.request.resend_count", 2)),
    );
    let sent: Vec<String> =
        puppet.heads().iter().flat_map(|head| values(head, "traceparent")).collect();
    assert_eq!(sent, capture.spans()[..3].iter().map(traceparent).collect::<Vec<_>>());

    // The next request starts anew.
    capture.clear();
    drop(client.oneshot(get(&puppet.url("/"))).await.unwrap());
    assert_eq!(counts(&capture), [None]);
}

#[tokio::test]
async fn without_counting_there_is_no_number() {
    let capture = Capture::new();
    let wire = Wire::answering(StatusCode::SERVICE_UNAVAILABLE);
    let client = ServiceBuilder::new()
        .layer(RetryLayer::new(Three(2)))
        .layer(layer!(http, capture))
        .service(wire.clone());
    let request = Request::get("http://a.test/").body(()).unwrap();
    drop(client.oneshot(request).await.unwrap());
    assert_eq!(counts(&capture), [None, None, None]);
    // Every attempt was given its own context, though the request is the same.
    let sent = wire.seen().into_iter().map(|seen| seen.field("traceparent")[0].to_owned());
    assert_eq!(
        sent.collect::<Vec<_>>(),
        capture.spans().iter().map(traceparent).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn attempts_that_are_not_recorded_count_too() {
    let capture = Capture::new();
    let wire = Wire::default();
    let layer = layer!(http, capture).skip(|head| head.headers.contains_key("x-quiet"));
    let client = layer.layer(wire);
    let mut request = Request::get("http://a.test/").body(()).unwrap();
    request.extensions_mut().insert(Resends::default());
    let mut quiet = request.clone();
    quiet.headers_mut().insert("x-quiet", "1".parse().unwrap());
    for request in [quiet, request] {
        drop(client.clone().oneshot(request).await.unwrap());
    }
    assert_eq!(counts(&capture), [Some(Value::I64(1))]);
}

#[tokio::test]
async fn redirects_that_tower_follows_are_attempts() {
    let moved =
        "HTTP/1.1 307 Moved\r\nlocation: /there\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (puppet, capture) = (Puppet::in_turn([moved, OK], Then::Close).await, Capture::new());
    let inner = HyperClient::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let client = ServiceBuilder::new()
        .layer(CountResendsLayer)
        .layer(FollowRedirectLayer::new())
        .layer(layer!(hyper, capture))
        .service(inner);
    let caller = caller(&capture);
    let response = caller.run(client.oneshot(get(&puppet.url("/here")))).await;
    let response = response.map_err(BoxError::from).unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    drop(response);
    caller.finish(Outcome::Success);
    capture.assert(
        expect::span("caller")
            .internal()
            .child(
                expect::span("GET")
                    .client()
                    .status(307)
                    .attribute("url.full", puppet.url("/here"))
                    .without("http.request.resend_count"),
            )
            .child(
                expect::span("GET")
                    .client()
                    .status(200)
                    .attribute("url.full", puppet.url("/there"))
                    .attribute("http.request.resend_count", 1),
            ),
    );
    let sent = puppet.heads();
    assert_ne!(values(&sent[0], "traceparent"), values(&sent[1], "traceparent"));
}

#[tokio::test]
async fn redirects_that_reqwest_follows_are_one_attempt() {
    let moved =
        "HTTP/1.1 302 Found\r\nlocation: /there\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (puppet, capture) = (Puppet::in_turn([moved, OK], Then::Close).await, Capture::new());
    let client = reqwest_middleware::ClientBuilder::new(reqwest_client())
        .with(Middleware::from(layer!(reqwest, capture)))
        .build();
    let response = client.get(puppet.url("/here")).send().await.unwrap();
    assert_eq!(response.url().path(), "/there");
    drop(response);
    // One top-level span: the URL before redirects.
    capture.assert(
        expect::span("GET").client().status(200).attribute("url.full", puppet.url("/here")),
    );
}
