//! What HTTP/2 does to a call: streams that are reset, connections that go away, missing trailers.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;
use tonic::Status;
use tower::Layer as _;
use tracewire::test::{Capture, SpanData};
use tracewire::tonic::ClientLayer;

use crate::support::{Caller, Site, attribute, drain, endpoint, server, wire};

const STATUS: &str = "rpc.response.status_code";

/// Calls a streaming method and reads all of it: the messages, what the application is told in the
/// end, and the span.
async fn called(address: SocketAddr) -> (Vec<String>, Option<Status>, SpanData) {
    let capture = Capture::new();
    let layer = ClientLayer::new().telemetry(&capture.telemetry());
    let mut caller = Caller::new(layer.layer(endpoint(address).connect().await.unwrap()));
    let (messages, status) = match caller.server_stream("hello").await {
        Ok(answers) => drain(answers).await,
        Err(status) => (Vec::new(), Some(status)),
    };
    capture.ended(1).await;
    assert_eq!(capture.open(), 0);
    (messages, status, capture.spans().remove(0))
}

fn name(status: &Option<Status>) -> &'static str {
    match status.as_ref().map_or(0, |status| i32::from(status.code())) {
        0 => "OK",
        1 => "CANCELLED",
        2 => "UNKNOWN",
        8 => "RESOURCE_EXHAUSTED",
        13 => "INTERNAL",
        14 => "UNAVAILABLE",
        other => panic!("unexpected code {other}"),
    }
}

const REASONS: [Reason; 6] = [
    Reason::PROTOCOL_ERROR,
    Reason::INTERNAL_ERROR,
    Reason::REFUSED_STREAM,
    Reason::CANCEL,
    Reason::ENHANCE_YOUR_CALM,
    Reason::STREAM_CLOSED,
];

/// The span says what the application is told, which is what tonic makes of the reason.
#[tokio::test]
async fn a_server_resets_the_stream_before_its_head() {
    for reason in REASONS {
        let (address, _server) = wire::serve(move |connection| {
            wire::answer(connection, move |_, mut response: SendResponse<Bytes>| {
                response.send_reset(reason);
            })
        })
        .await;
        let (_, status, span) = called(address).await;
        assert_eq!(attribute(&span, STATUS).unwrap(), name(&status), "{reason}");
        assert_eq!(attribute(&span, "error.type").unwrap(), name(&status), "{reason}");
    }
}

#[tokio::test]
async fn a_server_resets_the_stream_in_the_middle() {
    for reason in REASONS {
        let (address, _server) = wire::serve(move |mut connection| async move {
            let (_, mut response) = connection.accept().await.unwrap().unwrap();
            let mut stream = response.send_response(wire::head(200), false).unwrap();
            stream.send_data(wire::message("first"), false).unwrap();
            // The message must have left before the reset, which would overtake it.
            let reset = async move {
                tokio::task::yield_now().await;
                stream.send_reset(reason);
            };
            let go_on = async { while connection.accept().await.is_some() {} };
            tokio::join!(reset, go_on);
        })
        .await;
        let (_, status, span) = called(address).await;
        assert_ne!(name(&status), "OK", "{reason}");
        assert_eq!(attribute(&span, STATUS).unwrap(), name(&status), "{reason}");
    }
}

#[tokio::test]
async fn a_connection_goes_away_once_its_streams_are_done() {
    let (address, _server) = wire::serve(|mut connection| async move {
        let (_, mut response) = connection.accept().await.unwrap().unwrap();
        connection.graceful_shutdown();
        let mut stream = response.send_response(wire::head(200), false).unwrap();
        stream.send_data(wire::message("first"), false).unwrap();
        stream.send_trailers(wire::trailers("0", "")).unwrap();
        while connection.accept().await.is_some() {}
    })
    .await;
    let (messages, status, span) = called(address).await;
    assert_eq!((messages, name(&status)), (vec!["first".to_owned()], "OK"));
    assert_eq!(attribute(&span, STATUS).unwrap(), "OK");
    assert_eq!(attribute(&span, "error.type"), None);
}

