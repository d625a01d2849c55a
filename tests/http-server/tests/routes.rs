//! Routes: known from the start, learnt late, nested, and those that are none.

use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn, map_request};
use axum::routing::{any, get, post};
use futures_util::FutureExt as _;
use opentelemetry::KeyValue;
use tokio::sync::Notify;
use tower::{ServiceBuilder, ServiceExt as _};
use tracewire::axum::{RouteLayer, ServerLayer};
use tracewire::test::{Capture, expect};

use crate::support::{Site, request, soon};

fn routed(route: &'static str) -> expect::Span {
    expect::span(format!("GET {route}")).server().status(200).attribute("http.route", route)
}

fn unrouted(status: u16) -> expect::Span {
    expect::span("GET").server().status(status).without("http.route")
}

fn orders() -> Router {
    Router::new()
        .route("/orders/{id}", get(async || "an order"))
        .route("/files/{*path}", get(async || "a file"))
        .route("/", get(async || "the root"))
}

/// Serves one request and compares its span, which has the path as the client sent it.
async fn check(
    app: impl FnOnce(ServerLayer) -> Router,
    path: &'static str,
    expected: expect::Span,
) {
    let site = Site::new(app).await;
    site.get(path, &[]).await;
    site.assert(expected.attribute("url.path", path), 1).await;
}

#[tokio::test]
async fn routes_of_a_router() {
    for (path, expected) in [
        ("/orders/7", routed("/orders/{id}")),
        ("/files/a/b/c", routed("/files/{*path}")),
        ("/", routed("/")),
        ("/nowhere", unrouted(404)),
        ("/orders/", unrouted(404)),
    ] {
        check(|layer| orders().layer(layer), path, expected).await;
    }
}

#[tokio::test]
async fn a_method_that_is_not_allowed_has_a_route() {
    let site =
        Site::new(|layer| Router::new().route("/orders", post(async || "")).layer(layer)).await;
    site.get("/orders", &[]).await;
    let expected =
        expect::span("GET /orders").server().status(405).attribute("http.route", "/orders");
    site.assert(expected, 1).await;
}

#[tokio::test]
async fn a_layer_on_routes_only_does_not_see_the_fallback() {
    let site = Site::new(|layer| orders().route_layer(layer)).await;
    assert_eq!(site.get("/nowhere", &[]).await.status(), 404);
    assert_eq!((site.capture.spans().len(), site.capture.open()), (0, 0));
    site.get("/orders/7", &[]).await;
    site.assert(routed("/orders/{id}"), 1).await;
}

#[tokio::test]
async fn nested_routers_have_whole_routes_and_whole_paths() {
    let nested = || Router::new().nest("/api/{version}", orders());
    for (path, expected) in [
        ("/api/v1/orders/7", routed("/api/{version}/orders/{id}")),
        ("/api/v1/files/a/b", routed("/api/{version}/files/{*path}")),
        ("/api/v1", routed("/api/{version}")),
        ("/api/v1/nowhere", unrouted(404)),
        ("/elsewhere", unrouted(404)),
    ] {
        check(|layer| nested().layer(layer), path, expected.clone()).await;
        let outside = |layer| around(nested().route_layer(RouteLayer), layer);
        check(outside, path, expected).await;
    }
    // The layer on the inner router, which sees the path without its prefix.
    let inside = |layer| Router::new().nest("/api/{version}", orders().layer(layer));
    check(inside, "/api/v1/orders/7", routed("/api/{version}/orders/{id}")).await;
    let twice = |layer: ServerLayer| {
        Router::new().nest("/a", Router::new().nest("/b", orders().layer(layer)))
    };
    check(twice, "/a/b/orders/7", routed("/a/b/orders/{id}")).await;
}

/// A layer around the whole application, as `ServiceBuilder` puts it.
fn around(app: Router, layer: ServerLayer) -> Router {
    let service = ServiceBuilder::new().layer(layer).service(app);
    Router::new().fallback_service(service)
}

#[tokio::test]
async fn a_router_as_a_nested_service() {
    let service = |inner: Router| Router::new().nest_service("/api", inner);
    let route = || routed("/api/orders/{id}");
    let path = "/api/orders/7";
    // The layer further out learns the route from whoever knows it: a layer that tells, or another
    // server layer, which makes no second span.
    check(|layer| service(orders().route_layer(RouteLayer)).layer(layer), path, route()).await;
    check(|layer| service(orders().layer(layer.clone())).layer(layer), path, route()).await;
    check(|layer| around(service(orders().route_layer(RouteLayer)), layer), path, route()).await;
    check(|layer| around(service(orders().layer(layer.clone())), layer), path, route()).await;
    // On the inner router alone.
    check(|layer| service(orders().layer(layer)), path, route()).await;
    // Nobody tells: no route is better than a wrong one.
    check(|layer| service(orders()).layer(layer), path, unrouted(200)).await;
    check(
        |layer| service(orders().route_layer(RouteLayer)).layer(layer),
        "/api/nowhere",
        unrouted(404),
    )
    .await;
}

