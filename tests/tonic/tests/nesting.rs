//! Layers inside one another: one hop has one span.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use opentelemetry::KeyValue;
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::trace::Sampler;
use tonic::body::Body;
use tonic::service::Routes;
use tower::{Layer, Service, ServiceBuilder, ServiceExt as _};
use tracewire::test::{Capture, expect};
use tracewire::tonic::{ClientLayer, ServerLayer};
use tracewire::{axum as for_axum, http as for_http};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{Echo, SPAN, TRACE, attribute, call};

fn ask(path: &str) -> http::Request<Body> {
    let body = crate::support::wire::message("hello");
    let body = http_body_util::Full::new(body);
    ask_with(path, Body::new(body))
}

fn ask_with(path: &str, body: Body) -> http::Request<Body> {
    http::Request::post(path)
        .header("content-type", "application/grpc")
        .header("host", "shop.example:81")
        .body(body)
        .unwrap()
}

/// Sends a request and reads the response to its end.
async fn run<S, B>(service: S, request: http::Request<Body>)
where
    S: Service<http::Request<Body>, Response = http::Response<B>, Error = Infallible>,
    B: http_body::Body<Error: std::fmt::Debug>,
{
    let response = service.oneshot(request).await.unwrap();
    http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
}

/// The one span, which knows HTTP and gRPC.
fn joint(capture: &Capture, expected: expect::Span) {
    capture.assert(expected);
    assert_eq!(capture.open(), 0);
    let span = capture.spans().remove(0);
    for attribute_of in ["rpc.method", "rpc.response.status_code", "server.address", "error.type"] {
        attribute(&span, attribute_of);
    }
}

fn layers() -> (Capture, for_http::ServerLayer, ServerLayer) {
    let capture = Capture::new();
    let telemetry = capture.telemetry();
    let http = for_http::ServerLayer::new().telemetry(&telemetry);
    (capture, http, ServerLayer::new().telemetry(&telemetry))
}

#[tokio::test]
async fn below_a_layer_of_http_there_is_one_span_that_knows_both() {
    for (message, name, status, error) in [
        ("hello", "test.Echo/Unary", "OK", None),
        ("status 5", "test.Echo/Unary", "NOT_FOUND", None),
        ("status 13 broken", "test.Echo/Unary", "INTERNAL", Some("INTERNAL")),
        ("panic", "test.Echo/Unary", "", Some("panic")),
    ] {
        let (capture, http, grpc) = layers();
        let service =
            ServiceBuilder::new().layer(http).layer(grpc).service(Routes::new(Echo::default()));
        let body = http_body_util::Full::new(crate::support::wire::message(message));
        let request = ask_with("/test.Echo/Unary", Body::new(body));
        let run = tokio::spawn(run(service, request));
        assert_eq!(run.await.is_err(), message == "panic");
        let expected = expect::span(name)
            .server()
            .attribute("rpc.system.name", "grpc")
            .attribute("rpc.method", "test.Echo/Unary")
            .attribute("http.request.method", "POST")
            .attribute("url.path", "/test.Echo/Unary")
            .attribute("server.address", "shop.example");
        let expected = error.map_or(expected.clone(), |error| expected.error(error));
        let expected = match status {
            "" => expected.without("rpc.response.status_code"),
            status => expected.attribute("rpc.response.status_code", status).status(200),
        };
        joint(&capture, expected);
    }
}

#[tokio::test]
async fn status_in_trailers_reaches_the_span_of_http() {
    let (capture, http, grpc) = layers();
    let service =
        ServiceBuilder::new().layer(http).layer(grpc).service(Routes::new(Echo::default()));
    let body = http_body_util::Full::new(crate::support::wire::message("a, status 15 lost"));
    run(service, ask_with("/test.Echo/ServerStream", Body::new(body))).await;
    let expected = expect::span("test.Echo/ServerStream").server().error("DATA_LOSS");
    joint(&capture, expected.attribute("rpc.response.status_code", "DATA_LOSS"));
    let span = capture.spans().remove(0);
    assert_eq!(span.status, opentelemetry::trace::Status::error("lost"));
}

#[tokio::test]
async fn an_unknown_method_below_a_layer_of_http() {
    let (capture, http, grpc) = layers();
    let service =
        ServiceBuilder::new().layer(http).layer(grpc).service(Routes::new(Echo::default()));
    run(service, ask("/test.Echo/Missing")).await;
    let expected = expect::span("grpc").server().error("UNIMPLEMENTED");
    joint(&capture, expected.attribute("rpc.method", "_OTHER"));
}

