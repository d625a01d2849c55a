//! What user code may do with the layers without spelling out a generic type.

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use http::Request;
use tower::util::{BoxCloneService, BoxCloneSyncService, BoxService};
use tower::{Layer, Service, ServiceBuilder, ServiceExt as _, service_fn};
use tracewire::http::{Server, ServerLayerFor, Trust, TrustedProxies};
use tracewire::test::{Capture, expect};

fn is_layer<L: Clone + Send + Sync + Unpin + std::fmt::Debug + Default + 'static>(_: &L) {}
fn is_plain<T: Clone + Send + Sync + Unpin + std::fmt::Debug + 'static>(_: &T) {}
fn is_service<S, R>(service: S) -> S
where
    S: Service<R> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    service
}

#[test]
fn layers_can_go_anywhere() {
    is_layer(&tracewire::http::ServerLayer::new());
    is_layer(&tracewire::axum::ServerLayer::new());
    is_layer(&tracewire::hyper::ServerLayer::new());
    is_plain(&tracewire::axum::RouteLayer);
    is_plain(&Trust::when(|_| true));
    is_plain(&TrustedProxies::hops(1));
    is_plain(&Capture::new().telemetry());
}

/// A layer that a program keeps in a field or returns from a function has a short name.
struct Settings {
    layer: tracewire::axum::ServerLayer,
}

fn settings(capture: &Capture) -> Settings {
    let layer = tracewire::axum::ServerLayer::new()
        .telemetry(&capture.telemetry())
        .skip_path(String::from("/health"))
        .skip_path("/ready")
        .request_headers([String::from("x-tenant")])
        .response_headers(vec!["x-served-by"])
        .known_methods(["GET"])
        .redacted_query_keys(["token"])
        .trust(Trust::always())
        .trusted_proxies(TrustedProxies::none().only_forwarded())
        .default_scheme("https")
        .on_request(|_, _| {})
        .on_response(|_, _| {});
    Settings { layer }
}

/// A function of a library that takes any server layer.
fn wrapped<F, S>(layer: &ServerLayerFor<F>, service: S) -> Server<S>
where
    ServerLayerFor<F>: Layer<S, Service = Server<S>>,
{
    layer.layer(service)
}

async fn respond(_: Request<Body>) -> Result<Response, std::io::Error> {
    Ok(Response::new(Body::from("text")))
}

#[tokio::test]
async fn every_way_to_put_a_layer() {
    let capture = Capture::new();
    let Settings { layer } = settings(&capture);
    let get_text = || Request::get("/").body(Body::empty()).unwrap();
    let mut count = 0;

    // Routers: all routes, matched routes, one route, several layers at once.
    let route = || get(async || "text");
    let routers: [Router; 5] = [
        Router::new().route("/", route()).layer(layer.clone()),
        Router::new().route("/", route()).route_layer(layer.clone()),
        Router::new().route("/", route().layer(layer.clone())),
        Router::new().route("/", route()).layer(ServiceBuilder::new().layer(layer.clone())),
        Router::new().route("/", route()).layer((layer.clone(), tracewire::axum::RouteLayer)),
    ];
    for router in routers {
        drop(router.oneshot(get_text()).await.unwrap().into_body());
        count += 1;
    }

    // Services: built, boxed in every way tower has, and as a hyper service.
    let service =
        is_service(ServiceBuilder::new().layer(layer.clone()).service(service_fn(respond)));
    let shared = BoxCloneSyncService::new(service.clone());
    let cloned = BoxCloneService::new(shared.clone());
    let boxed = BoxService::new(wrapped(&layer, service_fn(respond)));
    for response in [
        service.oneshot(get_text()).await,
        shared.oneshot(get_text()).await,
        cloned.oneshot(get_text()).await,
        boxed.oneshot(get_text()).await,
    ] {
        drop(response.unwrap());
        count += 1;
    }
    let hyper = layer.layer(hyper::service::service_fn(respond));
    drop(hyper::service::Service::call(&hyper, get_text()).await.unwrap());
    count += 1;

    // Erased.
    let erased = tower::util::BoxCloneSyncServiceLayer::new(layer);
    drop(erased.layer(service_fn(respond)).oneshot(get_text()).await.unwrap());
    count += 1;

    assert_eq!((capture.spans().len(), capture.open()), (count, 0));
    for trace in capture.traces() {
        let root = &trace.roots()[0].span;
        assert!(["GET", "GET /"].contains(&&*root.name), "{}", root.name);
    }
}

/// Bodies and errors of any type, and futures that are not `Send`.
#[tokio::test]
async fn bounds_are_few() {
    struct NoBody;

    #[derive(Debug)]
    struct NotAnError;

    let capture = Capture::new();
    let layer = tracewire::http::ServerLayer::new().telemetry(&capture.telemetry());
    let local = std::rc::Rc::new(());
    let service = layer.layer(service_fn(move |_: Request<NoBody>| {
        let local = local.clone();
        async move {
            let _not_send = local;
            Ok::<_, NotAnError>(Response::new(http_body_util::Empty::<&[u8]>::new()))
        }
    }));
    service.oneshot(Request::new(NoBody)).await.unwrap();
    capture.assert(expect::span("GET").server().status(200));
}