#[tokio::test]
async fn a_router_in_the_fallback() {
    let app = |layer: ServerLayer| {
        Router::new()
            .route("/own", get(async || "own"))
            .fallback_service(orders().route_layer(RouteLayer))
            .layer(layer)
    };
    check(app, "/own", routed("/own")).await;
    check(app, "/orders/7", routed("/orders/{id}")).await;
    check(app, "/nowhere", unrouted(404)).await;
}

/// A router that serves a route of another one: the outer route is the one that was matched.
#[tokio::test]
async fn a_router_as_the_service_of_a_route() {
    // axum takes no bare router here.
    let tells =
        || ServiceBuilder::new().layer(RouteLayer).service(orders().route_layer(RouteLayer));
    let app = || Router::new().route_service("/files/{*path}", tells()).route_layer(RouteLayer);
    let route = || routed("/files/{*path}");
    check(|layer| around(app(), layer), "/files/a/b", route()).await;
    check(|layer| app().layer(layer), "/files/a/b", route()).await;
}

#[tokio::test]
async fn a_fallback_has_no_route() {
    let app = |layer: ServerLayer| orders().fallback(async || "anything").layer(layer);
    check(app, "/nowhere", unrouted(200)).await;
    check(app, "/orders/7", routed("/orders/{id}")).await;
}

/// Two layers, three layers, a layer on each level: one span.
#[tokio::test]
async fn many_layers_make_one_span() {
    let path = "/api/orders/7";
    let route = || routed("/api/orders/{id}");
    check(
        |layer| {
            let inner = orders().layer(layer.clone()).layer(layer.clone());
            let nested = Router::new().nest("/api", inner).layer(layer.clone());
            around(nested, layer.clone()).layer(layer)
        },
        path,
        route(),
    )
    .await;
    // Layers of different captures: the outermost has the request.
    let inner = Capture::new();
    let of_inner = ServerLayer::new().telemetry(&inner.telemetry());
    check(|layer| Router::new().nest("/api", orders().layer(of_inner)).layer(layer), path, route())
        .await;
    assert_eq!((inner.spans().len(), inner.open()), (0, 0));
}

/// A skipped request is skipped by every layer further in.
#[tokio::test]
async fn the_outer_layer_decides() {
    let site =
        Site::new(|layer| orders().layer(layer.clone()).layer(layer.skip_path("/orders/7"))).await;
    site.get("/orders/7", &[]).await;
    assert_eq!((site.capture.spans().len(), site.capture.open()), (0, 0));
}

/// A middleware that answers itself is seen by a layer around it, without a route.
#[tokio::test]
async fn what_middleware_answers() {
    let refuse = async |_: Request, _: Next| http::StatusCode::UNAUTHORIZED;
    let app = |layer: ServerLayer| around(orders().layer(from_fn(refuse)), layer);
    let site = Site::new(app).await;
    site.get("/orders/7", &[]).await;
    site.assert(unrouted(401), 1).await;
    // Inside the router the route is known before the middleware answers.
    let site = Site::new(|layer: ServerLayer| orders().layer(from_fn(refuse)).layer(layer)).await;
    site.get("/orders/7", &[]).await;
    let expected = expect::span("GET /orders/{id}").server().status(401);
    site.assert(expected, 1).await;
}

/// A path that is rewritten on the way is recorded as it came.
#[tokio::test]
async fn rewritten_paths() {
    let rewrite = async |mut request: Request| {
        *request.uri_mut() = "/orders/7".parse().unwrap();
        request
    };
    let app = |layer: ServerLayer| {
        let rewriting = ServiceBuilder::new()
            .layer(layer)
            .layer(map_request(rewrite))
            .service(orders().route_layer(RouteLayer));
        Router::new().fallback_service(rewriting)
    };
    check(app, "/old/7", routed("/orders/{id}")).await;
}

