//! `error.type`, for everything that can go wrong on the way.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

use axum::Router;
use axum::response::Redirect;
use axum::routing::get as route;
use futures_util::StreamExt;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tower::timeout::TimeoutLayer;
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};
use tracewire::reqwest::Middleware;
use tracewire::test::{Capture, expect};

use crate::support::{
    BoxError, Puppet, Server, Then, Via, error_type, get, layer, of_reqwest, only, reqwest_builder,
    reqwest_client, text,
};

/// What a layer that knows no library says about hyper-util's errors.
const UNKNOWN: &str = "hyper_util::client::legacy::client::Error";

/// `error.type` where a client layer that knows its library says `known`.
fn known_to(via: Via, known: &'static str) -> Option<&'static str> {
    Some(if via == Via::Plain { UNKNOWN } else { known })
}

/// A port on which nobody listens.
async fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn nobody_listens() {
    for via in Via::ALL {
        let (capture, port) = (Capture::new(), closed_port().await);
        via.get(&capture, &format!("http://127.0.0.1:{port}/")).await.unwrap_err();
        let span = only(&capture);
        assert_eq!(error_type(&span).as_deref(), known_to(via, "connection_refused"), "{via}");
        assert_eq!(text(&span, "http.response.status_code"), None, "{via}");
        assert_eq!(text(&span, "network.protocol.version"), None, "{via}");
    }
}

#[tokio::test]
async fn a_name_does_not_resolve() {
    for via in Via::ALL {
        let capture = Capture::new();
        via.get(&capture, "http://no-such-host.invalid/").await.unwrap_err();
        let found = error_type(&only(&capture));
        assert_eq!(found.as_deref(), known_to(via, "dns"), "{via}");
    }
}

#[tokio::test]
async fn connections_end_before_the_head() {
    let cases = [
        ("", Then::Reset, "connection_reset"),
        ("", Then::Close, "unexpected_eof"),
        ("HTTP/1.1 200 OK\r\ncontent-le", Then::Close, "unexpected_eof"),
        ("HTTP/1.1 200 OK\r\ncontent-le", Then::Reset, "connection_reset"),
        ("SSH-2.0-OpenSSH_9.9\r\n", Then::Hang, "protocol"),
        ("HTTP/1.1 2000 OK\r\n\r\n", Then::Hang, "protocol"),
        ("HTTP/1.1 200 OK\r\n: no name\r\n\r\n", Then::Hang, "protocol"),
        ("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", Then::Hang, "protocol"),
    ];
    for (answer, then, expected) in cases {
        for via in Via::HTTP1 {
            let (puppet, capture) = (Puppet::new(answer, then).await, Capture::new());
            let error = via.get(&capture, &puppet.url("/")).await.unwrap_err();
            let found = error_type(&only(&capture));
            let expected = known_to(via, expected);
            assert_eq!(found.as_deref(), expected, "{via}: {answer:?} {then:?}: {error:?}");
        }
    }
}

#[tokio::test]
async fn http_2_meets_a_server_that_speaks_http_1() {
    let answer = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    let (puppet, capture) = (Puppet::new(answer, Then::Hang).await, Capture::new());
    let error = Via::Http2.get(&capture, &puppet.url("/")).await.unwrap_err();
    assert_eq!(error_type(&only(&capture)).as_deref(), Some("protocol"), "{error:?}");
}

#[tokio::test]
async fn bodies_that_break() {
    let cases = [
        ("content-length: 100\r\n\r\nhello", Then::Close, "unexpected_eof"),
        ("content-length: 100\r\n\r\nhello", Then::Reset, "connection_reset"),
        ("transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", Then::Close, "unexpected_eof"),
        ("transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", Then::Reset, "connection_reset"),
        ("transfer-encoding: chunked\r\n\r\nnonsense\r\n", Then::Hang, "body"),
    ];
    for status in [200, 500] {
        for (rest, then, expected) in cases {
            for via in Via::HTTP1 {
                let answer = format!("HTTP/1.1 {status} X\r\n{rest}");
                let (puppet, capture) = (Puppet::new(answer, then).await, Capture::new());
                let error = via.get(&capture, &puppet.url("/")).await.unwrap_err();
                let found = error_type(&only(&capture));
                let expected = if via == Via::Plain { "body" } else { expected };
                assert_eq!(found.as_deref(), Some(expected), "{via}: {rest:?} {then:?}: {error:?}");
                capture.assert(expect::span("GET").client().status(status).error(expected));
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_gzip() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello";
    for via in Via::REQWEST {
        let (puppet, capture) = (Puppet::new(answer, Then::Hang).await, Capture::new());
        via.get(&capture, &puppet.url("/")).await.unwrap_err();
        assert_eq!(error_type(&only(&capture)).as_deref(), Some("body"), "{via}");
    }
}

#[tokio::test]
async fn tls_against_a_server_without() {
    // A server that speaks HTTP, one that refuses by an alert, one that hangs up.
    let cases: [(&[u8], Then); 3] = [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Then::Close),
        (&[21, 3, 3, 0, 2, 2, 40], Then::Close),
        (b"", Then::Close),
    ];
    for (answer, then) in cases {
        for via in Via::REQWEST {
            let (puppet, capture) = (Puppet::new(answer, then).await, Capture::new());
            let url = format!("https://{}/", puppet.address());
            let error = via.get(&capture, &url).await.unwrap_err();
            let found = error_type(&only(&capture));
            assert_eq!(found.as_deref(), Some("tls"), "{via}: {answer:?}: {error:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn tower_gives_up_inside_the_layer() {
    let (puppet, capture) = (Puppet::new("", Then::Hang).await, Capture::new());
    let client = ServiceBuilder::new()
        .layer(layer!(hyper, capture))
        .layer(TimeoutLayer::new(Duration::from_secs(30)))
        .service(HyperClient::builder(TokioExecutor::new()).build_http());
    let Err(_) = client.oneshot(get(&puppet.url("/"))).await else {
        panic!("there is no answer");
    };
    assert_eq!(error_type(&only(&capture)).as_deref(), Some("timeout"));
}

#[tokio::test(start_paused = true)]
async fn tower_gives_up_outside_the_layer() {
    let (puppet, capture) = (Puppet::new("", Then::Hang).await, Capture::new());
    let client = ServiceBuilder::new()
        .layer(TimeoutLayer::new(Duration::from_secs(30)))
        .layer(layer!(hyper, capture))
        .service(HyperClient::builder(TokioExecutor::new()).build_http());
    let Err(_) = client.oneshot(get(&puppet.url("/"))).await else {
        panic!("there is no answer");
    };
    // The caller has dropped the future; why, it knows best.
    assert_eq!(error_type(&only(&capture)), None);
}

#[tokio::test(start_paused = true)]
async fn reqwest_gives_up() {
    let (puppet, capture) = (Puppet::new("", Then::Hang).await, Capture::new());
    let inner = reqwest_builder().timeout(Duration::from_secs(30)).build().unwrap();
    let client = layer!(reqwest, capture).layer(inner.clone());
    let request = of_reqwest(get(&puppet.url("/"))).await.unwrap();
    assert!(client.oneshot(request).await.unwrap_err().is_timeout());
    assert_eq!(error_type(&only(&capture)).as_deref(), Some("timeout"));

    let capture = Capture::new();
    let client = reqwest_middleware::ClientBuilder::new(inner)
        .with(Middleware::from(layer!(reqwest, capture)))
        .build();
    assert!(client.get(puppet.url("/")).send().await.unwrap_err().is_timeout());
    assert_eq!(error_type(&only(&capture)).as_deref(), Some("timeout"));
}

#[tokio::test]
async fn reqwest_gives_up_in_the_body() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello";
    for via in Via::REQWEST {
        let (puppet, capture) = (Puppet::new(answer, Then::Hang).await, Capture::new());
        let inner = reqwest_builder().timeout(Duration::from_secs(30)).build().unwrap();
        let response = match via {
            Via::Reqwest => {
                let request = of_reqwest(get(&puppet.url("/"))).await.unwrap();
                layer!(reqwest, capture).layer(inner).oneshot(request).await.unwrap()
            }
            _ => {
                let client = reqwest_middleware::ClientBuilder::new(inner)
                    .with(Middleware::from(layer!(reqwest, capture)))
                    .build();
                client.get(puppet.url("/")).send().await.unwrap()
            }
        };
        tokio::time::pause();
        let error = response.bytes().await.unwrap_err();
        tokio::time::resume();
        assert!(error.is_timeout(), "{via}: {error:?}");
        capture.assert(expect::span("GET").client().status(200).error("timeout"));
    }
}

/// Never finds an address.
struct Nowhere;

impl reqwest::dns::Resolve for Nowhere {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(std::future::pending())
    }
}

/// Says that there is none, in its own words.
struct NoAnswer;

impl reqwest::dns::Resolve for NoAnswer {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(async { Err("NXDOMAIN".into()) })
    }
}

#[tokio::test(start_paused = true)]
async fn reqwest_gives_up_connecting() {
    let capture = Capture::new();
    let inner = reqwest_builder()
        .connect_timeout(Duration::from_secs(30))
        .dns_resolver(std::sync::Arc::new(Nowhere))
        .build()
        .unwrap();
    let request = of_reqwest(get("http://a.test/")).await.unwrap();
    let error = layer!(reqwest, capture).layer(inner).oneshot(request).await.unwrap_err();
    assert!(error.is_timeout() && error.is_connect());
    assert_eq!(error_type(&only(&capture)).as_deref(), Some("timeout"));
}

#[tokio::test]
async fn a_resolver_with_words_of_its_own() {
    let capture = Capture::new();
    let inner = reqwest_builder().dns_resolver(std::sync::Arc::new(NoAnswer)).build().unwrap();
    let request = of_reqwest(get("http://a.test/")).await.unwrap();
    layer!(reqwest, capture).layer(inner).oneshot(request).await.unwrap_err();
    assert_eq!(error_type(&only(&capture)).as_deref(), Some("dns"));
}

#[tokio::test]
async fn redirects_that_never_end() {
    let app = Router::new().route("/", route(async || Redirect::temporary("/")));
    let server = Server::new(app).await;
    for via in Via::REQWEST {
        let capture = Capture::new();
        let error = via.get(&capture, &server.url("/")).await.unwrap_err();
        let span = only(&capture);
        assert_eq!(error_type(&span).as_deref(), Some("redirect"), "{via}: {error:?}");
        assert_eq!(text(&span, "url.full"), Some(server.url("/")));
    }
}

#[tokio::test]
async fn requests_that_reqwest_refuses() {
    let capture = Capture::new();
    let request = reqwest::Request::new(http::Method::GET, "gopher://a.test/".parse().unwrap());
    let client = layer!(reqwest, capture).layer(reqwest_client());
    client.oneshot(request).await.unwrap_err();
    assert!(error_type(&only(&capture)).is_some());
}

/// An error with another one behind it.
#[derive(Debug)]
struct Outer(Option<BoxError>);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it did not work")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_deref().map(|error| error as _)
    }
}

/// An error that is its own source.
#[derive(Debug)]
struct Endless;

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("again")
    }
}

