//! gRPC-Web, on either side of the layer that translates it.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinHandle;
use tonic_web::{GrpcWebClientLayer, GrpcWebLayer};
use tower::ServiceBuilder;
use tracewire::test::{Capture, expect};
use tracewire::tonic::{ClientLayer, ServerLayer};

use crate::support::{Caller, Echo, TRACEPARENT, call, drain, endpoint, listen, server, wire};

/// Where the translation is, seen from the layer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Translation {
    Outside,
    Inside,
}

const PLACES: [Translation; 2] = [Translation::Outside, Translation::Inside];

fn serve(place: Translation, capture: &Capture) -> (SocketAddr, JoinHandle<()>) {
    let incoming = listen();
    let address = incoming.local_addr().unwrap();
    let layer = ServerLayer::new().telemetry(&capture.telemetry()).count_messages();
    let builder = tonic::transport::Server::builder().accept_http1(true);
    let task = match place {
        Translation::Outside => {
            let mut server = builder.layer(GrpcWebLayer::new()).layer(layer);
            let router = server.add_service(Echo::default());
            tokio::spawn(async move { router.serve_with_incoming(incoming).await.unwrap() })
        }
        Translation::Inside => {
            let mut server = builder.layer(layer).layer(GrpcWebLayer::new());
            let router = server.add_service(Echo::default());
            tokio::spawn(async move { router.serve_with_incoming(incoming).await.unwrap() })
        }
    };
    (address, task)
}

/// Asks as a browser does: HTTP/1.1, no trailers.
async fn ask(address: SocketAddr, kind: &str, method: &str, body: Bytes) -> Bytes {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = http::Request::post(format!("http://{address}/test.Echo/{method}"))
        .header("content-type", kind)
        .header("accept", kind)
        .header("traceparent", TRACEPARENT)
        .body(Full::new(body))
        .unwrap();
    let response = client.request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    response.into_body().collect().await.unwrap().to_bytes()
}

/// `hello`, `a, b, status 13 broken`, `status 5` as messages in base64.
const TEXTS: [(&str, &str); 3] = [
    ("hello", "AAAAAAVoZWxsbw=="),
    ("a, b, status 13 broken", "AAAAABZhLCBiLCBzdGF0dXMgMTMgYnJva2Vu"),
    ("status 5", "AAAAAAhzdGF0dXMgNQ=="),
];

#[tokio::test]
async fn binary_and_text_say_how_calls_end() {
    let cases = [
        ("Unary", 0, "OK", 1, None),
        ("ServerStream", 1, "INTERNAL", 2, Some("INTERNAL")),
        ("Unary", 2, "NOT_FOUND", 0, None),
    ];
    for place in PLACES {
        let capture = Capture::new();
        let (address, task) = serve(place, &capture);
        for (method, text, status, sent, error) in cases {
            let (plain, base64) = TEXTS[text];
            for (kind, body) in [
                ("application/grpc-web", wire::message(plain)),
                ("application/grpc-web+proto", wire::message(plain)),
                ("application/grpc-web-text", Bytes::from(base64)),
            ] {
                ask(address, kind, method, body).await;
                capture.ended(1).await;
                let name =
                    if method == "Unary" { "test.Echo/Unary" } else { "test.Echo/ServerStream" };
                let expected = server(name)
                    .attribute("rpc.response.status_code", status)
                    .attribute("tracewire.rpc.messages_sent", sent)
                    .attribute("tracewire.rpc.messages_received", 1);
                let expected = error.map_or(expected.clone(), |error| expected.error(error));
                capture.assert(expected);
                assert_eq!(capture.open(), 0, "{place:?}, {kind}");
                let parent = capture.spans()[0].parent_span_id.to_string();
                assert_eq!(parent, crate::support::SPAN, "{place:?}, {kind}");
                capture.clear();
            }
        }
        task.abort();
    }
}

#[tokio::test]
async fn what_a_browser_asks_before_is_no_call() {
    for place in PLACES {
        let capture = Capture::new();
        let (address, task) = serve(place, &capture);
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let request = http::Request::options(format!("http://{address}/test.Echo/Unary"))
            .header("origin", "https://shop.example")
            .header("access-control-request-method", "POST")
            .body(Full::default())
            .unwrap();
        client.request(request).await.unwrap();
        assert!(capture.spans().is_empty());
        assert_eq!(capture.open(), 0);
        task.abort();
    }
}

#[tokio::test]
async fn a_client_that_translates() {
    for place in PLACES {
        let capture = Capture::new();
        let (address, task) = serve(place, &capture);
        let hyper = Client::builder(TokioExecutor::new()).build_http();
        let service = ServiceBuilder::new()
            .layer(ClientLayer::new().telemetry(&capture.telemetry()))
            .layer(GrpcWebClientLayer::new())
            .service(hyper);
        let origin = endpoint(address).uri().clone();
        let grpc = tonic::client::Grpc::with_origin(service, origin);
        let mut caller = Caller::of(grpc);
        let (answers, status) =
            drain(caller.server_stream("a, status 14 later").await.unwrap()).await;
        assert_eq!((answers.len(), status.unwrap().message()), (1, "later"));
        capture.ended(2).await;
        let unavailable = |span: expect::Span| span.error("UNAVAILABLE");
        let server = unavailable(server("test.Echo/ServerStream"));
        let client = crate::support::client("test.Echo/ServerStream");
        capture.assert(unavailable(client).child(server));
        capture.clear();
        caller.unary("hello").await.unwrap();
        capture.ended(2).await;
        capture.assert(call("test.Echo/Unary"));
        task.abort();
    }
}
