//! When a span ends, and as what: with the body, at the head, or with an error.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures_util::{StreamExt as _, stream};
use http::{Request, Response, StatusCode};
use tokio::sync::mpsc;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tracewire::axum::ServerLayer;
use tracewire::test::{Capture, expect};

use crate::support::bodies::{Script, Step};
use crate::support::{Connection, Site, request};

/// Serves `respond`'s answer at `/`.
pub(crate) async fn site(
    respond: impl Fn(&Capture) -> Response<Body> + Clone + Send + Sync + 'static,
    set: impl FnOnce(ServerLayer) -> ServerLayer,
) -> Site {
    let capture = Capture::new();
    let of_handler = capture.clone();
    let handler = async move || respond(&of_handler);
    Site::recording(capture, |layer| Router::new().route("/", get(handler)).layer(set(layer))).await
}

pub(crate) fn response(
    status: StatusCode,
    headers: &[(&'static str, &'static str)],
    body: Body,
) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}

/// Whatever a response looks like: read to its end, it is one span without an error.
#[tokio::test]
async fn every_kind_of_body_ends_its_span() {
    type Make = fn(&Capture) -> Response<Body>;
    let cases: &[(&str, &str, Make)] = &[
        ("empty", "GET", |_| response(StatusCode::OK, &[], Body::empty())),
        ("text", "GET", |_| response(StatusCode::OK, &[], Body::from("text"))),
        ("head of text", "HEAD", |_| response(StatusCode::OK, &[], Body::from("text"))),
        ("head of a stream", "HEAD", |capture| {
            let script = Script::new(capture, [Step::Pending, Step::Data("text")]);
            response(StatusCode::OK, &[], Body::new(script))
        }),
        ("no content", "GET", |_| response(StatusCode::NO_CONTENT, &[], Body::empty())),
        ("no content with a body", "GET", |capture| {
            let script = Script::new(capture, [Step::Pending, Step::Data("text")]);
            response(StatusCode::NO_CONTENT, &[], Body::new(script))
        }),
        ("not modified with a body", "GET", |capture| {
            let script = Script::new(capture, [Step::Pending, Step::Data("text")]);
            response(StatusCode::NOT_MODIFIED, &[("etag", "\"1\"")], Body::new(script))
        }),
        ("exact length, never polled again", "GET", |capture| {
            let script = Script::new(capture, [Step::Data("te"), Step::Pending, Step::Data("xt")]);
            response(StatusCode::OK, &[], Body::new(script.exact()))
        }),
        ("a length in a header only", "GET", |capture| {
            let script = Script::new(capture, [Step::Data("te"), Step::Pending, Step::Data("xt")]);
            response(StatusCode::OK, &[("content-length", "4")], Body::new(script))
        }),
        ("a length of nothing in a header only", "GET", |capture| {
            let script = Script::new(capture, [Step::Pending]);
            response(StatusCode::OK, &[("content-length", "0")], Body::new(script))
        }),
        ("chunks", "GET", |capture| {
            let steps =
                [Step::Data("a"), Step::Pending, Step::Data(""), Step::Data("b"), Step::Pending];
            response(StatusCode::OK, &[], Body::new(Script::new(capture, steps)))
        }),
        ("chunks of nothing", "GET", |capture| {
            let steps = [Step::Data(""), Step::Pending, Step::Data("")];
            response(StatusCode::OK, &[], Body::new(Script::new(capture, steps)))
        }),
        ("trailers", "GET", |capture| {
            let steps = [Step::Data("a"), Step::Pending, Step::Trailers];
            response(
                StatusCode::OK,
                &[("trailer", "x-checksum")],
                Body::new(Script::new(capture, steps)),
            )
        }),
        ("trailers alone", "GET", |capture| {
            response(
                StatusCode::OK,
                &[("trailer", "x-checksum")],
                Body::new(Script::new(capture, [Step::Trailers])),
            )
        }),
    ];
    for (case, method, make) in cases {
        for version in ["HTTP/1.1", "HTTP/1.0"] {
            let site = site(*make, |layer| layer).await;
            let text = format!(
                "{method} / {version}\r\nHost: a\r\nTE: trailers\r\nConnection: close\r\n\r\n"
            );
            let answer = site.raw(text).await;
            let status = make(&Capture::new()).status().as_u16();
            assert_eq!(answer.status(), status, "{case}: {answer:?}");
            let expected =
                expect::span(format!("{method} /")).server().status(status).without("error.type");
            site.settled(1).await;
            let outline = site.capture.trace().to_string();
            assert!(!outline.contains("error"), "{case}, {version}: {outline}");
            site.capture.assert(expected);
        }
    }
}

/// The span ends with the last byte: not before, and although the connection stays.
#[tokio::test]
async fn a_stream_ends_its_span_on_a_connection_that_stays() {
    let (sender, receiver) = mpsc::channel::<Result<&'static str, Infallible>>(1);
    let receiver = std::sync::Mutex::new(Some(receiver));
    let respond = move |_: &Capture| {
        let receiver = receiver.lock().unwrap().take().unwrap();
        let stream =
            stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
        Response::new(Body::from_stream(stream))
    };
    let respond = Arc::new(respond);
    let site = site(move |capture| respond(capture), |layer| layer).await;
    let mut connection = site.connect().await;
    connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    sender.send(Ok("first")).await.unwrap();
    connection.until("first\r\n").await;
    assert_eq!((site.capture.spans().len(), site.capture.open()), (0, 1));
    drop(sender);
    connection.until("0\r\n\r\n").await;
    site.assert(expect::span("GET /").server().status(200), 1).await;
}