impl Error for Endless {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self)
    }
}

#[derive(Debug)]
struct Generic<T>(#[allow(dead_code, reason = "only its type counts")] T);

async fn type_of<E: fmt::Debug + 'static>(error: E) -> String {
    let capture = Capture::new();
    let mut error = Some(error);
    let inner = service_fn(move |_: Request<()>| {
        std::future::ready(Err::<Response<String>, E>(error.take().unwrap()))
    });
    let request = Request::get("http://a.test/").body(()).unwrap();
    layer!(http, capture).layer(inner).oneshot(request).await.unwrap_err();
    error_type(&only(&capture)).unwrap()
}

#[tokio::test]
async fn errors_of_any_type() {
    let custom = |kind, error: BoxError| io::Error::new(kind, error);
    let tls = || rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
    let boxed: [(BoxError, &str); 18] = [
        (Box::new(tower::timeout::error::Elapsed::new()), "timeout"),
        (Box::new(Outer(Some(Box::new(io::Error::from(ErrorKind::TimedOut))))), "timeout"),
        (Box::new(io::Error::from(ErrorKind::ConnectionRefused)), "connection_refused"),
        (Box::new(io::Error::from(ErrorKind::ConnectionReset)), "connection_reset"),
        (Box::new(io::Error::from(ErrorKind::ConnectionAborted)), "connection_aborted"),
        (Box::new(io::Error::from(ErrorKind::NetworkUnreachable)), "unreachable"),
        (Box::new(io::Error::from(ErrorKind::BrokenPipe)), "broken_pipe"),
        (Box::new(io::Error::from(ErrorKind::UnexpectedEof)), "unexpected_eof"),
        (Box::new(custom(ErrorKind::InvalidData, Box::new(tls()))), "tls"),
        // hyper-rustls puts the error of the stream into another one.
        (
            Box::new(custom(
                ErrorKind::Other,
                Box::new(custom(ErrorKind::InvalidData, Box::new(tls()))),
            )),
            "tls",
        ),
        (
            Box::new(custom(
                ErrorKind::InvalidData,
                Box::new(rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)),
            )),
            "tls",
        ),
        (
            Box::new(custom(
                ErrorKind::InvalidData,
                Box::new(rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure)),
            )),
            "tls",
        ),
        (
            Box::new(custom(
                ErrorKind::Other,
                Box::new(io::Error::from(ErrorKind::ConnectionReset)),
            )),
            "connection_reset",
        ),
        (Box::new(custom(ErrorKind::InvalidData, "invalid gzip header".into())), "_OTHER"),
        (Box::new(Outer(None)), "_OTHER"),
        (Box::new(Endless), "_OTHER"),
        ("x".repeat(1 << 20).into(), "_OTHER"),
        ("".into(), "_OTHER"),
    ];
    for (error, expected) in boxed {
        let mut shown = format!("{error:?}");
        shown.truncate(200);
        assert_eq!(type_of(error).await, expected, "{shown}");
    }
    assert_eq!(type_of(io::Error::from(ErrorKind::TimedOut)).await, "timeout");
    assert_eq!(type_of(Outer(None)).await, "main::errors::Outer");
    assert_eq!(type_of(Generic(7)).await, "_OTHER");
}

