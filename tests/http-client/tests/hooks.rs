//! What programs add, leave out and look at.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use http::{HeaderValue, Method, Request, Response};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Array, Context, KeyValue, Value};
use opentelemetry_sdk::trace::Sampler;
use tower::{Layer, ServiceExt, service_fn};
use tracewire::http::UrlTemplate;
use tracewire::reqwest::Middleware;
use tracewire::test::{Capture, expect};
use tracewire::{Sampling, Telemetry};

use crate::support::{Puppet, Via, Wire, by_name, caller, layer, only, reqwest_client, text};

fn request(path: &str) -> Request<()> {
    Request::get(format!("http://a.test{path}")).body(()).unwrap()
}

fn texts(values: &[&str]) -> Value {
    Value::Array(Array::String(values.iter().map(|value| (*value).to_owned().into()).collect()))
}

#[tokio::test]
async fn hooks_add_and_rename_at_both_ends() {
    let capture = Capture::new();
    let layer = layer!(http, capture)
        .on_request(|head, start| {
            start.name(format!("{} users", head.method));
            start.set(KeyValue::new("app.path", head.uri.path().to_owned()));
            start.set(KeyValue::new(
                "app.kind",
                head.headers["x-kind"].to_str().unwrap().to_owned(),
            ));
        })
        .on_response(|head, operation| {
            assert!(operation.is_recording());
            operation.rename("users answered");
            operation.set([KeyValue::new("app.code", i64::from(head.status.as_u16()))]);
        });
    let mut request = request("/users/7");
    request.headers_mut().insert("x-kind", "gold".parse().unwrap());
    Wire::default().send(layer, request).await;
    capture.assert(
        expect::span("users answered")
            .client()
            .status(200)
            .attribute("app.path", "/users/7")
            .attribute("app.kind", "gold")
            .attribute("app.code", 200),
    );
    let at_start = by_name(&capture.attributes_at_start(&only(&capture)));
    assert_eq!(at_start["app.path"], "/users/7".into());
}

/// OpenTelemetry would export both, and with them what the hook meant to hide.
#[tokio::test]
async fn an_attribute_of_a_hook_takes_the_place_of_ours() {
    let capture = Capture::new();
    let layer = layer!(http, capture)
        .on_request(|_, start| start.set(KeyValue::new("url.full", "http://a.test/hidden")));
    Wire::default().send(layer, request("/secret/7")).await;
    let urls = only(&capture).attributes.into_iter().filter(|it| it.key.as_str() == "url.full");
    assert_eq!(urls.map(|it| it.value).collect::<Vec<_>>(), ["http://a.test/hidden".into()]);
}

#[tokio::test]
async fn hooks_see_what_reqwest_sends() {
    for via in Via::REQWEST {
        let (puppet, capture) = (Puppet::ok().await, Capture::new());
        let uris = Arc::new(Mutex::new(Vec::new()));
        let seen = uris.clone();
        let layer = layer!(reqwest, capture)
            .on_request(move |head, start| {
                seen.lock().unwrap().push(head.uri.to_string());
                start.set(KeyValue::new(
                    "app.template",
                    head.extensions.get::<UrlTemplate>().is_some(),
                ));
            })
            .on_response(|head, operation| {
                operation.set([KeyValue::new("app.version", format!("{:?}", head.version))]);
            });
        let url = puppet.url("/users/7?q=1");
        match via {
            Via::Reqwest => {
                let request = reqwest::Request::new(Method::GET, url.parse().unwrap());
                drop(layer.layer(reqwest_client()).oneshot(request).await.unwrap());
            }
            _ => {
                let client = reqwest_middleware::ClientBuilder::new(reqwest_client());
                let client = client.with(Middleware::from(layer)).build();
                let request = client.get(&url).with_extension(UrlTemplate("/users/{id}"));
                drop(request.send().await.unwrap());
            }
        }
        assert_eq!(*uris.lock().unwrap(), [url], "{via}");
        let attributes = by_name(&only(&capture).attributes);
        assert_eq!(attributes["app.template"], Value::Bool(via == Via::Middleware));
        assert_eq!(attributes["app.version"], "HTTP/1.1".into());
    }
}

#[tokio::test]
async fn nobody_is_asked_about_requests_that_nobody_records() {
    crate::support::keep_a_subscriber();
    let asked = Arc::new(AtomicUsize::new(0));
    let follows = Capture::with_sampler(Sampler::AlwaysOff).telemetry();
    for telemetry in [
        Telemetry::propagate_only(),
        Telemetry::from_tracing(),
        follows.sampling(Sampling::FollowsParent),
    ] {
        let count = asked.clone();
        let layer =
            tracewire::http::ClientLayer::new().telemetry(&telemetry).on_request(move |_, _| {
                count.fetch_add(1, Ordering::Relaxed);
            });
        let _caller = unsampled().attach();
        Wire::default().send(layer, request("/")).await;
    }
    // The tracing source learns from the started span only that nobody records it.
    assert!(asked.load(Ordering::Relaxed) <= 1);
}

fn unsampled() -> Context {
    let mut headers = http::HeaderMap::new();
    let value = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    headers.insert("traceparent", value.parse().unwrap());
    tracewire::Propagator::default().extract(&headers)
}

