//! Names, attributes and their types; nothing is set that is not known.

use axum::Router;
use axum::routing::{any, get};
use http::{Request, Response, StatusCode};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tracewire::axum::ServerLayer;
use tracewire::test::{Capture, expect};

use crate::support::{Site, in_own_process, request};

fn shop(layer: ServerLayer) -> Router {
    Router::new()
        .route("/orders/{id}", any(async || "an order"))
        .route("/", any(async || "the shop"))
        .layer(layer)
}

#[tokio::test]
async fn a_request_with_everything() {
    let site = Site::new(shop).await;
    let mut connection = site.connect().await;
    let port = connection.port();
    let headers = ["User-Agent: browser/1", "Accept: */*"];
    connection.send(request("GET", "/orders/7?page=2&sig=secret", &headers)).await;
    assert_eq!(connection.rest().await.status(), 200);

    let outline = format!(
        "GET /orders/{{id}} [server]
  client.address: 127.0.0.1
  http.request.method: GET
  http.response.status_code: 200
  http.route: /orders/{{id}}
  network.peer.address: 127.0.0.1
  network.peer.port: {port}
  network.protocol.version: 1.1
  server.address: shop.example
  url.path: /orders/7
  url.query: page=2&sig=REDACTED
  url.scheme: http
  user_agent.original: browser/1
"
    );
    assert_eq!(site.trace(1).await.to_string(), outline);
}

#[tokio::test]
async fn a_request_with_nothing() {
    let site = Site::new(shop).await;
    let mut connection = site.connect().await;
    let port = connection.port();
    connection.send("GET /nowhere HTTP/1.0\r\n\r\n").await;
    assert_eq!(connection.rest().await.status(), 404);

    let outline = format!(
        "GET [server]
  client.address: 127.0.0.1
  http.request.method: GET
  http.response.status_code: 404
  network.peer.address: 127.0.0.1
  network.peer.port: {port}
  network.protocol.version: 1.0
  url.path: /nowhere
  url.scheme: http
"
    );
    assert_eq!(site.trace(1).await.to_string(), outline);
}

#[tokio::test]
async fn numbers_are_numbers() {
    let site = Site::new(shop).await;
    let mut connection = site.connect().await;
    let port = i64::from(connection.port());
    connection.send("GET / HTTP/1.1\r\nHost: [::1]:8443\r\nConnection: close\r\n\r\n").await;
    connection.rest().await;
    let expected = expect::span("GET /")
        .server()
        .attribute("http.response.status_code", 200_i64)
        .attribute("network.peer.port", port)
        .attribute("server.address", "::1")
        .attribute("server.port", 8443_i64);
    site.assert(expected, 1).await;
}

/// Request heads and the attributes that they must or must not lead to.
#[tokio::test]
async fn targets_and_hosts() {
    type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);
    let cases: &[Case] = &[
        (
            "GET http://example.org:8080/orders/1?x=1 HTTP/1.1\r\nHost: other",
            &[
                ("server.address", "example.org"),
                ("url.path", "/orders/1"),
                ("url.query", "x=1"),
                ("url.scheme", "http"),
            ],
            &[],
        ),
        (
            "GET https://example.org HTTP/1.1\r\nHost: example.org",
            &[("server.address", "example.org"), ("url.path", "/"), ("url.scheme", "https")],
            &["url.query", "server.port"],
        ),
        ("GET /? HTTP/1.1\r\nHost: a", &[("url.path", "/")], &["url.query"]),
        ("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent:", &[], &["user_agent.original"]),
        ("GET / HTTP/1.1\r\nHost:", &[], &["server.address", "server.port"]),
        ("GET / HTTP/1.1\r\nHost: a:", &[("server.address", "a")], &["server.port"]),
        ("GET / HTTP/1.1\r\nHost: a:99999", &[], &["server.address", "server.port"]),
        ("GET / HTTP/1.1\r\nHost: a:+80", &[], &["server.address", "server.port"]),
        ("GET / HTTP/1.1\r\nHost: a b", &[], &["server.address", "server.port"]),
        ("GET / HTTP/1.1\r\nHost: [::1", &[], &["server.address", "server.port"]),
        ("GET / HTTP/1.1\r\nHost: \u{e9}", &[], &["server.address", "server.port"]),
        ("OPTIONS * HTTP/1.1\r\nHost: a", &[("url.path", "*")], &["url.query"]),
        (
            "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443",
            &[("server.address", "example.org"), ("http.request.method", "CONNECT")],
            &["url.path", "url.query"],
        ),
    ];
    for (head, present, absent) in cases {
        let site = Site::new(shop).await;
        let text = format!("{head}\r\nConnection: close\r\n\r\n");
        let answer = site.raw(text).await;
        assert!(answer.status() >= 200, "{head}: {answer:?}");
        let trace = site.trace(1).await;
        let root = &trace.roots()[0];
        for (key, value) in *present {
            let found = root.attribute(key).map(|value| value.as_str().into_owned());
            assert_eq!(found.as_deref(), Some(*value), "{head}: {key}");
        }
        for key in *absent {
            assert_eq!(root.attribute(key), None, "{head}: {key}");
        }
        for attribute in &root.span.attributes {
            assert_ne!(attribute.value.as_str(), "", "{head}: {}", attribute.key);
        }
    }
}

