//! The span ends with the body: when, exactly.

use axum::Router;
use axum::body::Body;
use axum::routing::{any, get as route};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::TokioExecutor;
use tokio::sync::mpsc;
use tower::{Layer, ServiceExt, service_fn};
use tracewire::test::{Capture, expect};

use crate::support::{
    Puppet, Server, Steps, Then, Via, error_type, get, layer, of_reqwest, only, reqwest_client,
};

type Frames = mpsc::UnboundedSender<Result<Frame<Bytes>, std::io::Error>>;

/// A body that says what it is told, and the one who tells it.
fn told() -> (Frames, Body) {
    let (frames, mut receiver) = mpsc::unbounded_channel();
    let stream = stream::poll_fn(move |task| receiver.poll_recv(task));
    (frames, Body::new(StreamBody::new(stream)))
}

fn data(text: &'static str) -> Result<Frame<Bytes>, std::io::Error> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

fn trailers() -> HeaderMap {
    HeaderMap::from_iter([("x-sum".parse().unwrap(), "7".parse().unwrap())])
}

#[tokio::test]
async fn open_until_the_last_frame() {
    let capture = Capture::new();
    let (frames, body) = told();
    let mut body = Some(body);
    let inner = service_fn(move |_: Request<()>| {
        std::future::ready(Ok::<_, std::io::Error>(Response::new(body.take().unwrap())))
    });
    let request = Request::get("http://a.test/").body(()).unwrap();
    let mut response = layer!(http, capture).layer(inner).oneshot(request).await.unwrap();
    assert_eq!(capture.open(), 1);
    frames.send(data("one")).unwrap();
    response.frame().await.unwrap().unwrap();
    assert_eq!(capture.open(), 1);
    drop(frames);
    assert!(response.frame().await.is_none());
    // Ended, though the body is still there.
    assert_eq!(error_type(&only(&capture)), None);
    drop(response);
    only(&capture);
}

#[tokio::test]
async fn trailers_end_it_and_arrive() {
    for via in [Via::Hyper, Via::Http2] {
        let app = Router::new().route(
            "/",
            route(async || {
                let (frames, body) = told();
                frames.send(data("body")).unwrap();
                frames.send(Ok(Frame::trailers(trailers()))).unwrap();
                Response::builder().header("trailer", "x-sum").body(body).unwrap()
            }),
        );
        let (server, capture) = (Server::new(app).await, Capture::new());
        let inner =
            HyperClient::builder(TokioExecutor::new()).http2_only(via == Via::Http2).build_http();
        let mut request = get(&server.url("/"));
        request.headers_mut().insert("te", "trailers".parse().unwrap());
        let mut response = layer!(hyper, capture).layer(inner).oneshot(request).await.unwrap();
        let mut found = None;
        while found.is_none() {
            assert_eq!(capture.open(), 1, "{via}");
            found = response.frame().await.unwrap().unwrap().into_trailers().ok();
        }
        assert_eq!(found.unwrap(), trailers());
        assert_eq!(error_type(&only(&capture)), None, "{via}");
    }
}

#[tokio::test]
async fn an_exact_length_needs_no_further_poll() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    let (puppet, capture) = (Puppet::new(answer, Then::Hang).await, Capture::new());
    let inner = HyperClient::builder(TokioExecutor::new()).build_http();
    let mut response =
        layer!(hyper, capture).layer(inner).oneshot(get(&puppet.url("/"))).await.unwrap();
    response.frame().await.unwrap().unwrap();
    only(&capture);

    let (puppet, capture) = (Puppet::new(answer, Then::Hang).await, Capture::new());
    let client = layer!(reqwest, capture).layer(reqwest_client());
    let request = of_reqwest(get(&puppet.url("/"))).await.unwrap();
    let mut response = client.oneshot(request).await.unwrap();
    response.chunk().await.unwrap().unwrap();
    // reqwest's decompression does not tell the end before it is asked for it.
    assert!(response.chunk().await.unwrap().is_none());
    only(&capture);
}