#[tokio::test]
async fn skipped_requests_have_no_span_and_carry_the_callers_context() {
    let capture = Capture::new();
    let layer = layer!(http, capture)
        .skip(|head| head.uri.path() == "/health")
        .skip(|head| head.method == Method::OPTIONS)
        .skip(|head| head.headers.contains_key("x-quiet"));
    let mut options = request("/");
    *options.method_mut() = Method::OPTIONS;
    let mut quiet = request("/");
    quiet.headers_mut().insert("x-quiet", HeaderValue::from_static("1"));
    let _caller = Context::new().with_baggage([KeyValue::new("user", "ann")]).attach();
    for skipped in [request("/health"), options, quiet] {
        let seen = Wire::default().send(layer.clone(), skipped).await;
        assert!(seen.field("traceparent").is_empty());
        assert_eq!(seen.field("baggage"), ["user=ann"]);
    }
    assert!(capture.spans().is_empty() && capture.open() == 0);
    Wire::default().send(layer, request("/orders")).await;
    only(&capture);
}

#[tokio::test]
async fn skipping_a_request_does_not_mark_the_callers_span() {
    let capture = Capture::new();
    let caller = caller(&capture);
    let layer = layer!(http, capture).skip(|_| true).on_response(|_, operation| {
        operation.rename("not the caller's");
        operation.set([KeyValue::new("app.code", 1)]);
    });
    let wire = Wire::answering(http::StatusCode::INTERNAL_SERVER_ERROR);
    caller.run(wire.send(layer, request("/"))).await;
    caller.finish(tracewire::span::Outcome::Success);
    capture.assert(
        expect::span("caller").internal().without("app.code").without("http.response.status_code"),
    );
}

#[tokio::test]
async fn headers_that_were_asked_for() {
    let capture = Capture::new();
    let layer = layer!(http, capture)
        .request_headers([
            "X-Tenant",
            "accept",
            "authorization",
            "x-secret",
            "not a name",
            "x-absent",
            "x-bytes",
        ])
        .response_headers(["content-type", "Set-Cookie", "x-many"]);
    let inner = service_fn(|_: Request<()>| async {
        let response = Response::builder()
            .header("content-type", "text/plain")
            .header("set-cookie", "session=1")
            .header("set-cookie", "theme=2")
            .header("x-many", "a")
            .header("x-many", "b, c")
            .header("x-other", "not asked for");
        Ok::<_, std::io::Error>(response.body(String::new()).unwrap())
    });
    let mut secret = HeaderValue::from_static("hidden");
    secret.set_sensitive(true);
    let request = Request::get("http://a.test/")
        .header("x-tenant", "7")
        .header("accept", "a/b")
        .header("accept", "c/d")
        .header("authorization", "Bearer token")
        .header("x-secret", secret)
        .header("x-bytes", HeaderValue::from_bytes(b"\xff").unwrap())
        .header("cookie", "not asked for");
    layer.layer(inner).oneshot(request.body(()).unwrap()).await.unwrap();

    let span = only(&capture);
    let attributes = by_name(&span.attributes);
    let headers: Vec<_> = attributes.iter().filter(|(key, _)| key.contains(".header.")).collect();
    let expected = [
        ("http.request.header.accept", texts(&["a/b", "c/d"])),
        ("http.request.header.authorization", texts(&["REDACTED"])),
        ("http.request.header.x-bytes", texts(&["\u{fffd}"])),
        ("http.request.header.x-secret", texts(&["REDACTED"])),
        ("http.request.header.x-tenant", texts(&["7"])),
        ("http.response.header.content-type", texts(&["text/plain"])),
        ("http.response.header.set-cookie", texts(&["REDACTED", "REDACTED"])),
        ("http.response.header.x-many", texts(&["a", "b, c"])),
    ];
    let expected: Vec<(String, Value)> =
        expected.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    assert_eq!(headers, expected.iter().map(|(key, value)| (key, value)).collect::<Vec<_>>());
    let at_start = by_name(&capture.attributes_at_start(&span));
    assert!(at_start.contains_key("http.request.header.x-tenant"));
}

#[tokio::test]
async fn headers_asked_for_twice_are_recorded_once() {
    let capture = Capture::new();
    let layer = layer!(http, capture).request_headers(["x-tenant", "X-Tenant"]);
    let mut request = request("/");
    request.headers_mut().insert("x-tenant", HeaderValue::from_static("7"));
    Wire::default().send(layer, request).await;
    // `by_name` wants each attribute once.
    assert_eq!(by_name(&only(&capture).attributes)["http.request.header.x-tenant"], texts(&["7"]));
}

#[tokio::test]
async fn query_keys_of_ones_own() {
    let capture = Capture::new();
    let layer = layer!(http, capture).redacted_query_keys(["token", "pass word"]);
    Wire::default()
        .send(layer, request("/?token=1&sig=2&Token=3&tok%65n=4&pass%20word=5&token&x=token=6"))
        .await;
    let expected = "http://a.test/?token=REDACTED&sig=2&Token=3&tok%65n=REDACTED&pass%20word=REDACTED&token&x=token=6";
    assert_eq!(text(&only(&capture), "url.full").as_deref(), Some(expected));
}

#[tokio::test]
async fn a_hook_that_panics_leaves_no_span_open() {
    let capture = Capture::new();
    let layers = [
        layer!(http, capture).on_request(|_, _| panic!("told to")),
        layer!(http, capture).on_response(|_, _| panic!("told to")),
        layer!(http, capture).skip(|_| panic!("told to")),
    ];
    for layer in layers {
        let wire = Wire::default();
        let sending = AssertUnwindSafe(wire.send(layer, request("/")));
        sending.catch_unwind().await.unwrap_err();
        assert_eq!(capture.open(), 0);
    }
    capture.assert(expect::span("GET").client().status(200).error("panic"));
}

#[tokio::test]
async fn the_hook_for_responses_runs_within_the_span() {
    let capture = Capture::new();
    let layer = layer!(http, capture).on_response(|_, operation| {
        let current = Context::current().span().span_context().clone();
        assert_eq!(current, *operation.context().span().span_context());
        assert!(current.is_valid());
    });
    Wire::default().send(layer, request("/")).await;
    only(&capture);
}