#[tokio::test]
async fn credentials_in_a_target_are_never_recorded() {
    for head in [
        "GET http://user:hunter2@example.org/ HTTP/1.1\r\nHost: example.org",
        "GET / HTTP/1.1\r\nHost: user:hunter2@example.org",
    ] {
        let site = Site::new(shop).await;
        site.raw(format!("{head}\r\nConnection: close\r\n\r\n")).await;
        let outline = site.trace(1).await.to_string();
        assert!(!outline.contains("hunter2") && !outline.contains("user:"), "{outline}");
        assert!(outline.contains("server.address: example.org"), "{outline}");
    }
}

#[tokio::test]
async fn unknown_methods_are_other() {
    for (wire, name, recorded, original) in [
        ("GET", "GET /", "GET", None),
        ("QUERY", "QUERY /", "QUERY", None),
        ("BREW", "HTTP /", "_OTHER", Some("BREW")),
        ("get", "HTTP /", "_OTHER", Some("get")),
        ("_OTHER", "HTTP /", "_OTHER", Some("_OTHER")),
    ] {
        let site = Site::new(shop).await;
        assert_eq!(site.raw(request(wire, "/", &[])).await.status(), 200);
        let expected =
            expect::span(name).server().status(200).attribute("http.request.method", recorded);
        let expected = match original {
            Some(original) => expected.attribute("http.request.method_original", original),
            None => expected.without("http.request.method_original"),
        };
        site.assert(expected, 1).await;
    }
}

#[tokio::test]
async fn an_unknown_method_without_a_route_is_http() {
    let site = Site::new(shop).await;
    site.raw(request("BREW", "/pot", &[])).await;
    site.assert(expect::span("HTTP").server().status(404).without("http.route"), 1).await;
}

#[tokio::test]
async fn known_methods_are_replaced_in_full() {
    for (wire, name) in [("BREW", "BREW /"), ("GET", "HTTP /")] {
        let site = Site::new(|layer| shop(layer.known_methods(["BREW", " POST "]))).await;
        site.raw(request(wire, "/", &[])).await;
        site.assert(expect::span(name).server().status(200), 1).await;
    }
}

