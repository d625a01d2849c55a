//! Calls that end before they are done: cancelled, too late, panicked.

use std::time::Duration;

use futures_util::stream;
use tonic::Request;
use tower::{Layer as _, ServiceExt as _};
use tracewire::test::{Capture, expect};
use tracewire::tonic::{ClientLayer, ServerLayer};

use crate::support::{Caller, Site, client, endpoint, server, wire};

const STATUS: &str = "rpc.response.status_code";

fn cancelled(method: &'static str) -> expect::Span {
    client(method)
        .error("CANCELLED")
        .attribute(STATUS, "CANCELLED")
        .child(server(method).attribute(STATUS, "CANCELLED"))
}

fn late(method: &'static str) -> expect::Span {
    let late =
        |span: expect::Span| span.error("DEADLINE_EXCEEDED").attribute(STATUS, "DEADLINE_EXCEEDED");
    late(client(method)).child(late(server(method)))
}

#[tokio::test]
async fn a_client_drops_the_future() {
    let site = Site::new().await;
    let mut caller = site.client().await;
    let waiting = site.echo.waiting.clone();
    tokio::select! {
        answer = caller.unary("wait") => panic!("{answer:?}"),
        () = waiting.notified() => {}
    }
    site.assert(2, cancelled("test.Echo/Unary")).await;
}

#[tokio::test]
async fn a_client_drops_the_stream() {
    let site = Site::new().await;
    let mut answers = site.client().await.server_stream("first, wait").await.unwrap();
    assert_eq!(answers.message().await.unwrap().unwrap(), "first");
    drop(answers);
    site.assert(2, cancelled("test.Echo/ServerStream")).await;
}

#[tokio::test]
async fn a_client_drops_a_stream_that_it_sends() {
    let site = Site::new().await;
    let mut caller = site.client().await;
    let waiting = site.echo.waiting.clone();
    let messages = futures_util::StreamExt::chain(stream::iter(["wait"]), stream::pending());
    tokio::select! {
        answer = caller.client_stream(messages) => panic!("{answer:?}"),
        () = waiting.notified() => {}
    }
    site.assert(2, cancelled("test.Echo/ClientStream")).await;
}

#[tokio::test]
async fn a_client_drops_the_future_before_its_first_poll() {
    let capture = Capture::new();
    let layer = ClientLayer::new().telemetry(&capture.telemetry());
    let never = tower::service_fn(|_: http::Request<tonic::body::Body>| {
        std::future::pending::<Result<http::Response<tonic::body::Body>, tonic::Status>>()
    });
    let request = http::Request::post("/test.Echo/Unary").body(tonic::body::Body::empty());
    let mut service = layer.layer(never);
    drop(tower::Service::call(&mut service, request.unwrap()));
    capture.assert(client("test.Echo/Unary").error("CANCELLED"));
    assert_eq!(capture.open(), 0);
}

#[tokio::test]
async fn a_server_is_stopped() {
    // A runtime of its own takes all tasks of the server with it. With a second thread one of them
    // might say that the stream is over while another is taken.
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
    let site = runtime.spawn(Site::new()).await.unwrap();
    let mut answers = site.client().await.server_stream("first, wait").await.unwrap();
    assert_eq!(answers.message().await.unwrap().unwrap(), "first");
    runtime.shutdown_background();
    let (_, status) = crate::support::drain(answers).await;
    assert!(status.is_some());
    let expected = client("test.Echo/ServerStream")
        .error("UNKNOWN")
        .child(server("test.Echo/ServerStream").attribute(STATUS, "CANCELLED"));
    site.assert(2, expected).await;
}

#[tokio::test]
async fn the_connection_of_a_client_breaks() {
    let site = Site::new().await;
    let (mut requests, connection) = wire::connect(site.address).await;
    let request = http::Request::builder().uri("http://shop/test.Echo/ServerStream");
    let (response, mut stream) = wire::ask(&mut requests, request);
    stream.send_data(wire::message("first, wait"), true).unwrap();
    assert_eq!(response.await.unwrap().status(), 200);
    connection.abort();
    let expected = server("test.Echo/ServerStream").attribute(STATUS, "CANCELLED");
    site.assert(1, expected).await;
}

#[tokio::test]
async fn a_server_answers_that_it_has_cancelled() {
    let site = Site::new().await;
    assert!(site.client().await.unary("status 1 shutting down").await.is_err());
    site.assert(2, cancelled("test.Echo/Unary")).await;
}

#[tokio::test]
async fn a_deadline_passes() {
    let site = Site::new().await;
    let mut request = Request::new("wait".to_owned());
    request.set_timeout(Duration::from_millis(100));
    assert!(site.client().await.call("Unary", request).await.is_err());
    site.assert(2, late("test.Echo/Unary")).await;
}

#[tokio::test]
async fn a_deadline_of_the_channel_passes() {
    let site = Site::new().await;
    let channel = site.endpoint().timeout(Duration::from_millis(100)).connect().await.unwrap();
    let layer = ClientLayer::new().telemetry(&site.capture.telemetry());
    assert!(Caller::new(layer.layer(channel)).unary("wait").await.is_err());
    // The server is not told of it.
    let expected = client("test.Echo/Unary")
        .error("DEADLINE_EXCEEDED")
        .child(server("test.Echo/Unary").attribute(STATUS, "CANCELLED"));
    site.assert(2, expected).await;
}

