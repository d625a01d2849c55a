//! A `tracing-opentelemetry` layer as the source: its spans are like others in every way.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use opentelemetry::global;
use opentelemetry_sdk::trace::Sampler;
use tracewire::axum::{RouteLayer, ServerLayer};
use tracewire::http::Trust;
use tracewire::test::{Capture, expect};
use tracewire::{Sampling, Telemetry};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::{CALLER, alone, assert_between, assert_traced, layer, root, site, with_layer};
use crate::support::bodies::{Script, Step};
use crate::support::{SAMPLED, SPAN, Site, TRACE, field, in_own_process, outgoing};

alone! {
    /// The request is `tracing::Span::current()`, and what is said there lands on it.
    async fn a_layer_that_is_asked_for() {
        let capture = Capture::new();
        global::set_tracer_provider(capture.provider().clone());
        tracing_subscriber::registry().with(layer(&capture)).init();
        let layer = ServerLayer::new().telemetry(&Telemetry::from_tracing());
        let says = async || {
            tracing::info!("found it");
            assert!(tracing::Span::current().metadata().is_some());
        };
        let app = Router::new().route("/says", get(says)).layer(layer.clone());
        let says = Site::serving(capture.clone(), app).await;
        says.get("/says", &CALLER).await;
        let trace = says.trace(1).await;
        assert_eq!(trace.roots()[0].span.events[0].name, "found it");
        capture.clear();
        assert_traced(&with_layer(&capture, layer).await).await;
    }

    /// A layer that does not make its spans current for OpenTelemetry.
    async fn a_layer_without_context_activation() {
        let capture = Capture::new();
        let layer = layer(&capture).with_context_activation(false);
        tracing_subscriber::registry().with(layer).init();
        let site = site(&capture).await;
        let answer = site.get("/", &CALLER).await;
        let trace = site.trace(1).await;
        assert_between(&trace, &answer);
        site.capture.clear();
        site.get("/work", &CALLER).await;
        site.assert(root("/work").child(expect::span("work")), 2).await;
    }

    /// A span of `tracing` around the server does not become the parent of its requests.
    async fn a_layer_and_a_span_around_the_server() {
        use tracing::Instrument as _;
        for reloadable in [false, true] {
            let capture = Capture::new();
            let registry = tracing_subscriber::registry();
            let _subscriber = if reloadable {
                let (layer, _handle) = reload::Layer::new(layer(&capture));
                tracing::subscriber::set_default(registry.with(layer))
            } else {
                tracing::subscriber::set_default(registry.with(layer(&capture)))
            };
            let app: Router = Router::new().route("/", get(outgoing)).layer(ServerLayer::new());
            for header in [None, Some(SAMPLED)] {
                capture.clear();
                let mut request = http::Request::get("/").body(Body::empty()).unwrap();
                if let Some((_, value)) = header.and_then(|line| line.split_once(": ")) {
                    request.headers_mut().insert("traceparent", value.parse().unwrap());
                }
                let around = tracing::info_span!("around");
                let response = tower::ServiceExt::oneshot(app.clone(), request).instrument(around);
                let response = response.await.unwrap();
                axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
                capture.ended(2).await;
                let spans = capture.spans();
                let server = spans.iter().find(|span| span.name == "GET /").unwrap();
                let parent = if header.is_some() { SPAN.to_owned() } else { "0".repeat(16) };
                assert_eq!(server.parent_span_id.to_string(), parent, "{reloadable}");
                assert_eq!((spans.len(), capture.open()), (2, 0));
            }
        }
    }

    /// Ends, errors, late names, links: the same whoever gives the span.
    async fn a_layer_s_spans_end_like_others() {
        for reloadable in [false, true] {
            let capture = Capture::new();
            let registry = tracing_subscriber::registry();
            let _subscriber = if reloadable {
                let (layer, _handle) = reload::Layer::new(layer(&capture));
                tracing::subscriber::set_default(registry.with(layer))
            } else {
                tracing::subscriber::set_default(registry.with(layer(&capture)))
            };
            // The subscriber is this thread's, so the server has to be too.
            let local = tokio::task::LocalSet::new();
            local.run_until(ends_like_others(&capture)).await;
        }
    }

    /// The random flag survives hops of every kind, and a stranger's sampled flag none.
    async fn a_layer_keeps_flags() {
        for (sampler, flags, sent) in [
            (Sampler::AlwaysOn, "02", "03"),
            (Sampler::AlwaysOn, "03", "03"),
            (Sampler::AlwaysOn, "01", "01"),
            (Sampler::AlwaysOff, "03", "02"),
            (Sampler::AlwaysOff, "01", "00"),
            (Sampler::ParentBased(Box::new(Sampler::AlwaysOff)), "02", "02"),
            (Sampler::ParentBased(Box::new(Sampler::AlwaysOff)), "03", "03"),
        ] {
            for follows in [false, true] {
                let capture = Capture::with_sampler(sampler.clone());
                let subscriber = tracing_subscriber::registry().with(layer(&capture));
                let _subscriber = tracing::subscriber::set_default(subscriber);
                let telemetry = Telemetry::from_tracing();
                let telemetry = if follows { telemetry.sampling(Sampling::FollowsParent) } else { telemetry };
                if follows && flags == "02" && sent == "03" {
                    continue;
                }
                let layer = ServerLayer::new().telemetry(&telemetry);
                let app: Router = Router::new().route("/", get(outgoing)).layer(layer);
                let request = http::Request::get("/")
                    .header("traceparent", format!("00-{TRACE}-{SPAN}-{flags}"))
                    .body(Body::empty())
                    .unwrap();
                let response = tower::ServiceExt::oneshot(app, request).await.unwrap();
                let body = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
                let body = String::from_utf8(body.to_vec()).unwrap();
                let found = field(&body, "traceparent").unwrap();
                assert!(found.contains(TRACE), "{found}");
                assert!(found.ends_with(&format!("-{sent}")), "{sampler:?}, {flags}: {found}");
                assert_eq!(capture.open(), 0);
            }
        }
    }
}

