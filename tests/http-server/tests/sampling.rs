//! What samplers see, and what travels on when they say no.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use opentelemetry::trace::{Link, SpanKind, TraceId, TraceState};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};
use tracewire::axum::ServerLayer;
use tracewire::test::{Capture, expect};
use tracewire::{Sampling, Telemetry};

use crate::support::{SPAN, Site, TRACE, field, mark, outgoing};

/// Asks a function about the path, and keeps what it has seen.
#[derive(Clone, Debug)]
struct ByPath(Arc<Mutex<Vec<Seen>>>);

/// The name and the attributes of one span.
type Seen = (String, Vec<KeyValue>);

impl ShouldSample for ByPath {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        assert_eq!(*kind, SpanKind::Server);
        self.0.lock().unwrap().push((name.to_owned(), attributes.to_vec()));
        let path = attributes.iter().find(|attribute| attribute.key.as_str() == "url.path");
        let decision = match path.map(|path| path.value.as_str()).as_deref() {
            Some("/health") => SamplingDecision::Drop,
            Some("/quiet") => SamplingDecision::RecordOnly,
            _ => SamplingDecision::RecordAndSample,
        };
        SamplingResult {
            decision,
            attributes: vec![KeyValue::new("sampled.by", "path")],
            trace_state: TraceState::from_key_value([("sampler", "path")]).unwrap(),
        }
    }
}

fn app(layer: ServerLayer) -> Router {
    Router::new()
        .route("/orders/{id}", get(outgoing))
        .route("/health", get(outgoing))
        .route("/quiet", get(outgoing))
        .layer(layer)
}

#[tokio::test]
async fn samplers_see_everything_that_is_known() {
    let seen = ByPath(Arc::default());
    let site = Site::recording(Capture::with_sampler(seen.clone()), |layer| {
        app(layer
            .request_headers(["x-tenant"])
            .on_request(|_, start| start.set(KeyValue::new("from.hook", true))))
    })
    .await;
    let headers = ["User-Agent: browser/1", "X-Tenant: north"];
    site.get("/orders/7?sig=secret&a=1", &headers).await;
    let trace = site.trace(1).await;
    let (name, attributes) = seen.0.lock().unwrap().pop().unwrap();
    assert_eq!(name, "GET /orders/{id}");
    let tenant = Value::Array(opentelemetry::Array::String(vec!["north".into()]));
    for (key, value) in [
        ("http.request.method", "GET".into()),
        ("http.route", "/orders/{id}".into()),
        ("url.path", "/orders/7".into()),
        ("url.query", "sig=REDACTED&a=1".into()),
        ("url.scheme", "http".into()),
        ("server.address", "shop.example".into()),
        ("client.address", "127.0.0.1".into()),
        ("network.peer.address", "127.0.0.1".into()),
        ("network.protocol.version", "1.1".into()),
        ("user_agent.original", "browser/1".into()),
        ("http.request.header.x-tenant", tenant),
        ("from.hook", true.into()),
    ] {
        assert!(attributes.contains(&KeyValue::new(key, value)), "{key}: {attributes:?}");
    }
    // Nothing is said at the end that was known at the start, and the other way round.
    let at_start = site.capture.attributes_at_start(&trace.roots()[0].span);
    assert_eq!(at_start.len(), attributes.len() + 1);
    assert_eq!(trace.roots()[0].span.attributes.len(), at_start.len() + 1);
    trace.assert(
        expect::span("GET /orders/{id}").server().status(200).attribute("sampled.by", "path"),
    );
}

#[tokio::test]
async fn what_a_sampler_drops_travels_on_unsampled() {
    let site = Site::recording(Capture::with_sampler(ByPath(Arc::default())), app).await;
    let answer = site.get("/health", &[]).await;
    let sent = field(answer.body(), "traceparent").unwrap();
    assert!(sent.ends_with("-00"), "{sent}");
    // The sampler's word about the trace state goes along.
    assert_eq!(field(answer.body(), "tracestate"), Some("sampler=path"));
    assert_eq!((site.capture.spans().len(), site.capture.open()), (0, 0));
}

#[tokio::test]
async fn what_is_recorded_only_here_is_recorded_and_travels_on_unsampled() {
    let site = Site::recording(Capture::with_sampler(ByPath(Arc::default())), app).await;
    let answer = site.get("/quiet", &[]).await;
    let sent = field(answer.body(), "traceparent").unwrap();
    assert!(sent.ends_with("-00"), "{sent}");
    site.assert(expect::span("GET /quiet").server().status(200), 1).await;
}