#[tokio::test]
async fn a_connection_goes_away_with_its_streams() {
    for reason in [Reason::INTERNAL_ERROR, Reason::ENHANCE_YOUR_CALM] {
        let (address, _server) = wire::serve(move |mut connection| async move {
            let (_, mut response) = connection.accept().await.unwrap().unwrap();
            let stream = response.send_response(wire::head(200), false).unwrap();
            connection.abrupt_shutdown(reason);
            while connection.accept().await.is_some() {}
            drop(stream);
        })
        .await;
        let (_, status, span) = called(address).await;
        assert_ne!(name(&status), "OK", "{reason}");
        assert_eq!(attribute(&span, STATUS).unwrap(), name(&status), "{reason}");
    }
}

#[tokio::test]
async fn a_connection_breaks() {
    let (address, server) = wire::serve(|mut connection| async move {
        let (_, mut response) = connection.accept().await.unwrap().unwrap();
        let mut stream = response.send_response(wire::head(200), false).unwrap();
        stream.send_data(wire::message("first"), false).unwrap();
        let _ = futures_util::poll!(std::pin::pin!(connection.accept()));
    })
    .await;
    let (_, status, span) = called(address).await;
    server.await.unwrap();
    assert_ne!(name(&status), "OK");
    assert_eq!(attribute(&span, STATUS).unwrap(), name(&status));
}

#[tokio::test]
async fn trailers_are_missing() {
    for has_message in [false, true] {
        let (address, _server) = wire::serve(move |connection| {
            wire::answer(connection, move |_, mut response| {
                let mut stream = response.send_response(wire::head(200), false).unwrap();
                let data = if has_message { wire::message("first") } else { Bytes::new() };
                stream.send_data(data, true).unwrap();
            })
        })
        .await;
        let (_, status, span) = called(address).await;
        assert_eq!(name(&status), "UNKNOWN");
        assert_eq!(attribute(&span, STATUS).unwrap(), "UNKNOWN", "message: {has_message}");
    }
}

#[tokio::test]
async fn trailers_without_a_status() {
    let (address, _server) = wire::serve(|connection| {
        wire::answer(connection, |_, mut response| {
            let mut stream = response.send_response(wire::head(200), false).unwrap();
            let mut trailers = http::HeaderMap::new();
            trailers.insert("grpc-message", "forgot it".parse().unwrap());
            stream.send_trailers(trailers).unwrap();
        })
    })
    .await;
    let (_, status, span) = called(address).await;
    assert_eq!((name(&status), attribute(&span, STATUS).unwrap()), ("UNKNOWN", "UNKNOWN".into()));
}

#[tokio::test]
async fn status_only_in_trailers() {
    let (address, _server) = wire::serve(|connection| {
        wire::answer(connection, |_, mut response| {
            let mut stream = response.send_response(wire::head(200), false).unwrap();
            stream.send_data(wire::message("first"), false).unwrap();
            stream.send_trailers(wire::trailers("14", "try%20later")).unwrap();
        })
    })
    .await;
    let (messages, _, span) = called(address).await;
    assert_eq!(messages, ["first"]);
    assert_eq!(attribute(&span, STATUS).unwrap(), "UNAVAILABLE");
    assert_eq!(span.status, opentelemetry::trace::Status::error("try later"));
}

#[tokio::test]
async fn a_client_resets_the_stream() {
    for reason in [Reason::CANCEL, Reason::INTERNAL_ERROR, Reason::NO_ERROR] {
        let site = Site::new().await;
        let (mut requests, _connection) = wire::connect(site.address).await;
        let request = http::Request::builder().uri("http://shop/test.Echo/Bidi");
        let (response, mut stream) = wire::ask(&mut requests, request);
        stream.send_data(wire::message("first"), false).unwrap();
        let mut body = response.await.unwrap().into_body();
        assert_eq!(body.data().await.unwrap().unwrap(), wire::message("first"));
        stream.send_reset(reason);
        let expected = server("test.Echo/Bidi").attribute(STATUS, "CANCELLED");
        site.assert(1, expected).await;
    }
}

#[tokio::test]
async fn a_request_that_is_cut_short_is_an_answer_like_any_other() {
    let site = Site::new().await;
    let (mut requests, _connection) = wire::connect(site.address).await;
    let request = http::Request::builder().uri("http://shop/test.Echo/Unary");
    let (response, mut stream) = wire::ask(&mut requests, request);
    stream.send_data(wire::message("first").slice(..7), true).unwrap();
    let response = response.await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "13");
    site.assert(1, server("test.Echo/Unary").error("INTERNAL")).await;
}
