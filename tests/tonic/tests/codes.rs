//! Every status code, on both sides, wherever it stands.

use futures_util::stream;
use http::StatusCode;
use opentelemetry::trace::Status as SpanStatus;
use tonic::Code;
use tower::{Layer as _, ServiceExt as _};
use tracewire::test::{Capture, SpanData, expect};
use tracewire::tonic::ServerLayer;

use crate::support::{Site, attribute, client, drain, server, wire};

/// The names, and whether they are the server's fault.
const CODES: [(&str, bool); 17] = [
    ("OK", false),
    ("CANCELLED", false),
    ("UNKNOWN", true),
    ("INVALID_ARGUMENT", false),
    ("DEADLINE_EXCEEDED", true),
    ("NOT_FOUND", false),
    ("ALREADY_EXISTS", false),
    ("PERMISSION_DENIED", false),
    ("RESOURCE_EXHAUSTED", false),
    ("FAILED_PRECONDITION", false),
    ("ABORTED", false),
    ("OUT_OF_RANGE", false),
    ("UNIMPLEMENTED", true),
    ("INTERNAL", true),
    ("UNAVAILABLE", true),
    ("DATA_LOSS", true),
    ("UNAUTHENTICATED", false),
];

/// Both ends of a call that ended with this code.
fn both(method: &'static str, name: &'static str, is_servers_fault: bool) -> expect::Span {
    let with = |span: expect::Span, is_error: bool| {
        let span = span.attribute("rpc.response.status_code", name);
        if is_error { span.error(name) } else { span }
    };
    with(client(method), name != "OK").child(with(server(method), is_servers_fault))
}

fn description(span: &SpanData) -> &str {
    match &span.status {
        SpanStatus::Error { description } => description,
        _ => "",
    }
}

#[tokio::test]
async fn codes_in_a_head_without_a_body() {
    let site = Site::with(|layer| layer.known_methods(["test.Echo/Unary"])).await;
    let mut caller = site.client().await;
    for (code, (name, is_servers_fault)) in CODES.into_iter().enumerate() {
        let answer = caller.unary(&format!("status {code} because of n\u{e4}mes: 100%")).await;
        // `OK` without a message is an error to tonic's client, which the wire knows nothing of.
        let told =
            if code == 0 { Code::Internal } else { Code::from_i32(code.try_into().unwrap()) };
        assert_eq!(answer.unwrap_err().code(), told);
        site.assert(2, both("test.Echo/Unary", name, is_servers_fault)).await;
        let expected = |is_error| if is_error { "because of n\u{e4}mes: 100%" } else { "" };
        let spans = site.capture.spans();
        let [first, second] = &spans[..] else { panic!("two spans are expected") };
        let (server, client) = match first.span_kind {
            opentelemetry::trace::SpanKind::Server => (first, second),
            _ => (second, first),
        };
        assert_eq!(description(client), expected(code != 0), "{name}, client");
        assert_eq!(description(server), expected(is_servers_fault), "{name}, server");
        site.capture.clear();
    }
}

#[tokio::test]
async fn codes_in_trailers_after_messages() {
    let site = Site::new().await;
    let mut caller = site.client().await;
    for (code, (name, is_servers_fault)) in CODES.into_iter().enumerate() {
        let words = format!("first, second, status {code} too bad");
        let (answers, status) = drain(caller.server_stream(&words).await.unwrap()).await;
        assert_eq!(answers, ["first", "second"]);
        assert_eq!(status.map_or(0, |status| status.code() as usize), code);
        site.assert(2, both("test.Echo/ServerStream", name, is_servers_fault)).await;
        site.capture.clear();
    }
}

#[tokio::test]
async fn codes_in_trailers_without_messages() {
    let site = Site::new().await;
    let mut caller = site.client().await;
    for (code, message) in [(5, "status 5"), (13, "status 13"), (0, "status 0")] {
        let answers = caller.bidi(stream::iter([message])).await.unwrap();
        let (answers, _) = drain(answers).await;
        assert!(answers.is_empty());
        let (name, is_servers_fault) = CODES[code];
        site.assert(2, both("test.Echo/Bidi", name, is_servers_fault)).await;
        site.capture.clear();
    }
}