#[tokio::test]
async fn responses_without_a_body_end_at_the_head() {
    let app = Router::new()
        .route("/empty", any(async || ()))
        .route("/text", any(async || "text"))
        .route("/204", any(async || StatusCode::NO_CONTENT))
        .route("/304", any(async || StatusCode::NOT_MODIFIED))
        .route("/404", any(async || StatusCode::NOT_FOUND));
    let server = Server::new(app).await;
    let cases = [
        (Method::GET, "/empty", 200),
        (Method::HEAD, "/text", 200),
        (Method::HEAD, "/404", 404),
        (Method::GET, "/204", 204),
        (Method::GET, "/304", 304),
        (Method::GET, "/404", 404),
    ];
    for (method, path, status) in cases {
        for http2 in [false, true] {
            let capture = Capture::new();
            let inner = HyperClient::builder(TokioExecutor::new()).http2_only(http2).build_http();
            let mut request = get(&server.url(path));
            *request.method_mut() = method.clone();
            let response = layer!(hyper, capture).layer(inner).oneshot(request).await.unwrap();
            // Nobody has looked at the body yet.
            assert_eq!(capture.open(), 0, "{method} {path}, HTTP/2: {http2}");
            capture.assert(expect::span(method.to_string()).client().status(status));
            drop(response);
            only(&capture);
        }
        let capture = Capture::new();
        let client = layer!(reqwest, capture).layer(reqwest_client());
        let mut request = get(&server.url(path));
        *request.method_mut() = method.clone();
        let request = of_reqwest(request).await.unwrap();
        drop(client.oneshot(request).await.unwrap());
        assert_eq!(capture.open(), 0, "{method} {path}");
        capture.assert(expect::span(method.to_string()).client().status(status));
    }
}

#[tokio::test]
async fn end_at_head_ends_at_the_head() {
    for (status, error) in [(StatusCode::OK, None), (StatusCode::BAD_GATEWAY, Some("502"))] {
        let (capture, steps) = (Capture::new(), Steps::default().status(status));
        let client = layer!(http, capture).end_at_head().layer(steps.clone());
        let request = Request::get("http://a.test/").body(()).unwrap();
        let response = client.oneshot(request).await.unwrap();
        let span = only(&capture);
        assert_eq!(error_type(&span).as_deref(), error);
        response.into_body().collect().await.unwrap();
        // What the body does is still below it.
        for (place, current) in steps.log() {
            assert_eq!(current, span.span_context.span_id(), "{place}");
        }
        only(&capture);
    }
}

#[tokio::test]
async fn an_error_after_the_end_changes_nothing() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello";
    let (puppet, capture) = (Puppet::new(answer, Then::Close).await, Capture::new());
    let inner = HyperClient::builder(TokioExecutor::new()).build_http();
    let client = layer!(hyper, capture).end_at_head().layer(inner);
    let response = client.oneshot(get(&puppet.url("/"))).await.unwrap();
    response.into_body().collect().await.unwrap_err();
    assert_eq!(error_type(&only(&capture)), None);
}

#[tokio::test]
async fn bodies_keep_their_size_and_their_end() {
    use http_body::Body as _;
    let capture = Capture::new();
    let request = || Request::get("http://a.test/").body(()).unwrap();
    let inner = service_fn(|_: Request<()>| async {
        Ok::<_, std::io::Error>(Response::new(http_body_util::Full::new(Bytes::from_static(
            b"12345",
        ))))
    });
    let response = layer!(http, capture).layer(inner).oneshot(request()).await.unwrap();
    assert_eq!(response.body().size_hint().exact(), Some(5));
    assert!(!response.body().is_end_stream());
    let inner = service_fn(|_: Request<()>| async {
        Ok::<_, std::io::Error>(Response::new(http_body_util::Empty::<Bytes>::new()))
    });
    let response = layer!(http, capture).layer(inner).oneshot(request()).await.unwrap();
    assert!(response.body().is_end_stream());
    assert_eq!(response.body().size_hint().exact(), Some(0));
}