/// Requests of every kind against an application whose spans come from the current subscriber.
async fn ends_like_others(capture: &Capture) {
    let streams = {
        let capture = capture.clone();
        async move || Body::new(Script::new(&capture, [Step::Pending, Step::Span("in body")]))
    };
    let late = Router::new().route("/late/{id}", get(async || "")).route_layer(RouteLayer);
    let layer = ServerLayer::new()
        .trust(Trust::when(|request| !request.headers.contains_key("x-stranger")))
        .response_headers(["x-served-by"]);
    let app: Router = Router::new()
        .route("/streams", get(streams))
        .route("/fails", get(async || (http::StatusCode::BAD_GATEWAY, [("x-served-by", "node-1")])))
        .route(
            "/panics",
            get(async || {
                if true {
                    panic!("the handler panics")
                }
            }),
        )
        .route("/hangs", get(async || std::future::pending::<()>().await))
        .fallback_service(late)
        .layer(layer);
    let call = |path: &str, headers: &[(&'static str, String)]| {
        let mut request = http::Request::get(path).body(Body::empty()).unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        tower::ServiceExt::oneshot(app.clone(), request)
    };
    let read = async |path: &str, headers: &[(&'static str, String)]| {
        capture.clear();
        let response = call(path, headers).await.unwrap();
        axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
        assert_eq!(capture.open(), 0, "{path}");
        capture.trace()
    };
    let server = |route: &'static str| {
        expect::span(format!("GET {route}")).server().attribute("http.route", route)
    };
    let streamed = server("/streams").status(200).child(expect::span("in body"));
    read("/streams", &[]).await.assert(streamed.links(0));
    let node = opentelemetry::Value::Array(opentelemetry::Array::String(vec!["node-1".into()]));
    let failed = server("/fails").status(502).attribute("http.response.header.x-served-by", node);
    read("/fails", &[]).await.assert(failed);
    read("/late/7", &[])
        .await
        .assert(server("/late/{id}").status(200).attribute("url.path", "/late/7"));

    let stranger =
        [("traceparent", format!("00-{TRACE}-{SPAN}-01")), ("x-stranger", "1".to_owned())];
    let trace = read("/late/7", &stranger).await;
    assert_ne!(trace.id().to_string(), TRACE);
    trace.assert(server("/late/{id}").status(200).links(1));

    capture.clear();
    assert!(tokio::task::spawn_local(call("/panics", &[])).await.is_err());
    capture.assert(server("/panics").error("panic"));
    assert_eq!(capture.open(), 0);

    capture.clear();
    let hanging = tokio::task::spawn_local(call("/hangs", &[]));
    while capture.open() == 0 {
        tokio::task::yield_now().await;
    }
    hanging.abort();
    assert!(hanging.await.is_err());
    capture.assert(server("/hangs").error("cancelled"));
    assert_eq!(capture.open(), 0);
}
