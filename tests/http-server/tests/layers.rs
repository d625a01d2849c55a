//! tower-http's own layers around ours and inside it, in any order.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use opentelemetry::trace::TraceContextExt as _;
use tower::{Layer as _, ServiceBuilder, ServiceExt as _, service_fn};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::normalize_path::NormalizePathLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tracewire::axum::ServerLayer;
use tracewire::test::{Capture, expect};

use crate::support::Site;

const LIMIT: Duration = Duration::from_secs(5);

fn timeout() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, LIMIT)
}

type Wrap = fn(Router, &Capture) -> Router;

const LAYERS: [(&str, Wrap); 7] = [
    ("tracewire", |app, capture| app.layer(ServerLayer::new().telemetry(&capture.telemetry()))),
    ("trace", |app, _| app.layer(TraceLayer::new_for_http())),
    ("timeout", |app, _| app.layer(timeout())),
    ("compression", |app, _| app.layer(CompressionLayer::new())),
    ("catch-panic", |app, _| app.layer(CatchPanicLayer::new())),
    ("request-id", |app, _| {
        let set = SetRequestIdLayer::x_request_id(MakeRequestUuid);
        app.layer(PropagateRequestIdLayer::x_request_id()).layer(set)
    }),
    ("cors", |app, _| app.layer(CorsLayer::permissive())),
];

/// All orders of the layers, by Heap's algorithm.
fn orders() -> Vec<Vec<usize>> {
    fn permute(list: &mut Vec<usize>, count: usize, found: &mut Vec<Vec<usize>>) {
        if count <= 1 {
            found.push(list.clone());
            return;
        }
        for index in 0..count {
            permute(list, count - 1, found);
            list.swap(if count.is_multiple_of(2) { index } else { 0 }, count - 1);
        }
    }
    let mut found = Vec::new();
    permute(&mut (0..LAYERS.len()).collect(), LAYERS.len(), &mut found);
    found
}

async fn traced() -> String {
    let id = opentelemetry::Context::current().span().span_context().trace_id();
    format!("{id} {}", "text that is worth compressing ".repeat(8))
}

#[tokio::test]
async fn any_order_of_layers_makes_one_whole_span() {
    let orders = orders();
    assert_eq!(orders.len(), 5040);
    // Every seventh is enough to have each pair both ways round many times.
    for order in orders.iter().step_by(7) {
        let capture = Capture::new();
        let mut app = Router::new().route("/items/{id}", get(traced));
        for index in order {
            app = LAYERS[*index].1(app, &capture);
        }
        let names: Vec<_> = order.iter().map(|index| LAYERS[*index].0).collect();
        let request = Request::get("/items/7")
            .header("accept-encoding", "gzip")
            .header("origin", "https://shop.example")
            .body(Body::empty())
            .unwrap();
        let response = app.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200, "{names:?}");
        for header in ["x-request-id", "access-control-allow-origin", "content-encoding"] {
            assert!(response.headers().contains_key(header), "{names:?}: {header}");
        }
        assert_eq!(capture.open(), 1, "{names:?}");
        response.into_body().collect().await.unwrap();
        assert_eq!(capture.open(), 0, "{names:?}");
        let expected = expect::span("GET /items/{id}").server().status(200).without("error.type");
        capture.assert(expected);
    }
}

#[tokio::test]
async fn any_layer_next_to_ours_on_a_real_server() {
    for (index, (name, wrap)) in LAYERS.iter().enumerate().skip(1) {
        for outside in [false, true] {
            let capture = Capture::new();
            let app = Router::new().route("/items/{id}", get(traced));
            let app = if outside {
                wrap(LAYERS[0].1(app, &capture), &capture)
            } else {
                LAYERS[0].1(wrap(app, &capture), &capture)
            };
            let site = Site::serving(capture, app).await;
            for accepts in ["Accept-Encoding: gzip", "Accept-Encoding: identity"] {
                site.capture.clear();
                assert_eq!(site.get("/items/7", &[accepts]).await.status(), 200, "{index} {name}");
                site.assert(expect::span("GET /items/{id}").server().status(200), 1).await;
            }
        }
    }
}