/// The flags of a caller, a sampler, and the flags that the next service gets.
#[tokio::test]
async fn flags_of_the_next_hop() {
    let on = || Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
    let cases = [
        (Sampler::AlwaysOn, "00", "01"),
        (Sampler::AlwaysOn, "01", "01"),
        (Sampler::AlwaysOn, "02", "03"),
        (Sampler::AlwaysOn, "03", "03"),
        (Sampler::AlwaysOff, "00", "00"),
        (Sampler::AlwaysOff, "01", "00"),
        (Sampler::AlwaysOff, "02", "02"),
        (Sampler::AlwaysOff, "03", "02"),
        (on(), "00", "00"),
        (on(), "01", "01"),
        (on(), "02", "02"),
        (on(), "03", "03"),
    ];
    for (sampler, flags, sent) in cases {
        let site = Site::recording(Capture::with_sampler(sampler.clone()), app).await;
        let caller = format!("traceparent: 00-{TRACE}-{SPAN}-{flags}");
        let answer = site.get("/orders/7", &[&caller, "tracestate: vendor=1"]).await;
        site.settled(usize::from(sent.ends_with(['1', '3']))).await;
        let found = field(answer.body(), "traceparent").unwrap();
        assert!(found.contains(TRACE) && !found.contains(SPAN), "{found}");
        assert!(found.ends_with(&format!("-{sent}")), "{sampler:?}, {flags}: {found}");
        assert_eq!(field(answer.body(), "tracestate"), Some("vendor=1"));
    }
}

async fn following(capture: Capture, hook: Arc<Mutex<usize>>) -> Site {
    let telemetry = capture.telemetry().sampling(Sampling::FollowsParent);
    let layer =
        ServerLayer::new().telemetry(&telemetry).on_request(move |_, _| *hook.lock().unwrap() += 1);
    Site::serving(capture, app(layer)).await
}

/// A parent that is not sampled is taken at its word: it travels on as it is, and no work is done.
#[tokio::test]
async fn following_a_parent_costs_nothing() {
    for flags in ["00", "02"] {
        let calls = Arc::new(Mutex::new(0));
        let site = following(Capture::new(), calls.clone()).await;
        let caller = format!("traceparent: 00-{TRACE}-{SPAN}-{flags}");
        let lines = [&*caller, "tracestate: vendor=1", "baggage: user=7"];
        let answer = site.get("/orders/7", &lines).await;
        let same = format!("00-{TRACE}-{SPAN}-{flags}");
        assert_eq!(field(answer.body(), "traceparent"), Some(&*same));
        assert_eq!(field(answer.body(), "tracestate"), Some("vendor=1"));
        assert_eq!(field(answer.body(), "baggage"), Some("user=7"));
        assert_eq!((site.capture.spans().len(), site.capture.open()), (0, 0));
        assert_eq!(*calls.lock().unwrap(), 0);
    }
}

#[tokio::test]
async fn following_a_sampled_parent_or_none_is_as_ever() {
    for (flags, sent) in [("01", "01"), ("03", "03")] {
        let site = following(Capture::new(), Arc::default()).await;
        let caller = format!("traceparent: 00-{TRACE}-{SPAN}-{flags}");
        let answer = site.get("/orders/7", &[&caller]).await;
        let trace = site.trace(1).await;
        let own = format!("00-{TRACE}-{}-{sent}", trace.roots()[0].span.span_context.span_id());
        assert_eq!(field(answer.body(), "traceparent"), Some(&*own));
    }
    let site = following(Capture::new(), Arc::default()).await;
    site.get("/orders/7", &[]).await;
    site.assert(expect::span("GET /orders/{id}").server().status(200), 1).await;
}

/// A stranger's word is not followed.
#[tokio::test]
async fn following_nobody_who_is_not_trusted() {
    let capture = Capture::new();
    let telemetry = capture.telemetry().sampling(Sampling::FollowsParent);
    let layer = ServerLayer::new().telemetry(&telemetry).trust(tracewire::http::Trust::never());
    let site = Site::serving(capture, app(layer)).await;
    site.get("/orders/7", &[&format!("traceparent: 00-{TRACE}-{SPAN}-00")]).await;
    site.assert(expect::span("GET /orders/{id}").server().status(200).links(1), 1).await;
}

/// Children of what is not sampled are not sampled, and of the same trace.
#[tokio::test]
async fn children_follow() {
    for follows in [false, true] {
        let capture = Capture::with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)));
        let telemetry = capture.telemetry();
        let telemetry =
            if follows { telemetry.sampling(Sampling::FollowsParent) } else { telemetry };
        let of_handler = capture.clone();
        let handler = async move || {
            mark(&of_handler, "in handler");
            outgoing().await
        };
        let layer = ServerLayer::new().telemetry(&telemetry);
        let site =
            Site::serving(capture, Router::new().route("/", get(handler)).layer(layer)).await;
        let answer = site.get("/", &[&format!("traceparent: 00-{TRACE}-{SPAN}-00")]).await;
        assert!(field(answer.body(), "traceparent").unwrap().contains(TRACE));
        assert_eq!((site.capture.spans().len(), site.capture.open()), (0, 0));
    }
}

#[tokio::test]
async fn propagating_only() {
    let layer = ServerLayer::new().telemetry(&Telemetry::propagate_only());
    let site = Site::serving(Capture::new(), app(layer)).await;
    let caller = format!("traceparent: 00-{TRACE}-{SPAN}-03");
    let answer = site.get("/orders/7", &[&caller, "baggage: user=7"]).await;
    let same = format!("00-{TRACE}-{SPAN}-03");
    assert_eq!(field(answer.body(), "traceparent"), Some(&*same));
    assert_eq!(field(answer.body(), "baggage"), Some("user=7"));
}