#[test]
fn known_methods_of_the_environment() {
    let variables = [("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "BREW, POST,,")];
    if in_own_process("attributes::known_methods_of_the_environment", &variables) {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for (wire, name) in [("BREW", "BREW /"), ("POST", "POST /"), ("GET", "HTTP /")] {
            let site = Site::new(shop).await;
            site.raw(request(wire, "/", &[])).await;
            site.assert(expect::span(name).server().status(200), 1).await;
        }
        // Code has the last word.
        let site = Site::new(|layer| shop(layer.known_methods(["GET"]))).await;
        site.raw(request("GET", "/", &[])).await;
        site.assert(expect::span("GET /").server().status(200), 1).await;
    });
}

#[tokio::test]
async fn a_status_code_is_an_error_from_500_on() {
    for (code, error) in [
        (100, None),
        (102, None),
        (200, None),
        (204, None),
        (301, None),
        (304, None),
        (400, None),
        (404, None),
        (418, None),
        (499, None),
        (500, Some("500")),
        (503, Some("503")),
        (599, Some("599")),
        (600, Some("600")),
        (999, Some("999")),
    ] {
        let capture = Capture::new();
        let inner = service_fn(|_: Request<()>| {
            let mut response = Response::new(String::new());
            *response.status_mut() = StatusCode::from_u16(code).unwrap();
            std::future::ready(Ok::<_, std::io::Error>(response))
        });
        let layer = ServerLayer::new().telemetry(&capture.telemetry());
        let response = layer.layer(inner).oneshot(Request::new(())).await.unwrap();
        drop(response);
        let expected =
            expect::span("GET").server().attribute("http.response.status_code", i64::from(code));
        let expected = match error {
            Some(error) => expected.error(error),
            None => expected.without("error.type"),
        };
        capture.assert(expected);
        // The code says it all, and `Ok` is the application's to set.
        let status = &capture.spans()[0].status;
        let plain = match error {
            Some(_) => opentelemetry::trace::Status::error(""),
            None => opentelemetry::trace::Status::Unset,
        };
        assert_eq!(*status, plain, "{code}");
    }
}

#[tokio::test]
async fn queries_are_redacted_by_key() {
    let cases = [
        ("a=1&b=2", "a=1&b=2"),
        ("sig=x", "sig=REDACTED"),
        ("sig=", "sig=REDACTED"),
        ("sig", "sig"),
        ("SIG=x", "SIG=x"),
        ("a=1&X-Amz-Signature=deadbeef&b=2", "a=1&X-Amz-Signature=REDACTED&b=2"),
        ("AWSAccessKeyId=x&Signature=y", "AWSAccessKeyId=REDACTED&Signature=REDACTED"),
        (
            "X-Amz-Credential=x&X-Amz-Security-Token=y",
            "X-Amz-Credential=REDACTED&X-Amz-Security-Token=REDACTED",
        ),
        ("X-Goog-Signature=x", "X-Goog-Signature=REDACTED"),
        ("%73ig=x", "%73ig=REDACTED"),
        ("s%69g=x&sig=y", "s%69g=REDACTED&sig=REDACTED"),
        ("%73%69%67=x=y", "%73%69%67=REDACTED"),
        ("sig=a=b=c&sig=d", "sig=REDACTED&sig=REDACTED"),
        ("a=sig=x", "a=sig=x"),
        ("%=1&%zz=2", "%=1&%zz=2"),
        ("&&", "&&"),
    ];
    for (query, recorded) in cases {
        let site = Site::new(shop).await;
        assert_eq!(site.get(&format!("/?{query}"), &[]).await.status(), 200);
        let expected = expect::span("GET /").server().attribute("url.query", recorded);
        site.assert(expected, 1).await;
    }
}

#[tokio::test]
async fn own_keys_replace_the_default_ones() {
    let site = Site::new(|layer| shop(layer.redacted_query_keys(["token"]))).await;
    site.get("/?sig=1&token=2&Token=3", &[]).await;
    let expected =
        expect::span("GET /").server().attribute("url.query", "sig=1&token=REDACTED&Token=3");
    site.assert(expected, 1).await;
}

#[tokio::test]
async fn headers_are_captured_by_name_and_credentials_masked() {
    let app = |layer: ServerLayer| {
        let layer = layer
            .request_headers([
                "X-Tenant",
                "authorization",
                "cookie",
                "x-api-key",
                "x-absent",
                "not a name",
                "accept",
            ])
            .response_headers(["Set-Cookie", "x-served-by", "x-secret"]);
        let answer = async || {
            let mut secret = http::HeaderValue::from_static("hunter2");
            secret.set_sensitive(true);
            let mut response = Response::new(axum::body::Body::empty());
            let headers = response.headers_mut();
            headers.append("set-cookie", "a=hunter2".parse().unwrap());
            headers.append("set-cookie", "b=hunter2".parse().unwrap());
            headers.append("x-served-by", "node-1".parse().unwrap());
            headers.append("x-secret", secret);
            response
        };
        Router::new().route("/", get(answer)).layer(layer)
    };
    let site = Site::new(app).await;
    let headers = [
        "X-Tenant: north",
        "x-tenant: south",
        "Authorization: Bearer hunter2",
        "Cookie: session=hunter2",
        "X-Api-Key: hunter2",
        "X-Other: not asked for",
        "Accept: text/html, */*",
    ];
    site.get("/", &headers).await;
    let list = |values: &[&'static str]| {
        let values = values.iter().map(|value| (*value).into()).collect();
        opentelemetry::Value::Array(opentelemetry::Array::String(values))
    };
    let expected = expect::span("GET /")
        .server()
        .attribute("http.request.header.x-tenant", list(&["north", "south"]))
        .attribute("http.request.header.accept", list(&["text/html, */*"]))
        .attribute("http.request.header.authorization", list(&["REDACTED"]))
        .attribute("http.request.header.cookie", list(&["REDACTED"]))
        .attribute("http.request.header.x-api-key", list(&["REDACTED"]))
        .without("http.request.header.x-absent")
        .without("http.request.header.x-other")
        .attribute("http.response.header.set-cookie", list(&["REDACTED", "REDACTED"]))
        .attribute("http.response.header.x-served-by", list(&["node-1"]))
        .attribute("http.response.header.x-secret", list(&["REDACTED"]));
    let trace = site.trace(1).await;
    assert!(!trace.to_string().contains("hunter2"), "{trace}");
    trace.assert(expected);
}

#[tokio::test]
async fn a_header_asked_for_twice_is_recorded_once() {
    let site = Site::new(|layer| shop(layer.request_headers(["X-Tenant", "x-tenant"]))).await;
    site.get("/", &["X-Tenant: north"]).await;
    let outline = site.trace(1).await.to_string();
    assert_eq!(outline.matches("x-tenant").count(), 1, "{outline}");
}

#[tokio::test]
async fn a_user_agent_that_is_no_text_is_recorded_as_far_as_it_is() {
    let site = Site::new(shop).await;
    let mut head = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nUser-Agent: caf".to_vec();
    head.extend(b"\xe9/1\r\n\r\n");
    assert_eq!(site.raw(head).await.status(), 200);
    let expected = expect::span("GET /").server().attribute("user_agent.original", "caf\u{fffd}/1");
    site.assert(expected, 1).await;
}
