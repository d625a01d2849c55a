//! Calls that have no span, and whose context travels all the same.

use opentelemetry::trace::{SpanKind, TraceContextExt as _};
use tonic::Request;
use tower::{Layer as _, ServiceExt as _};
use tracewire::test::Capture;
use tracewire::tonic::{ClientLayer, ServerLayer};

use crate::support::{Caller, Echo, SPAN, Site, TRACEPARENT};

type Answer = http::Response<tonic::body::Body>;
type Asked = http::Request<tonic::body::Body>;

fn ask(path: &str, content_type: &str) -> Asked {
    http::Request::post(path)
        .header("content-type", content_type)
        .header("traceparent", TRACEPARENT)
        .body(tonic::body::Body::empty())
        .unwrap()
}

/// Asks a server for a path, and says whether there is a span and whose child the handler was.
async fn served(tell: impl FnOnce(ServerLayer) -> ServerLayer, request: Asked) -> (bool, String) {
    let capture = Capture::new();
    let layer = tell(ServerLayer::new().telemetry(&capture.telemetry()));
    let current = tower::service_fn(async |_: Asked| {
        let context = opentelemetry::Context::current();
        let id = context.span().span_context().span_id().to_string();
        let mut answer: Answer = tonic::Status::ok("").into_http();
        answer.headers_mut().insert("current", id.parse().unwrap());
        Ok::<_, std::convert::Infallible>(answer)
    });
    let answer = layer.layer(current).oneshot(request).await.unwrap();
    assert_eq!(capture.open(), 0);
    (!capture.spans().is_empty(), answer.headers()["current"].to_str().unwrap().to_owned())
}

const GRPC: &str = "application/grpc";

#[tokio::test]
async fn a_server_leaves_out_what_it_is_told() {
    type Tell = fn(ServerLayer) -> ServerLayer;
    let health: Tell = ServerLayer::skip_health_checks;
    let reflection: Tell = ServerLayer::skip_reflection;
    let service: Tell = |layer| layer.skip_service("shop.Orders");
    let own: Tell = |layer| layer.skip(|request| request.uri.path().ends_with("/Ping"));
    let cases = [
        (health, "/grpc.health.v1.Health/Check", false),
        (health, "/grpc.health.v1.Health/Watch", false),
        (health, "/grpc.health.v1.HealthCheck/Check", true),
        (health, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", true),
        (reflection, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", false),
        (reflection, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", false),
        (reflection, "/grpc.health.v1.Health/Check", true),
        (service, "/shop.Orders/Get", false),
        (service, "/shop.OrdersArchive/Get", true),
        (own, "/shop.Orders/Ping", false),
        (own, "/shop.Orders/Get", true),
    ];
    for (tell, path, has_span) in cases {
        let (found, current) = served(tell, ask(path, GRPC)).await;
        assert_eq!(found, has_span, "{path}");
        assert_eq!(current == SPAN, !has_span, "{path}: the caller's context travels on");
    }
}

#[tokio::test]
async fn filters_add_up() {
    let tell = |layer: ServerLayer| layer.skip_health_checks().skip_reflection();
    for path in ["/grpc.health.v1.Health/Check", "/grpc.reflection.v1.ServerReflection/Info"] {
        assert!(!served(tell, ask(path, GRPC)).await.0, "{path}");
    }
    assert!(served(tell, ask("/shop.Orders/Get", GRPC)).await.0);
}

#[tokio::test]
async fn what_is_not_grpc_has_no_span() {
    for (content_type, has_span) in [
        ("application/grpc", true),
        ("application/grpc+proto", true),
        ("application/grpc-web", true),
        ("application/grpc-web-text+proto", true),
        ("application/json", false),
        ("text/html", false),
    ] {
        let request = ask("/shop.Orders/Get", content_type);
        assert_eq!(served(|layer| layer, request).await.0, has_span, "{content_type}");
    }
    let mut request = ask("/", GRPC);
    request.headers_mut().remove("content-type");
    assert_eq!(served(|layer| layer, request).await, (false, SPAN.to_owned()));
}

#[tokio::test]
async fn a_client_leaves_out_what_it_is_told() {
    let site = Site::new().await;
    let layer = ClientLayer::new().telemetry(&site.capture.telemetry());
    let layer = layer.skip_health_checks().skip_reflection().skip_service("test.Quiet");
    let channel = layer.layer(site.endpoint().connect().await.unwrap());
    for service in ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "test.Quiet"] {
        let mut caller = Caller::new(channel.clone()).service(service);
        let mut request = Request::new(String::new());
        request.metadata_mut().insert("traceparent", TRACEPARENT.parse().unwrap());
        assert!(caller.call("Check", request).await.is_err());
        let span = site.only_span().await;
        assert_eq!(span.span_kind, SpanKind::Server);
        assert_eq!(span.parent_span_id.to_string(), SPAN, "what the request has stays");
        site.capture.clear();
    }
}

#[tokio::test]
async fn a_skipped_call_still_works() {
    let site = Site::built(|layer, echo| {
        tonic::transport::Server::builder()
            .layer(layer.skip_service("test.Echo"))
            .add_service::<Echo>(echo)
    })
    .await;
    assert_eq!(site.stock().await.unary("hello").await.unwrap(), "hello");
    assert!(site.capture.spans().is_empty());
    assert_eq!(site.capture.open(), 0);
}
