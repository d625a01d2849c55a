//! Filters, hooks, and what responses tell: a skipped request still belongs to its caller's trace.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::response::IntoResponse as _;
use axum::routing::get;
use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::Sampler;
use tracewire::axum::ServerLayer;
use tracewire::test::{Capture, expect};

use crate::support::{SAMPLED, SPAN, Site, TRACE, UNSAMPLED, field, mark, outgoing, request};

fn app(layer: ServerLayer) -> Router {
    Router::new().route("/", get(outgoing)).route("/health", get(outgoing)).layer(layer)
}

#[tokio::test]
async fn what_is_skipped_still_propagates() {
    type Set = fn(ServerLayer) -> ServerLayer;
    let skips: [Set; 4] = [
        |layer| layer.skip_path("/health"),
        |layer| layer.skip_path("/ready").skip_path("/health"),
        |layer| layer.skip(|request| request.uri.path().starts_with("/h")),
        |layer| layer.skip(|request| request.headers.contains_key("x-probe")),
    ];
    for set in skips {
        let site = Site::new(|layer| app(set(layer))).await;
        let lines = [SAMPLED, "tracestate: vendor=1", "baggage: user=7", "X-Probe: 1"];
        let answer = site.get("/health?x=1", &lines).await;
        // Nothing came between: the caller's own span is what the next service sees.
        let parent = format!("00-{TRACE}-{SPAN}-01");
        assert_eq!(field(answer.body(), "traceparent"), Some(&*parent));
        assert_eq!(field(answer.body(), "tracestate"), Some("vendor=1"));
        assert_eq!(field(answer.body(), "baggage"), Some("user=7"));
        assert_eq!((site.capture.spans().len(), site.capture.open()), (0, 0));
        site.get("/", &[]).await;
        site.settled(1).await;
    }
}

#[tokio::test]
async fn a_child_of_a_skipped_request_is_the_callers() {
    let capture = Capture::new();
    let of_handler = capture.clone();
    let handler = async move || mark(&of_handler, "in handler");
    let site = Site::recording(capture, |layer| {
        Router::new().route("/", get(handler)).layer(layer.skip_path("/"))
    })
    .await;
    site.get("/", &[SAMPLED]).await;
    let trace = site.trace(1).await;
    assert_eq!(trace.id().to_string(), TRACE);
    assert_eq!(trace.roots()[0].span.parent_span_id.to_string(), SPAN);
    trace.assert(expect::span("in handler"));
}

#[tokio::test]
async fn methods_may_be_skipped() {
    let site =
        Site::new(|layer| app(layer.skip(|request| request.method == http::Method::OPTIONS))).await;
    site.raw(request("OPTIONS", "/", &[])).await;
    assert_eq!((site.capture.spans().len(), site.capture.open()), (0, 0));
}

#[tokio::test]
async fn hooks_add_attributes_and_names() {
    let site = Site::new(|layer| {
        app(layer
            .on_request(|request, start| {
                let tenant =
                    request.headers.get("x-tenant").and_then(|tenant| tenant.to_str().ok());
                start.set(KeyValue::new("tenant", tenant.unwrap_or("nobody").to_owned()));
            })
            .on_response(|response, operation| {
                operation.set([KeyValue::new("answered", i64::from(response.status.as_u16()))]);
                operation.rename("renamed");
            }))
    })
    .await;
    site.get("/", &["X-Tenant: north"]).await;
    let expected = expect::span("renamed")
        .server()
        .status(200)
        .attribute("tenant", "north")
        .attribute("answered", 200_i64)
        .attribute("http.route", "/");
    let trace = site.trace(1).await;
    let at_start = site.capture.attributes_at_start(&trace.roots()[0].span);
    assert!(at_start.contains(&KeyValue::new("tenant", "north")), "{at_start:?}");
    trace.assert(expected);
}