/// Everything typed, nothing boxed: a stack as `ServiceBuilder` makes it.
#[tokio::test]
async fn a_stack_without_axum() {
    let capture = Capture::new();
    let mut service = ServiceBuilder::new()
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(TraceLayer::new_for_http())
        .layer(CorsLayer::permissive())
        .layer(CompressionLayer::new())
        .layer(tracewire::http::ServerLayer::new().telemetry(&capture.telemetry()))
        .layer(timeout())
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(CatchPanicLayer::new())
        .service(service_fn(async |_: Request<String>| {
            Ok::<_, std::io::Error>(Response::new(traced().await))
        }));
    let request = Request::get("/").header("accept-encoding", "gzip").body(String::new()).unwrap();
    let response = service.ready().await.unwrap().clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    response.into_body().collect().await.unwrap();
    capture.assert(expect::span("GET").server().status(200));
    assert_eq!(capture.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn time_limits() {
    let app = || Router::new().route("/", get(async || tokio::time::sleep(10 * LIMIT).await));
    let call = |app: Router| app.oneshot(Request::get("/").body(Body::empty()).unwrap());

    // Inside ours the limit is an answer.
    let capture = Capture::new();
    let layer = ServerLayer::new().telemetry(&capture.telemetry());
    let response = call(app().layer(timeout()).layer(layer)).await.unwrap();
    assert_eq!(response.status(), 504);
    drop(response);
    capture.assert(expect::span("GET /").server().status(504));

    // Outside it, whoever waited has gone.
    let capture = Capture::new();
    let layer = ServerLayer::new().telemetry(&capture.telemetry());
    let response = call(app().layer(layer).layer(timeout())).await.unwrap();
    assert_eq!(response.status(), 504);
    drop(response);
    let cancelled = expect::span("GET /").server().error("cancelled");
    capture.assert(cancelled.without("http.response.status_code"));
    assert_eq!(capture.open(), 0);
}

#[tokio::test]
async fn answers_of_other_layers() {
    // A pre-flight request that CORS answers is a request like others, if ours is further out.
    for (ours_outside, spans) in [(true, 1), (false, 0)] {
        let site = Site::new(|layer| {
            let app = Router::new().route("/items/{id}", get(traced));
            if ours_outside {
                app.layer(CorsLayer::permissive()).layer(layer)
            } else {
                app.layer(layer).layer(CorsLayer::permissive())
            }
        })
        .await;
        let headers = ["Origin: https://a.example", "Access-Control-Request-Method: PUT"];
        let answer = site.raw(crate::support::request("OPTIONS", "/items/7", &headers)).await;
        assert_eq!(answer.status(), 200);
        site.settled(spans).await;
        if spans == 1 {
            site.capture.assert(expect::span("OPTIONS /items/{id}").server().status(200));
        }
    }
}

/// A path that another layer normalizes is recorded as it came, and its route is that of the router.
#[tokio::test]
async fn normalized_paths() {
    let capture = Capture::new();
    let app =
        Router::new().route("/items/{id}", get(traced)).route_layer(tracewire::axum::RouteLayer);
    let service = ServiceBuilder::new()
        .layer(ServerLayer::new().telemetry(&capture.telemetry()))
        .layer(NormalizePathLayer::trim_trailing_slash())
        .service(app);
    let site = Site::serving(capture, Router::new().fallback_service(service)).await;
    site.get("/items/7/", &[]).await;
    let expected =
        expect::span("GET /items/{id}").server().status(200).attribute("url.path", "/items/7/");
    site.assert(expected, 1).await;
}

/// A service is called in the state in which it was made ready.
#[tokio::test]
async fn the_service_that_was_ready_is_called() {
    #[derive(Default)]
    struct OnceReady(bool);

    impl Clone for OnceReady {
        fn clone(&self) -> Self {
            Self(false)
        }
    }

    impl tower::Service<Request<()>> for OnceReady {
        type Response = Response<String>;
        type Error = std::io::Error;
        type Future = std::future::Ready<Result<Response<String>, std::io::Error>>;

        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), std::io::Error>> {
            self.0 = true;
            std::task::Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            assert!(std::mem::take(&mut self.0), "called without being ready");
            std::future::ready(Ok(Response::new(String::new())))
        }
    }

    let capture = Capture::new();
    let layer = tracewire::http::ServerLayer::new().telemetry(&capture.telemetry());
    let mut service = layer.layer(OnceReady::default());
    for _ in 0..2 {
        let response = tower::Service::call(service.ready().await.unwrap(), Request::new(())).await;
        assert_eq!(response.unwrap().status(), 200);
    }
    assert_eq!((capture.spans().len(), capture.open()), (2, 0));
}