#[tokio::test]
async fn server_sent_events_end_when_they_end() {
    let respond = |_: &Capture| {
        let events =
            stream::iter(["a", "b"]).map(|data| Ok::<_, Infallible>(Event::default().data(data)));
        axum::response::IntoResponse::into_response(Sse::new(events))
    };
    let site = site(respond, |layer| layer).await;
    let answer = site.get("/", &[]).await;
    assert!(answer.body().contains("data: a") && answer.body().contains("data: b"));
    site.assert(expect::span("GET /").server().status(200), 1).await;
}

#[tokio::test]
async fn the_head_may_end_the_span() {
    let (sender, receiver) = mpsc::channel::<Result<&'static str, Infallible>>(1);
    let receiver = Arc::new(std::sync::Mutex::new(Some(receiver)));
    let respond = move |_: &Capture| {
        let receiver = receiver.lock().unwrap().take().unwrap();
        let stream =
            stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
        Response::new(Body::from_stream(stream))
    };
    let site = site(respond, ServerLayer::end_at_head).await;
    let mut connection = site.connect().await;
    connection.send(request("GET", "/", &[])).await;
    connection.until("\r\n\r\n").await;
    // The body has not even begun.
    site.assert(expect::span("GET /").server().status(200), 1).await;
    sender.send(Ok("late")).await.unwrap();
    drop((sender, connection));
    site.settled(1).await;
}

#[tokio::test]
async fn an_error_of_the_body_ends_the_span() {
    for (status, steps) in [
        (StatusCode::OK, vec![Step::Fail]),
        (StatusCode::OK, vec![Step::Data("a"), Step::Pending, Step::Fail]),
        (StatusCode::BAD_GATEWAY, vec![Step::Data("a"), Step::Fail]),
    ] {
        let respond = move |capture: &Capture| {
            response(status, &[], Body::new(Script::new(capture, steps.clone())))
        };
        let site = site(respond, |layer| layer).await;
        site.get("/", &[]).await;
        let expected =
            expect::span("GET /").server().status(status.as_u16()).error("connection_reset");
        site.assert(expected, 1).await;
    }
}

#[tokio::test]
async fn an_error_of_which_nothing_is_known_has_a_type_all_the_same() {
    let respond = |_: &Capture| {
        let failing = stream::iter([Ok("a"), Err(std::fmt::Error)]);
        Response::new(Body::from_stream(failing))
    };
    let site = site(respond, |layer| layer).await;
    site.get("/", &[]).await;
    site.assert(expect::span("GET /").server().status(200).error("body"), 1).await;
}

#[tokio::test]
async fn an_error_of_the_service_ends_the_span() {
    #[derive(Debug)]
    struct OutOfStock;
    let capture = Capture::new();
    let failing = service_fn(async |_: Request<()>| Err::<Response<String>, _>(OutOfStock));
    let layer = tracewire::http::ServerLayer::new().telemetry(&capture.telemetry());
    layer.layer(failing).oneshot(Request::new(())).await.unwrap_err();
    let trace = capture.trace();
    let error_type = trace.roots()[0].attribute("error.type").unwrap().as_str().into_owned();
    assert!(error_type.ends_with("::OutOfStock"), "{error_type}");
    trace.assert(
        expect::span("GET").server().without("http.response.status_code").error(error_type),
    );
}

#[tokio::test]
async fn a_request_body_read_or_not_does_not_matter() {
    let app = |layer: ServerLayer| {
        Router::new()
            .route("/read", axum::routing::post(async |body: String| body))
            .route("/ignore", axum::routing::post(async || "ignored"))
            .layer(layer)
    };
    for (path, body) in [("/read", "content"), ("/ignore", "ignored")] {
        let site = Site::new(app).await;
        let mut connection = site.connect().await;
        connection
            .send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"))
            .await;
        if path == "/read" {
            connection.until("HTTP/1.1 100 Continue\r\n\r\n").await;
        }
        connection.send("content").await;
        assert_eq!(connection.rest().await.body(), body);
        site.assert(expect::span(format!("POST {path}")).server().status(200), 1).await;
    }
}

/// A server that never gets a whole request has nothing to record.
#[tokio::test]
async fn requests_that_are_none_leave_nothing_open() {
    let site = Site::new(|layer| Router::new().route("/", get(async || "")).layer(layer)).await;
    let huge = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Huge: {}\r\n\r\n", "a".repeat(1 << 20));
    for bytes in
        ["\0\x01\x02", "GET /", "GET / HTTP/9.9\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &huge]
    {
        let mut connection = Connection::to(site.address).await;
        connection.send(bytes).await;
        drop(connection);
    }
    assert_eq!(site.get("/", &[]).await.status(), 200);
    site.assert(expect::span("GET /").server().status(200), 1).await;
}