#[tokio::test]
async fn a_deadline_of_the_channel_that_is_a_status_already() {
    let site = Site::new().await;
    let channel = site.endpoint().timeout(Duration::from_millis(100)).connect().await.unwrap();
    let service = tower::ServiceBuilder::new()
        .layer(ClientLayer::new().telemetry(&site.capture.telemetry()))
        .map_err(|error: tonic::transport::Error| tonic::Status::from_error(error.into()))
        .service(channel);
    assert!(Caller::new(service).unary("wait").await.is_err());
    let expected = client("test.Echo/Unary").error("DEADLINE_EXCEEDED");
    site.assert(2, expected.child(server("test.Echo/Unary"))).await;
}

#[tokio::test]
async fn a_server_that_is_the_first_to_see_a_deadline_pass() {
    // tonic's servers say `CANCELLED` then.
    let site = Site::new().await;
    let mut late = site.client_with(|layer| layer.timeout(Duration::ZERO)).await;
    assert!(late.unary("status 1 Timeout expired").await.is_err());
    let expected = client("test.Echo/Unary").error("DEADLINE_EXCEEDED");
    site.assert(2, expected.child(server("test.Echo/Unary").attribute(STATUS, "CANCELLED"))).await;
}

#[tokio::test]
async fn a_deadline_of_the_server_passes() {
    let limit = Duration::from_millis(100);
    let site = Site::built(|layer, echo| {
        let server = tonic::transport::Server::builder().timeout(limit);
        server.layer(layer.timeout(limit)).add_service(echo)
    })
    .await;
    // What tonic's server says about it is all that the client knows.
    assert!(site.client().await.unary("wait").await.is_err());
    let expected = client("test.Echo/Unary")
        .error("CANCELLED")
        .child(server("test.Echo/Unary").error("DEADLINE_EXCEEDED"));
    site.assert(2, expected).await;
}

#[tokio::test]
async fn a_deadline_that_does_not_pass_changes_nothing() {
    let site = Site::new().await;
    let mut request = Request::new("hello".to_owned());
    request.set_timeout(Duration::from_secs(60));
    site.client().await.call("Unary", request).await.unwrap();
    site.assert(2, crate::support::call("test.Echo/Unary")).await;
}

#[tokio::test]
async fn a_cancel_long_before_the_deadline_is_a_cancel() {
    let site = Site::new().await;
    let mut caller = site.client().await;
    let waiting = site.echo.waiting.clone();
    let mut request = Request::new("wait".to_owned());
    request.set_timeout(Duration::from_secs(60));
    tokio::select! {
        answer = caller.call("Unary", request) => panic!("{answer:?}"),
        () = waiting.notified() => {}
    }
    site.assert(2, cancelled("test.Echo/Unary")).await;
}

#[tokio::test]
async fn a_panic_before_the_head() {
    let site = Site::new().await;
    let mut caller = site.client().await;
    assert!(caller.unary("panic").await.is_err());
    site.capture.ended(2).await;
    let trace = site.capture.trace();
    let server_span = &trace.roots()[0].children[0];
    assert_eq!(server_span.attribute("error.type").unwrap().as_str(), "panic");
    assert_eq!(server_span.attribute("rpc.method").unwrap().as_str(), "test.Echo/Unary");
    assert_eq!(server_span.attribute(STATUS), None);
    assert!(trace.roots()[0].attribute("error.type").is_some());
    assert_eq!(site.capture.open(), 0);
}

#[tokio::test]
async fn a_panic_between_messages() {
    let site = Site::new().await;
    let mut answers = site.client().await.server_stream("first, panic").await.unwrap();
    while let Ok(Some(_)) = answers.message().await {}
    site.capture.ended(2).await;
    let trace = site.capture.trace();
    let server_span = &trace.roots()[0].children[0];
    assert_eq!(server_span.attribute("error.type").unwrap().as_str(), "panic");
    assert_eq!(server_span.attribute(STATUS), None);
    assert_eq!(site.capture.open(), 0);
}

#[tokio::test]
async fn nobody_listens() {
    let capture = Capture::new();
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    let layer = ClientLayer::new().telemetry(&capture.telemetry());
    let channel = layer.layer(endpoint(address).connect_lazy());
    let status = Caller::new(channel).unary("hello").await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    capture.assert(client("test.Echo/Unary").error("UNAVAILABLE").attribute(STATUS, "UNAVAILABLE"));
    let span = capture.spans().remove(0);
    let description = opentelemetry::trace::Status::error("connection_refused");
    assert_eq!(span.status, description);
}

#[tokio::test]
async fn a_service_fails_with_an_error_that_is_no_status() {
    let capture = Capture::new();
    let fail = tower::service_fn(async |_: http::Request<tonic::body::Body>| {
        Err::<http::Response<tonic::body::Body>, _>(std::io::Error::from(
            std::io::ErrorKind::ConnectionReset,
        ))
    });
    let request = || {
        let request = http::Request::post("/test.Echo/Unary");
        let request = request.header("content-type", "application/grpc");
        request.body(tonic::body::Body::empty()).unwrap()
    };
    let layer = ClientLayer::new().telemetry(&capture.telemetry());
    assert!(layer.layer(fail).oneshot(request()).await.is_err());
    capture.assert(client("test.Echo/Unary").error("UNKNOWN").attribute(STATUS, "UNKNOWN"));

    capture.clear();
    let layer = ServerLayer::new().telemetry(&capture.telemetry());
    assert!(layer.layer(fail).oneshot(request()).await.is_err());
    capture.assert(server("test.Echo/Unary").error("connection_reset").without(STATUS));
}