#[tokio::test]
async fn codes_that_grpc_does_not_have_are_unknown() {
    for code in ["17", "-1", "abc", "00", ""] {
        let (address, _server) = wire::serve(move |connection| {
            wire::answer(connection, move |_, mut response| {
                let mut stream = response.send_response(wire::head(200), false).unwrap();
                stream.send_trailers(wire::trailers(code, "odd")).unwrap();
            })
        })
        .await;
        let span = called(address).await;
        assert_eq!(attribute(&span, "rpc.response.status_code").unwrap(), "UNKNOWN", "{code}");
        assert_eq!(attribute(&span, "error.type").unwrap(), "UNKNOWN", "{code}");
    }
}

/// The span of one call to a server that answers by hand.
async fn called(address: std::net::SocketAddr) -> SpanData {
    let capture = Capture::new();
    let layer = tracewire::tonic::ClientLayer::new().telemetry(&capture.telemetry());
    let channel = crate::support::endpoint(address).connect().await.unwrap();
    let mut caller = crate::support::Caller::new(layer.layer(channel));
    let answer = caller.unary("hello").await;
    assert!(answer.is_err());
    capture.ended(1).await;
    assert_eq!(capture.open(), 0);
    capture.spans().remove(0)
}

/// HTTP statuses and what they mean where there is no other.
const HTTP: [(u16, &str, bool); 11] = [
    (200, "UNKNOWN", true),
    (400, "INTERNAL", true),
    (401, "UNAUTHENTICATED", false),
    (403, "PERMISSION_DENIED", false),
    (404, "UNIMPLEMENTED", true),
    (418, "UNKNOWN", true),
    (429, "UNAVAILABLE", true),
    (500, "UNKNOWN", true),
    (502, "UNAVAILABLE", true),
    (503, "UNAVAILABLE", true),
    (504, "UNAVAILABLE", true),
];

#[tokio::test]
async fn a_client_reads_http_where_there_is_no_other_status() {
    for (status, name, _) in HTTP {
        for has_body in [false, true] {
            let (address, _server) = wire::serve(move |connection| {
                wire::answer(connection, move |_, mut response| {
                    let head = wire::head(status);
                    let mut stream = response.send_response(head, !has_body).unwrap();
                    if has_body {
                        stream.send_data("<html>sorry</html>".into(), true).unwrap();
                    }
                })
            })
            .await;
            let span = called(address).await;
            let found = attribute(&span, "rpc.response.status_code").unwrap();
            assert_eq!(found, name, "{status}, body: {has_body}");
            assert_eq!(attribute(&span, "error.type").as_deref(), Some(name));
        }
    }
}

#[tokio::test]
async fn a_server_reads_http_where_there_is_no_other_status() {
    for (status, name, is_error) in HTTP {
        let capture = Capture::new();
        let layer = ServerLayer::new().telemetry(&capture.telemetry());
        let refuse = tower::service_fn(move |_: http::Request<tonic::body::Body>| {
            let mut response = http::Response::new(tonic::body::Body::empty());
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            std::future::ready(Ok::<_, std::convert::Infallible>(response))
        });
        let request = http::Request::post("/test.Echo/Unary")
            .header("content-type", "application/grpc")
            .body(tonic::body::Body::empty())
            .unwrap();
        layer.layer(refuse).oneshot(request).await.unwrap();
        let span = capture.spans().remove(0);
        assert_eq!(attribute(&span, "rpc.response.status_code").unwrap(), name, "{status}");
        let error = attribute(&span, "error.type");
        assert_eq!(error.as_deref(), is_error.then_some(name), "{status}");
    }
}

#[tokio::test]
async fn the_first_word_counts() {
    // A head that has a status is the end, whatever trailers say.
    let (address, _server) = wire::serve(|connection| {
        wire::answer(connection, |_, mut response| {
            let mut head = wire::head(200);
            head.headers_mut().extend(wire::trailers("7", "no"));
            let mut stream = response.send_response(head, false).unwrap();
            stream.send_trailers(wire::trailers("0", "")).unwrap();
        })
    })
    .await;
    let span = called(address).await;
    assert_eq!(attribute(&span, "rpc.response.status_code").unwrap(), "PERMISSION_DENIED");
    assert_eq!(description(&span), "no");
}