#[tokio::test]
async fn a_body_that_fails_in_its_own_way() {
    let capture = Capture::new();
    let inner = service_fn(|_: Request<()>| async {
        let stream = futures_util::stream::iter([
            Ok(http_body::Frame::data(bytes::Bytes::from_static(b"a"))),
            Err(Outer(None)),
        ]);
        Ok::<_, io::Error>(Response::new(http_body_util::StreamBody::new(stream)))
    });
    let request = Request::get("http://a.test/").body(()).unwrap();
    let response = layer!(http, capture).layer(inner).oneshot(request).await.unwrap();
    response.into_body().collect().await.unwrap_err();
    capture.assert(expect::span("GET").client().status(200).error("body"));
}

/// A stream that yields one chunk, has it sent and then fails.
fn failing() -> impl futures_util::Stream<Item = io::Result<bytes::Bytes>> + Send {
    let chunk = async { Ok(bytes::Bytes::from_static(b"chunk")) };
    let failure = async {
        tokio::task::yield_now().await;
        Err(io::Error::other("told to"))
    };
    futures_util::stream::once(chunk).chain(futures_util::stream::once(failure))
}

#[tokio::test]
async fn a_server_that_fails_in_the_middle_of_a_body() {
    let app = Router::new().route("/", route(async || axum::body::Body::from_stream(failing())));
    let server = Server::new(app).await;
    let cases = [
        (Via::Hyper, "unexpected_eof"),
        (Via::Http2, "body"),
        (Via::Middleware, "unexpected_eof"),
        (Via::Reqwest, "unexpected_eof"),
    ];
    for (via, expected) in cases {
        let capture = Capture::new();
        via.get(&capture, &server.url("/")).await.unwrap_err();
        capture.assert(expect::span("GET").client().status(200).error(expected));
    }
}

#[tokio::test]
async fn a_request_body_that_fails() {
    let server = Server::recording().await;
    let capture = Capture::new();
    let client = reqwest_middleware::ClientBuilder::new(reqwest_client())
        .with(Middleware::from(layer!(reqwest, capture)))
        .build();
    let body = reqwest::Body::wrap_stream(failing());
    client.post(server.url("/")).body(body).send().await.unwrap_err();
    assert_eq!(error_type(&only(&capture)).as_deref(), Some("request"));
}
