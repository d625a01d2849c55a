//! What the endpoint answers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::{get, get_service};
use futures_util::FutureExt as _;
use http::{Method, Request, Response, StatusCode};
use opentelemetry_sdk::trace::Sampler;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};
use tracewire::http::{RequestHead, ServerLayer};
use tracewire::metrics::{Attributes, Choice, ExemplarFilter};
use tracewire::otel::KeyValue;
use tracewire::prometheus::{Metrics, client};
use tracewire::test::Capture;

const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Sends one request with this header, if any, through a service that is measured.
fn send(layer: &ServerLayer, path: &str, traceparent: Option<&str>) {
    let answer = async |_: Request<String>| Ok::<_, Infallible>(Response::new(String::new()));
    let mut service = layer.clone().layer(service_fn(answer));
    let mut request = Request::get(path);
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    let request = request.body(String::new()).unwrap();
    drop(service.call(request).now_or_never().unwrap());
}

fn exemplars(metrics: &Metrics) -> Vec<String> {
    let text = metrics.open_metrics();
    let found = text.lines().filter_map(|line| line.split_once(" # {"));
    found.map(|(_, it)| it.split('}').next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn either_format_from_a_handler_and_from_a_service() {
    let metrics = Metrics::new();
    let capture = Capture::new();
    let layer = ServerLayer::new().telemetry(&capture.telemetry().prometheus(&metrics));
    send(&layer, "/", None);
    let app = Router::new()
        .route("/metrics", get(metrics.clone()))
        .route("/service", get_service(metrics));
    for path in ["/metrics", "/service"] {
        for (method, accept, status, kind, marks) in [
            (Method::GET, "", 200, TEXT, ["le=\"1\"} 1\n", "_count{"]),
            (
                Method::GET,
                "application/openmetrics-text",
                200,
                OPEN,
                ["le=\"1.0\"} 1\n", "# EOF\n"],
            ),
            (
                Method::GET,
                "text/plain;q=1, application/openmetrics-text;q=0.9",
                200,
                TEXT,
                ["", ""],
            ),
            (Method::HEAD, "", 200, TEXT, ["", ""]),
            (Method::POST, "", 405, "", ["", ""]),
        ] {
            let request = Request::builder().method(&method).uri(path).header("accept", accept);
            let request = request.body(Body::empty()).unwrap();
            let response = app.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), status, "{method} {path}");
            let found = response.headers().get("content-type").map(|it| it.to_str().unwrap());
            assert_eq!(found.unwrap_or_default(), kind, "{method} {path}");
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(marks.iter().all(|mark| body.contains(mark)), "{body}");
            assert_eq!(body.is_empty(), method != Method::GET, "{body}");
        }
    }
}

#[test]
fn every_line_is_as_both_formats_want_it() {
    let mut registry = client::registry::Registry::default();
    let orders = client::metrics::counter::Counter::<u64>::default();
    registry.register("orders", "Orders taken", orders.clone());
    orders.inc_by(3);
    let metrics = Metrics::new().join(registry).target([KeyValue::new("service.name", "a \"b\"")]);
    let capture = Capture::new();
    let choice = Choice::new().active_requests().body_sizes();
    let telemetry = capture.telemetry().prometheus(&metrics).measure(choice);
    send(&ServerLayer::new().telemetry(&telemetry), "http://shop.example/", None);
    let of = |text: String| -> Vec<String> {
        text.lines().filter(|line| !line.contains("_bucket{")).map(str::to_owned).collect()
    };
    let labels = r#"http_request_method="GET",http_response_status_code="200",network_protocol_version="1.1",url_scheme="http",otel_scope_name="tracewire",otel_scope_version="0.1.0""#;
    let sum_starts = |line: &String| line.starts_with("http_server_request_duration_seconds_sum{");
    let mut open = of(metrics.open_metrics());
    open.retain(|line| !sum_starts(line));
    assert_eq!(
        open,
        [
            "# HELP target Target metadata".to_owned(),
            "# TYPE target info".to_owned(),
            r#"target_info{service_name="a \"b\""} 1"#.to_owned(),
            "# HELP http_server_active_requests Number of active HTTP server requests.".to_owned(),
            "# TYPE http_server_active_requests gauge".to_owned(),
            r#"http_server_active_requests{http_request_method="GET",url_scheme="http",otel_scope_name="tracewire",otel_scope_version="0.1.0"} 0"#.to_owned(),
            "# HELP http_server_request_duration_seconds Duration of HTTP server requests.".to_owned(),
            "# TYPE http_server_request_duration_seconds histogram".to_owned(),
            "# UNIT http_server_request_duration_seconds seconds".to_owned(),
            format!("http_server_request_duration_seconds_count{{{labels}}} 1"),
            "# HELP http_server_response_body_size_bytes Size of HTTP server response bodies.".to_owned(),
            "# TYPE http_server_response_body_size_bytes histogram".to_owned(),
            "# UNIT http_server_response_body_size_bytes bytes".to_owned(),
            format!("http_server_response_body_size_bytes_sum{{{labels}}} 0"),
            format!("http_server_response_body_size_bytes_count{{{labels}}} 1"),
            "# HELP orders Orders taken.".to_owned(),
            "# TYPE orders counter".to_owned(),
            "orders_total 3".to_owned(),
            "# EOF".to_owned(),
        ]
    );
    let text = of(metrics.text());
    for line in [
        "# TYPE target_info gauge",
        "# HELP orders_total Orders taken.",
        "# TYPE orders_total counter",
        "orders_total 3",
    ] {
        assert!(text.contains(&line.to_owned()), "{line} is not in {text:#?}");
    }
    assert!(
        !text.iter().any(|line| line.contains("# UNIT") || line.contains("# EOF")),
        "{text:#?}"
    );
}

