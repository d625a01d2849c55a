//! Requests and responses that no sane program would send.

use std::convert::Infallible;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::{Context, KeyValue};
use tower::{Layer, ServiceExt, service_fn};
use tracewire::http::UrlTemplate;
use tracewire::test::Capture;

use crate::support::{Via, Wire, by_name, get, layer, only, reqwest_client, text};

/// As many fields as a header map can hold.
fn full() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for number in 0.. {
        let name: HeaderName = format!("x-{number}").parse().unwrap();
        if headers.try_insert(name, HeaderValue::from_static("v")).is_err() {
            break;
        }
    }
    headers
}

#[tokio::test]
async fn a_request_that_holds_as_many_headers_as_it_can() {
    let capture = Capture::new();
    let mut request = Request::get("http://a.test/").body(()).unwrap();
    *request.headers_mut() = full();
    let layer = layer!(http, capture).request_headers((0..100).map(|number| format!("x-{number}")));
    let _caller = Context::new().with_baggage([KeyValue::new("user", "ann")]).attach();
    let seen = Wire::default().send(layer, request).await;
    assert!(seen.headers.len() > 20_000);
    assert!(seen.field("traceparent").is_empty(), "there is no room for it");
    let headers = by_name(&only(&capture).attributes);
    assert_eq!(headers.keys().filter(|key| key.contains(".header.")).count(), 100);

    let capture = Capture::new();
    let mut request = reqwest::Request::new(http::Method::GET, "http://a.test/".parse().unwrap());
    *request.headers_mut() = full();
    let inner = service_fn(|request: reqwest::Request| async move {
        assert!(request.headers().len() > 20_000);
        Ok::<_, Infallible>(Response::new("").into())
    });
    let response: reqwest::Response =
        layer!(reqwest, capture).layer(inner).oneshot(request).await.unwrap();
    drop(response);
    only(&capture);
}

#[tokio::test]
async fn a_response_that_holds_as_many_headers_as_it_can() {
    let capture = Capture::new();
    let inner = service_fn(|_: Request<()>| async {
        let mut response = Response::new(String::new());
        *response.headers_mut() = full();
        Ok::<_, Infallible>(response)
    });
    let layer = layer!(http, capture).response_headers(["x-1", "x-2"]);
    let request = Request::get("http://a.test/").body(()).unwrap();
    layer.layer(inner).oneshot(request).await.unwrap();
    let attributes = by_name(&only(&capture).attributes);
    assert_eq!(attributes.keys().filter(|key| key.contains(".header.")).count(), 2);
}

#[tokio::test]
async fn hosts_that_are_none() {
    let long = format!("{}.test", "a".repeat(300));
    let hosts: Vec<&[u8]> = vec![
        b"",
        b" ",
        b"@",
        b":",
        b":80",
        b"a b",
        b"a:b:c",
        b"a:99999",
        b"a:-1",
        b"[::1",
        b"::1]",
        b"[]",
        b"[a]",
        b"[::1]x",
        b"\xff\xfe",
        b"a.test/path?sig=secret",
        b"a.test#secret",
        b"a\tb",
        b"a<b>",
        b"user:secret@",
        b"%zz%",
        long.as_bytes(),
    ];
    for host in hosts {
        let shown = String::from_utf8_lossy(host);
        let capture = Capture::new();
        let value = HeaderValue::from_bytes(host).unwrap();
        let request = Request::get("/path?sig=1").header("host", value).body(()).unwrap();
        let layer = layer!(http, capture).service("*.test", "test");
        Wire::default().send(layer, request).await;
        let span = only(&capture);
        let url = text(&span, "url.full").unwrap();
        assert!(!url.contains("secret"), "`{shown}`: {url}");
        assert!(url.ends_with("/path?sig=REDACTED"), "`{shown}`: {url}");
        if let Some(address) = text(&span, "server.address") {
            assert!(url.contains(&address), "`{shown}`: {address}");
            assert!(address.len() <= 255 && !address.contains(['/', ' ', '@', '?']), "{address}");
        } else {
            assert_eq!(url, "/path?sig=REDACTED", "`{shown}`");
        }
    }
}

#[tokio::test]
async fn a_url_of_sixty_thousand_bytes() {
    let path = format!("/{}?sig=secret&{}", "a".repeat(30_000), "b=c&".repeat(7_000));
    for via in [Via::Plain, Via::Reqwest] {
        let capture = Capture::new();
        let url = format!("http://a.test{path}");
        match via {
            Via::Plain => {
                let request = Request::get(&url).body(()).unwrap();
                Wire::default().send(layer!(http, capture), request).await;
            }
            _ => {
                // Longer than `http::Uri` can be.
                let url = format!("{url}{}", "d".repeat(100_000));
                let request = reqwest::Request::new(http::Method::GET, url.parse().unwrap());
                let hook = layer!(reqwest, capture).skip(|head| head.uri.path() == "/health");
                hook.layer(reqwest_client()).oneshot(request).await.unwrap_err();
            }
        }
        let full = text(&only(&capture), "url.full").unwrap();
        assert!(full.len() > 50_000 && full.contains("?sig=REDACTED&b=c&"), "{via}");
    }
}

#[tokio::test]
async fn baggage_larger_than_allowed_is_cut_by_whole_members() {
    let capture = Capture::new();
    let members = (0..200).map(|number| KeyValue::new(format!("key{number}"), "v".repeat(200)));
    let _caller = Context::new().with_baggage(members).attach();
    let request = Request::get("http://a.test/").body(()).unwrap();
    let seen = Wire::default().send(layer!(http, capture), request).await;
    let [field] = seen.field("baggage")[..] else {
        panic!("one field");
    };
    assert!(field.len() <= 8192, "{}", field.len());
    let whole = |member: &str| member.split_once('=').is_some_and(|(_, value)| value.len() == 200);
    assert!(field.split(',').count() <= 64 && field.split(',').all(whole));
}

#[tokio::test]
async fn a_long_template_is_taken_as_it_is() {
    let template: &'static str = "/x".repeat(5_000).leak();
    let capture = Capture::new();
    let mut request = Request::get("http://a.test/").body(()).unwrap();
    request.extensions_mut().insert(UrlTemplate(template));
    Wire::default().send(layer!(http, capture), request).await;
    assert_eq!(only(&capture).name, format!("GET {template}"));
}

#[tokio::test]
async fn requests_that_hyper_refuses() {
    for target in ["/origin-form", "gopher://a.test/"] {
        let capture = Capture::new();
        Via::Hyper.send(&capture, get(target)).await.unwrap_err();
        let span = only(&capture);
        assert!(crate::support::error_type(&span).is_some(), "{target}");
    }
}