#[tokio::test]
async fn errors_of_http_stay_those_of_http() {
    let (capture, http, grpc) = layers();
    let broken = tower::service_fn(async |_: http::Request<Body>| {
        let mut response = http::Response::new(Body::empty());
        *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        Ok::<_, Infallible>(response)
    });
    run(ServiceBuilder::new().layer(http).layer(grpc).service(broken), ask("/a.B/C")).await;
    let expected = expect::span("a.B/C").server().status(503);
    joint(&capture, expected.attribute("rpc.response.status_code", "UNAVAILABLE"));
}

#[tokio::test]
async fn what_is_skipped_or_not_grpc_stays_a_request_of_http() {
    let (capture, http, grpc) = layers();
    let service = ServiceBuilder::new()
        .layer(http)
        .layer(grpc.skip_service("test.Echo"))
        .service(Routes::new(Echo::default()));
    run(service.clone(), ask("/test.Echo/Unary")).await;
    joint(&capture, expect::span("POST").server().status(200).without("rpc.method"));

    capture.clear();
    let mut request = ask("/index.html");
    request.headers_mut().insert("content-type", "text/html".parse().unwrap());
    run(service, request).await;
    joint(&capture, expect::span("POST").server().without("rpc.method").status(200));
}

#[tokio::test]
async fn inside_a_router_of_axum() {
    let capture = Capture::new();
    let telemetry = capture.telemetry();
    let routes = Routes::new(Echo::default()).into_axum_router();
    let app = routes
        .layer(ServerLayer::new().telemetry(&telemetry))
        .route("/live", axum::routing::get(|| async {}))
        .layer(for_axum::ServerLayer::new().telemetry(&telemetry));
    let app = app.map_request(|request: http::Request<Body>| request.map(axum::body::Body::new));
    run(app.clone(), ask("/test.Echo/Unary")).await;
    let expected = expect::span("test.Echo/Unary").server().status(200);
    joint(&capture, expected.attribute("http.route", "/test.Echo/{*rest}"));

    capture.clear();
    run(app, http::Request::get("/live").body(Body::empty()).unwrap()).await;
    joint(&capture, expect::span("GET /live").server().without("rpc.method"));
}

#[tokio::test]
async fn a_route_that_comes_late_does_not_take_the_name() {
    let capture = Capture::new();
    let telemetry = capture.telemetry();
    let routes = Routes::new(Echo::default()).into_axum_router();
    let inner =
        routes.layer(ServerLayer::new().telemetry(&telemetry)).route_layer(for_axum::RouteLayer);
    let app = inner.map_request(|request: http::Request<Body>| request.map(axum::body::Body::new));
    let service = for_axum::ServerLayer::new().telemetry(&telemetry).layer(app);
    run(service, ask("/test.Echo/Unary")).await;
    joint(&capture, expect::span("test.Echo/Unary").server().status(200));
}

#[tokio::test]
async fn around_a_layer_of_http_the_span_is_grpcs() {
    let (capture, http, grpc) = layers();
    let service =
        ServiceBuilder::new().layer(grpc).layer(http).service(Routes::new(Echo::default()));
    run(service, ask("/test.Echo/Unary")).await;
    joint(&capture, crate::support::server("test.Echo/Unary").without("http.request.method"));
}

#[tokio::test]
async fn around_a_layer_of_axum_too() {
    let (capture, _, grpc) = layers();
    let routes = Routes::new(Echo::default()).into_axum_router();
    let routes = routes.layer(for_axum::ServerLayer::new().telemetry(&capture.telemetry()));
    run(grpc.layer(Routes::from(routes)), ask("/test.Echo/Unary")).await;
    joint(&capture, crate::support::server("test.Echo/Unary").without("http.route"));
}

#[tokio::test]
async fn twice_is_once() {
    let (capture, http, grpc) = layers();
    let twice = ServiceBuilder::new()
        .layer(grpc.clone())
        .layer(grpc.clone())
        .service(Routes::new(Echo::default()));
    run(twice, ask("/test.Echo/Unary")).await;
    joint(&capture, crate::support::server("test.Echo/Unary"));

    capture.clear();
    let thrice = ServiceBuilder::new()
        .layer(http)
        .layer(grpc.clone())
        .layer(grpc)
        .service(Routes::new(Echo::default()));
    run(thrice, ask("/test.Echo/Unary")).await;
    joint(&capture, crate::support::server("test.Echo/Unary").status(200));
}

#[tokio::test]
async fn metadata_and_hooks_work_on_a_joint_span() {
    let (capture, http, grpc) = layers();
    let grpc = grpc
        .request_metadata(["host"])
        .on_request(|_, start| start.set(KeyValue::new("hooked", true)));
    let service =
        ServiceBuilder::new().layer(http).layer(grpc).service(Routes::new(Echo::default()));
    run(service, ask("/test.Echo/Unary")).await;
    joint(&capture, expect::span("test.Echo/Unary").attribute("hooked", true));
    assert!(attribute(&capture.spans()[0], "rpc.request.metadata.host").is_some());
}