/// What a hook says of a key counts alone: a path is scrubbed only if the other one is gone.
#[tokio::test]
async fn a_hook_replaces_what_is_there() {
    let site = Site::new(|layer| {
        app(layer.on_request(|_, start| {
            start.set(KeyValue::new("url.path", "/scrubbed"));
            start.set(KeyValue::new("twice", 1_i64));
            start.set(KeyValue::new("twice", 2_i64));
        }))
    })
    .await;
    site.get("/secret", &[]).await;
    let trace = site.trace(1).await;
    assert!(!trace.to_string().contains("secret"), "{trace}");
    let mut keys: Vec<_> =
        trace.roots()[0].span.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count, "{trace}");
    trace.assert(
        expect::span("GET")
            .server()
            .status(404)
            .attribute("url.path", "/scrubbed")
            .attribute("twice", 2_i64),
    );
}

/// A name from a hook stays, though the route becomes known later.
#[tokio::test]
async fn a_hook_s_name_outlives_a_late_route() {
    let capture = Capture::new();
    let layer = ServerLayer::new()
        .telemetry(&capture.telemetry())
        .on_request(|_, start| start.name("named by hand"));
    let inner = Router::new()
        .route("/orders/{id}", get(async || ""))
        .route_layer(tracewire::axum::RouteLayer);
    let app = Router::new().fallback_service(inner).layer(layer);
    let site = Site::serving(capture, app).await;
    site.get("/orders/7", &[]).await;
    let expected =
        expect::span("named by hand").server().status(200).attribute("http.route", "/orders/{id}");
    site.assert(expected, 1).await;
}

/// No hook that describes runs for what nobody records.
#[tokio::test]
async fn hooks_at_the_start_run_only_for_readers() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let site = Site::new(|layer| {
        app(layer.skip_path("/health").on_request(move |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
        }))
    })
    .await;
    site.get("/health", &[SAMPLED]).await;
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    site.get("/", &[]).await;
    site.settled(1).await;
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn responses_name_their_trace_when_asked_to() {
    let site = Site::new(|layer| app(layer.trace_response().server_timing())).await;
    for headers in [&[][..], &[SAMPLED], &["traceparent: nonsense"]] {
        let answer = site.get("/", headers).await;
        site.settled(1).await;
        let span = site.capture.spans().pop().unwrap().span_context;
        let own = format!("00-{}-{}-01", span.trace_id(), span.span_id());
        assert_eq!(answer.header("traceresponse"), Some(&*own));
        assert_eq!(answer.header("server-timing"), Some(&*format!("trace;desc={own}")));
        site.capture.clear();
    }
    let site = Site::new(app).await;
    let answer = site.get("/", &[SAMPLED]).await;
    assert_eq!((answer.header("traceresponse"), answer.header("server-timing")), (None, None));
}

/// A trace that nobody keeps has a name all the same, and says that it is not sampled.
#[tokio::test]
async fn responses_name_traces_that_are_not_sampled() {
    let sampler = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
    let site =
        Site::recording(Capture::with_sampler(sampler), |layer| app(layer.trace_response())).await;
    let answer = site.get("/", &[UNSAMPLED]).await;
    let told = answer.header("traceresponse").unwrap();
    assert!(told.starts_with(&format!("00-{TRACE}-")) && told.ends_with("-00"), "{told}");
    assert!(!told.contains(SPAN), "{told}");
}

/// A request without a span of its own is not named after its caller's.
#[tokio::test]
async fn responses_name_nothing_that_is_not_theirs() {
    let site =
        Site::new(|layer| app(layer.trace_response().server_timing().skip_path("/health"))).await;
    let answer = site.get("/health", &[SAMPLED]).await;
    assert_eq!((answer.header("traceresponse"), answer.header("server-timing")), (None, None));
}

#[tokio::test]
async fn other_timings_of_a_response_stay() {
    let timed =
        async || ([("server-timing", "db;dur=5"), ("traceresponse", "stale")], "").into_response();
    let site = Site::new(|layer| {
        Router::new().route("/", get(timed)).layer(layer.server_timing().trace_response())
    })
    .await;
    let answer = site.get("/", &[]).await;
    assert!(answer.0.contains("server-timing: db;dur=5\r\n"), "{answer:?}");
    assert_eq!(answer.0.matches("server-timing:").count(), 2, "{answer:?}");
    assert_eq!(answer.0.matches("traceresponse:").count(), 1, "{answer:?}");
    assert!(!answer.0.contains("stale"), "{answer:?}");
}
