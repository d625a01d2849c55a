//! What users' tests can read of measurements, beside the spans.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests fail by panicking")]

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tracewire::http::ServerLayer;
use tracewire::metrics::Choice;
use tracewire::otel::KeyValue;
use tracewire::test::Capture;

const REQUEST: &str = "http.server.request.duration";

async fn request(layer: &ServerLayer, status: StatusCode) {
    let answer = move |_: Request<String>| {
        let mut response = Response::new("body".to_owned());
        *response.status_mut() = status;
        std::future::ready(Ok::<_, Infallible>(response))
    };
    let request = Request::get("/").body(String::new()).unwrap();
    let response = layer.layer(service_fn(answer)).oneshot(request).await.unwrap();
    response.into_body().collect().await.unwrap();
}

#[tokio::test]
async fn series_tell_their_values() {
    let (capture, other) = (Capture::new().with_meters(), Capture::new().with_meters());
    let telemetry = capture.telemetry().measure(Choice::new().active_requests());
    let layer = ServerLayer::new().telemetry(&telemetry);
    for status in [StatusCode::OK, StatusCode::OK, StatusCode::BAD_GATEWAY] {
        request(&layer, status).await;
    }
    let all: Vec<_> = capture.metrics().iter().map(|it| it.name().to_owned()).collect();
    assert_eq!(all, ["http.server.active_requests", REQUEST, REQUEST]);
    let active = capture.metric("http.server.active_requests");
    assert_eq!((active.value(), active.count(), active.sum()), (Some(0.0), None, None));
    assert_eq!((active.unit(), active.bounds().len()), ("{request}", 0));
    assert_eq!(
        active.to_string(),
        "http.server.active_requests{http.request.method=GET url.scheme=http} 0 {request}"
    );
    let requests = capture.metrics().into_iter().filter(|it| it.name() == REQUEST);
    let requests: Vec<_> = requests.collect();
    let failed = requests.iter().find(|it| it.attribute("error.type") == Some(&"502".into()));
    let failed = failed.unwrap();
    assert_eq!((failed.value(), failed.count(), failed.unit()), (None, Some(1), "s"));
    assert_eq!(failed.bounds().len(), 14);
    let names: Vec<_> = failed.attributes().iter().map(|it| it.key.as_str()).collect();
    assert!(names.is_sorted(), "{names:?}");
    let span = &capture.spans()[2];
    let lasted = span.end_time.duration_since(span.start_time).unwrap();
    assert_eq!(failed.sum(), Some(lasted.as_secs_f64()));
    assert_eq!(other.metrics(), [], "tests run side by side");
}

#[test]
fn instruments_of_a_program_are_there_too() {
    let capture = Capture::new().with_meters();
    let meter = capture.telemetry().meter();
    let tier = [KeyValue::new("tier", 1)];
    meter.f64_gauge("load").build().record(0.5, &tier);
    meter.i64_up_down_counter("carts").build().add(-3, &[]);
    meter.u64_histogram("items").build().record(4, &[]);
    assert_eq!(Capture::new().metrics(), [], "unless it has meters");
    assert_eq!(capture.metric("load").value(), Some(0.5));
    assert_eq!(capture.metric("load").attributes(), tier);
    assert_eq!(capture.metric("carts").value(), Some(-3.0));
    assert_eq!(capture.metric("items").sum(), Some(4.0));
    capture.clear();
    meter.i64_up_down_counter("carts").build().add(1, &[]);
    assert_eq!(capture.metric("carts").value(), Some(-2.0), "sums go on");
}

#[test]
fn a_metric_that_is_not_there_once_fails_and_says_what_is() {
    let capture = Capture::new().with_meters();
    let orders = capture.telemetry().meter().u64_counter("orders").build();
    orders.add(1, &[KeyValue::new("tier", "gold")]);
    orders.add(2, &[]);
    for (name, count) in [("orders", 2), ("baskets", 0)] {
        let failed = catch_unwind(AssertUnwindSafe(|| capture.metric(name))).unwrap_err();
        let message = failed.downcast::<String>().unwrap();
        assert_eq!(
            *message,
            format!(
                "expected one series of {name}, found {count} in\norders{{}} 2\norders{{tier=gold}} 1"
            )
        );
    }
}
