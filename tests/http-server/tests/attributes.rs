//! Names, attributes and their types; nothing is set that is not known.

use http::{Request, Response, StatusCode};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tracewire::axum::ServerLayer;
use tracewire::test::{Capture, expect};

use crate::support::{Site, request, shop};

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
async fn a_user_agent_that_is_no_text_is_recorded_as_far_as_it_is() {
    let site = Site::new(shop).await;
    let mut head = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nUser-Agent: caf".to_vec();
    head.extend(b"\xe9/1\r\n\r\n");
    assert_eq!(site.raw(head).await.status(), 200);
    let expected = expect::span("GET /").server().attribute("user_agent.original", "caf\u{fffd}/1");
    site.assert(expected, 1).await;
}