/// The record of an error has what its request brought, whichever layers there are and whether there
/// is a span.
#[tokio::test]
async fn the_record_of_an_error_has_the_baggage_of_its_request() {
    for (flags, recorded) in [("01", true), ("00", false)] {
        for below_http in [false, true] {
            let (found, sampler) = (Found::default(), Sampler::AlwaysOff);
            let capture = Capture::with_sampler(Sampler::ParentBased(Box::new(sampler)));
            let telemetry = capture.telemetry();
            let records = tracing_subscriber::registry().with(found.clone());
            let _default = tracing::subscriber::set_default(records);
            let grpc = ServerLayer::new().telemetry(&telemetry);
            let broken = tower::service_fn(async |_: http::Request<Body>| {
                Err::<http::Response<Body>, _>(std::io::Error::other("broken"))
            });
            let service = grpc.layer(broken);
            let mut request = ask("/test.Echo/Unary");
            let parent = format!("00-{TRACE}-{SPAN}-{flags}");
            request.headers_mut().insert("traceparent", parent.parse().unwrap());
            request.headers_mut().insert("baggage", "shop.tenant=7".parse().unwrap());
            let failed = if below_http {
                let http = for_http::ServerLayer::new().telemetry(&telemetry);
                http.layer(service).oneshot(request).await.is_err()
            } else {
                service.oneshot(request).await.is_err()
            };
            assert!(failed);
            assert_eq!(capture.spans().len(), usize::from(recorded));
            let expected = vec![(TRACE.to_owned(), Some("7".to_owned()))];
            let found = std::mem::take(&mut *found.0.lock().unwrap());
            assert_eq!(found, expected, "recorded: {recorded}, below HTTP: {below_http}");
        }
    }
}

/// The trace and the baggage of a record.
type Record = (String, Option<String>);

/// The records of calls that failed.
#[derive(Clone, Default)]
struct Found(Arc<Mutex<Vec<Record>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Found {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if event.metadata().name() == "rpc.server.call.exception" {
            let current = opentelemetry::Context::current();
            let tenant = current.baggage().get("shop.tenant").map(ToString::to_string);
            let trace = current.span().span_context().trace_id().to_string();
            self.0.lock().unwrap().push((trace, tenant));
        }
    }
}

#[tokio::test]
async fn spans_between_the_layers_keep_their_children() {
    let (capture, http, grpc) = layers();
    let telemetry = capture.telemetry();
    let between = tower::layer::layer_fn(move |inner: tracewire::tonic::Server<Routes>| {
        let telemetry = telemetry.clone();
        tower::service_fn(move |request: http::Request<Body>| {
            let (telemetry, mut inner) = (telemetry.clone(), inner.clone());
            async move {
                let operation = telemetry.start(
                    opentelemetry::trace::SpanKind::Internal,
                    &opentelemetry::Context::current(),
                    |start| start.name("between"),
                );
                let result = operation.run(async { inner.call(request).await }).await;
                operation.finish(tracewire::span::Outcome::Success);
                result
            }
        })
    });
    let service = ServiceBuilder::new()
        .layer(http)
        .layer(between)
        .layer(grpc)
        .service(Routes::new(Echo::default()));
    run(service, ask("/test.Echo/Unary")).await;
    let between = expect::span("between").internal().without("rpc.method");
    capture.assert(expect::span("test.Echo/Unary").server().status(200).child(between));
    assert_eq!(capture.open(), 0);
}

#[tokio::test]
async fn a_client_twice_is_once() {
    let site = crate::support::Site::new().await;
    let layer = ClientLayer::new().telemetry(&site.capture.telemetry());
    let channel = site.endpoint().connect().await.unwrap();
    let twice = ServiceBuilder::new().layer(layer.clone()).layer(layer).service(channel);
    crate::support::Caller::new(twice).unary("hello").await.unwrap();
    site.assert(2, call("test.Echo/Unary")).await;
}

#[tokio::test]
async fn a_client_over_a_client_of_http_is_one_hop() {
    let site = crate::support::Site::new().await;
    let telemetry = site.capture.telemetry();
    let connector =
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
            .http2_only(true)
            .build_http::<Body>();
    let service = ServiceBuilder::new()
        .layer(ClientLayer::new().telemetry(&telemetry))
        .layer(tracewire::hyper::ClientLayer::new().telemetry(&telemetry))
        .service(connector);
    let origin = site.endpoint().uri().clone();
    let grpc = tonic::client::Grpc::with_origin(service, origin);
    let mut caller = crate::support::Caller::of(grpc);
    assert_eq!(caller.unary("hello").await.unwrap(), "hello");
    site.assert(2, call("test.Echo/Unary").attribute("server.address", "127.0.0.1")).await;
}