#[test]
fn only_what_the_filter_lets_through_is_an_exemplar() {
    const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
    const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-00";
    let cases = [
        (ExemplarFilter::TraceBased, SAMPLED, 1),
        (ExemplarFilter::TraceBased, UNSAMPLED, 0),
        (ExemplarFilter::AlwaysOn, UNSAMPLED, 1),
        (ExemplarFilter::AlwaysOff, SAMPLED, 0),
    ];
    for (filter, traceparent, expected) in cases {
        let metrics = Metrics::new().exemplars(filter);
        let capture = Capture::with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)));
        let telemetry = capture.telemetry().prometheus(&metrics);
        send(&ServerLayer::new().telemetry(&telemetry), "/", Some(traceparent));
        let found = exemplars(&metrics);
        assert_eq!(found.len(), expected, "{filter:?}: {found:?}");
        if let ([span], [exemplar]) = (&*capture.spans(), &*found) {
            let (trace, span) = (span.span_context.trace_id(), span.span_context.span_id());
            assert_eq!(*exemplar, format!("trace_id=\"{trace}\",span_id=\"{span}\""));
        }
        assert!(metrics.open_metrics().contains("_count{"), "measured all the same");
    }
}

#[test]
fn strangers_cannot_make_series() {
    let metrics = Metrics::new();
    let telemetry = Capture::with_sampler(Sampler::AlwaysOff).telemetry().prometheus(&metrics);
    let telemetry = telemetry.measure(Choice::new().most_series(10));
    let hook = |head: &RequestHead<'_>, attributes: &mut Attributes| {
        attributes.set(KeyValue::new("user", head.uri.path().to_owned()));
    };
    let layer = ServerLayer::new().telemetry(&telemetry).on_measurement(hook);
    (0..1_000).for_each(|user| send(&layer, &format!("/{user}"), None));
    let text = metrics.text();
    let counts: Vec<_> = text.lines().filter(|it| it.contains("_count{")).collect();
    assert_eq!(counts.len(), 11, "{counts:#?}");
    let overflow = counts.iter().find(|it| it.contains("otel_metric_overflow=\"true\"")).unwrap();
    assert!(overflow.ends_with("} 990"), "{overflow}");
}

#[test]
fn a_listener_serves_without_a_runtime_and_ends_with_its_handle() {
    let metrics = Metrics::new();
    let listener = metrics.listen("127.0.0.1:0").unwrap();
    let address = listener.address();
    let client = reqwest::blocking::Client::builder().timeout(Duration::from_secs(10)).build();
    let client = client.unwrap();
    let get = |path: &str| client.get(format!("http://{address}{path}")).send();
    let response = get("/metrics").unwrap();
    assert_eq!(response.headers()["content-type"], TEXT);
    assert_eq!(get("/").unwrap().status(), StatusCode::NOT_FOUND);
    metrics.listen(address).unwrap_err();
    drop(listener);
    get("/metrics").unwrap_err();
    let again = metrics.listen(address).unwrap();
    assert_eq!(again.address(), address);
}