/// What rewrites a target before the layer sees it takes nothing of it away: neither the path nor
/// host and scheme, whether somebody else looks at the request or not.
#[tokio::test]
async fn targets_rewritten_before_the_layer() {
    let rewrite = async |mut request: Request| {
        *request.uri_mut() = request.uri().path().to_uppercase().parse().unwrap();
        request
    };
    let looks: [fn(ServerLayer) -> ServerLayer; 3] = [
        |layer| layer,
        |layer| layer.on_request(|_, start| start.set(KeyValue::new("hooked", true))),
        |layer| layer.skip(|_| false),
    ];
    for look in looks {
        let capture = Capture::new();
        let layer = look(ServerLayer::new().telemetry(&capture.telemetry()));
        let app = orders().layer(layer).layer(map_request(rewrite));
        let request = Request::get("https://shop.example:81/orders/7").body(Body::empty()).unwrap();
        let response = app.oneshot(request).await.unwrap();
        axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
        let expected = routed("/orders/{id}")
            .attribute("url.path", "/orders/7")
            .attribute("url.scheme", "https")
            .attribute("server.address", "shop.example")
            .attribute("server.port", 81_i64);
        capture.assert(expected);
    }
}

#[tokio::test]
async fn late_routes_go_with_unknown_methods() {
    let site = Site::new(|layer| {
        let app = Router::new().route("/pot", any(async || "tea")).route_layer(RouteLayer);
        around(app, layer)
    })
    .await;
    site.raw(request("BREW", "/pot", &[])).await;
    let expected = expect::span("HTTP /pot")
        .server()
        .status(200)
        .attribute("http.route", "/pot")
        .attribute("http.request.method", "_OTHER");
    site.assert(expected, 1).await;
}

/// A route that is learnt late is learnt in time, however the request ends.
#[tokio::test]
async fn late_routes_of_requests_without_an_answer() {
    #[derive(Clone)]
    struct PanicsInCall;

    impl tower::Service<Request> for PanicsInCall {
        type Response = axum::response::Response;
        type Error = std::convert::Infallible;
        type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request) -> Self::Future {
            panic!("the call panics")
        }
    }

    let begun = Arc::new(Notify::new());
    let tell_begun = begun.clone();
    let hangs = async move || {
        tell_begun.notify_one();
        std::future::pending::<()>().await;
    };
    let app = Router::new()
        .route("/hangs/{id}", get(hangs))
        .route(
            "/panics/{id}",
            get(async || {
                if true {
                    panic!("the handler panics")
                }
            }),
        )
        .route_service("/panics-in-call/{id}", PanicsInCall)
        .route_layer(RouteLayer);
    let site = Site::new(|layer| around(app, layer)).await;
    let mut connection = site.connect().await;
    connection.send(request("GET", "/hangs/7", &[])).await;
    soon(begun.notified()).await;
    drop(connection);
    let expected = |route: &'static str, error| {
        let span = expect::span(format!("GET {route}")).server().error(error);
        span.attribute("http.route", route)
    };
    site.assert(expected("/hangs/{id}", "cancelled"), 1).await;
    for (path, route) in
        [("/panics/7", "/panics/{id}"), ("/panics-in-call/7", "/panics-in-call/{id}")]
    {
        site.capture.clear();
        site.get(path, &[]).await;
        site.assert(expected(route, "panic"), 1).await;
    }
}

#[tokio::test]
async fn a_late_route_of_a_service_that_fails() {
    let capture = Capture::new();
    let fails =
        tower::service_fn(async |_: Request| Err::<axum::response::Response, _>(std::fmt::Error));
    let mut request = Request::new(axum::body::Body::empty());
    // As a router leaves it, for a service that no router can hold.
    let inner = ServiceBuilder::new().map_request(matched).layer(RouteLayer).service(fails);
    let layer = ServerLayer::new().telemetry(&capture.telemetry());
    *request.uri_mut() = "/fails/7".parse().unwrap();
    ServiceBuilder::new().layer(layer).service(inner).oneshot(request).await.unwrap_err();
    let trace = capture.trace();
    assert_eq!(trace.roots()[0].span.name, "GET /fails/{id}");
}

/// A request as a router that matched `/fails/{id}` passes it on.
fn matched(request: Request) -> Request {
    let (seen, leave) = std::sync::mpsc::channel();
    let keep = async move |request: Request| drop(seen.send(request));
    let router: Router = Router::new().route("/fails/{id}", get(keep));
    let _ = tower::util::ServiceExt::oneshot(router, request).now_or_never();
    leave.recv().unwrap()
}

/// More routes than names are kept for, and each is right.
#[tokio::test]
async fn very_many_routes() {
    let mut app = Router::new();
    for n in 0..2500 {
        app = app.route(&format!("/route-{n}/{{id}}"), get(async || ""));
    }
    let site = Site::new(|layer| app.layer(layer)).await;
    for n in (0..2500).rev().step_by(100) {
        site.get(&format!("/route-{n}/7"), &[]).await;
        site.settled(1).await;
        let route = format!("/route-{n}/{{id}}");
        let expected = expect::span(format!("GET {route}")).server().attribute("http.route", route);
        site.capture.assert(expected);
        site.capture.clear();
    }
}
