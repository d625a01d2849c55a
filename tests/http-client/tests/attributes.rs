//! Names, attributes and their types: the table of client spans, exactly.

use axum::Router;
use axum::routing::any;
use http::{Method, Request, StatusCode, Version};
use opentelemetry::Value;
use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::trace::SpanData;
use tower::{Layer, ServiceExt, service_fn};
use tracewire::http::UrlTemplate;
use tracewire::test::{Capture, expect};

use crate::support::{
    Puppet, Server, Then, Via, Wire, by_name, error_type, exactly, get, layer, only, text,
};

fn users() -> Router {
    Router::new().route("/users/{id}", any(|| async { "a user" }))
}

#[tokio::test]
async fn the_whole_table_over_each_client() {
    for via in Via::ALL {
        let (server, capture) = (Server::new(users()).await, Capture::new());
        let address = server.address();
        let url = format!("http://ann:secret@{address}/users/7?q=1&X-Amz-Signature=abc&%73ig=def");
        let reply = via.get(&capture, &url).await.unwrap();
        assert_eq!(&reply.body[..], b"a user", "{via}");

        let span = only(&capture);
        assert_eq!((&*span.name, &span.span_kind), ("GET", &SpanKind::Client), "{via}");
        assert_eq!(error_type(&span), None, "{via}");
        let (port, full) = (
            i64::from(address.port()),
            format!(
                "http://REDACTED:REDACTED@{address}/users/7?q=1&X-Amz-Signature=REDACTED&%73ig=REDACTED"
            ),
        );
        let at_start = exactly([
            ("http.request.method", "GET".into()),
            ("server.address", "127.0.0.1".into()),
            ("server.port", port.into()),
            ("url.full", full.into()),
        ]);
        assert_eq!(by_name(&capture.attributes_at_start(&span)), at_start, "{via}");
        let mut whole = at_start;
        whole.extend(exactly([
            ("http.response.status_code", Value::I64(200)),
            ("network.protocol.version", via.version().into()),
        ]));
        if via.knows_peer() {
            whole.extend(exactly([
                ("network.peer.address", "127.0.0.1".into()),
                ("network.peer.port", port.into()),
            ]));
        }
        assert_eq!(by_name(&span.attributes), whole, "{via}");
        assert!(span.events.is_empty() && span.links.is_empty(), "{via}");
    }
}

#[tokio::test]
async fn targets_in_every_form() {
    // Target, `Host`, scheme of the layer; then `url.full`, `server.address`, `server.port`.
    let cases = [
        ("http://example.com/", None, "http", "http://example.com/", Some("example.com"), Some(80)),
        (
            "https://example.com/a?b",
            None,
            "http",
            "https://example.com/a?b",
            Some("example.com"),
            Some(443),
        ),
        (
            "https://example.com:80/",
            None,
            "http",
            "https://example.com:80/",
            Some("example.com"),
            Some(80),
        ),
        (
            "HTTPS://EXAMPLE.com/",
            None,
            "http",
            "https://EXAMPLE.com/",
            Some("EXAMPLE.com"),
            Some(443),
        ),
        (
            "http://example.com:/",
            None,
            "http",
            "http://example.com:/",
            Some("example.com"),
            Some(80),
        ),
        ("http://[::1]/", None, "http", "http://[::1]/", Some("::1"), Some(80)),
        (
            "http://[2001:db8::7]:8080/x",
            None,
            "http",
            "http://[2001:db8::7]:8080/x",
            Some("2001:db8::7"),
            Some(8080),
        ),
        (
            "http://u@example.com/",
            None,
            "http",
            "http://REDACTED:REDACTED@example.com/",
            Some("example.com"),
            Some(80),
        ),
        (
            "http://u:p@[::1]:1/",
            None,
            "http",
            "http://REDACTED:REDACTED@[::1]:1/",
            Some("::1"),
            Some(1),
        ),
        // Absolute form beats `Host`.
        (
            "http://example.com/",
            Some("other.com:99"),
            "http",
            "http://example.com/",
            Some("example.com"),
            Some(80),
        ),
        (
            "/a?b=c",
            Some("example.com"),
            "http",
            "http://example.com/a?b=c",
            Some("example.com"),
            Some(80),
        ),
        (
            "/a",
            Some("example.com:8443"),
            "https",
            "https://example.com:8443/a",
            Some("example.com"),
            Some(8443),
        ),
        (
            "/a",
            Some("example.com"),
            "https",
            "https://example.com/a",
            Some("example.com"),
            Some(443),
        ),
        ("/a", Some("[::1]:81"), "http", "http://[::1]:81/a", Some("::1"), Some(81)),
        (
            "/a",
            Some("u:p@example.com"),
            "http",
            "http://REDACTED:REDACTED@example.com/a",
            Some("example.com"),
            Some(80),
        ),
        (
            "example.com:443",
            None,
            "https",
            "https://example.com:443",
            Some("example.com"),
            Some(443),
        ),
        ("*", Some("example.com"), "http", "http://example.com", Some("example.com"), Some(80)),
        ("unix://sock/a", None, "http", "unix://sock/a", Some("sock"), None),
        ("wss://example.com/", None, "http", "wss://example.com/", Some("example.com"), Some(443)),
        ("ws://example.com/", None, "http", "ws://example.com/", Some("example.com"), Some(80)),
        ("/a?sig=1", None, "http", "/a?sig=REDACTED", None, None),
    ];
    for (target, host, scheme, full, address, port) in cases {
        let capture = Capture::new();
        let mut request = Request::get(target);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let layer = layer!(http, capture).default_scheme(scheme);
        Wire::default().send(layer, request.body(()).unwrap()).await;

        let span = only(&capture);
        let attributes = by_name(&span.attributes);
        let case = format!("{target} with Host {host:?}");
        assert_eq!(attributes.get("url.full"), Some(&full.into()), "{case}");
        let address = address.map(Value::from);
        assert_eq!(attributes.get("server.address"), address.as_ref(), "{case}");
        let port = port.map(Value::I64);
        assert_eq!(attributes.get("server.port"), port.as_ref(), "{case}");
    }
}

#[tokio::test]
async fn a_fragment_is_recorded_and_default_ports_are_filled_in() {
    for via in Via::REQWEST {
        let (server, capture) = (Server::new(users()).await, Capture::new());
        let url = server.url("/users/7#top");
        // `http::Uri` has no fragments, so this goes by reqwest's own type.
        match via {
            Via::Reqwest => {
                let client = layer!(reqwest, capture).layer(crate::support::reqwest_client());
                let request = reqwest::Request::new(Method::GET, url.parse().unwrap());
                client.oneshot(request).await.unwrap().text().await.unwrap();
            }
            _ => {
                let client = middleware(&capture);
                client.get(&url).send().await.unwrap().text().await.unwrap();
            }
        }
        assert_eq!(text(&only(&capture), "url.full"), Some(url), "{via}");

        let capture = Capture::new();
        let inner = service_fn(|_: reqwest::Request| async {
            Ok::<_, std::io::Error>(http::Response::new("").into())
        });
        let request = reqwest::Request::new(Method::GET, "https://a.test/x".parse().unwrap());
        let client = layer!(reqwest, capture).layer(inner);
        let response: reqwest::Response = client.oneshot(request).await.unwrap();
        drop(response);
        capture.assert(
            expect::span("GET")
                .client()
                .attribute("url.full", "https://a.test/x")
                .attribute("server.address", "a.test")
                .attribute("server.port", 443)
                .without("network.peer.address"),
        );
    }
}

fn middleware(capture: &Capture) -> reqwest_middleware::ClientWithMiddleware {
    reqwest_middleware::ClientBuilder::new(crate::support::reqwest_client())
        .with(tracewire::reqwest::Middleware::from(layer!(reqwest, capture)))
        .build()
}

#[tokio::test]
async fn methods_by_name_and_as_other() {
    // Method; then the span's name, `http.request.method`, `http.request.method_original`.
    let cases = [
        ("GET", "GET", "GET", None),
        ("QUERY", "QUERY", "QUERY", None),
        ("CONNECT", "CONNECT", "CONNECT", None),
        ("get", "HTTP", "_OTHER", Some("get")),
        ("PURGE", "HTTP", "_OTHER", Some("PURGE")),
        ("M-SEARCH", "HTTP", "_OTHER", Some("M-SEARCH")),
    ];
    for (method, name, recorded, original) in cases {
        for via in Via::ALL {
            // CONNECT asks for something else on the wire; see `upgrade`.
            if method == "CONNECT" {
                continue;
            }
            let (server, capture) = (Server::new(users()).await, Capture::new());
            let mut request = get(&server.url("/users/1"));
            *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
            via.send(&capture, request).await.unwrap();
            check_method(&only(&capture), name, recorded, original);
        }
        let capture = Capture::new();
        let request = Request::builder().method(method).uri("http://a.test/").body(()).unwrap();
        Wire::default().send(layer!(http, capture), request).await;
        check_method(&only(&capture), name, recorded, original);
    }

    let capture = Capture::new();
    let layer = layer!(http, capture).known_methods(["PURGE"]);
    for method in ["PURGE", "GET"] {
        let request = Request::builder().method(method).uri("http://a.test/").body(()).unwrap();
        Wire::default().send(layer.clone(), request).await;
    }
    let spans = capture.spans();
    check_method(&spans[0], "PURGE", "PURGE", None);
    check_method(&spans[1], "HTTP", "_OTHER", Some("GET"));
}

#[track_caller]
fn check_method(span: &SpanData, name: &str, recorded: &str, original: Option<&str>) {
    assert_eq!(span.name, name);
    assert_eq!(text(span, "http.request.method").as_deref(), Some(recorded));
    assert_eq!(text(span, "http.request.method_original").as_deref(), original);
}

#[tokio::test]
async fn a_template_names_the_span() {
    for (method, name) in [("GET", "GET /users/{id}"), ("PURGE", "HTTP /users/{id}")] {
        let (server, capture) = (Server::new(users()).await, Capture::new());
        let url = server.url("/users/7");
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = middleware(&capture).request(method.clone(), &url);
        let request = request.with_extension(UrlTemplate("/users/{id}"));
        request.send().await.unwrap().text().await.unwrap();

        let mut request = get(&url);
        *request.method_mut() = method;
        request.extensions_mut().insert(UrlTemplate("/users/{id}"));
        Via::Hyper.send(&capture, request.clone()).await.unwrap();
        Via::Plain.send(&capture, request).await.unwrap();

        let spans = capture.spans();
        assert_eq!(spans.len(), 3);
        for span in spans {
            assert_eq!(span.name, name);
            let at_start = by_name(&capture.attributes_at_start(&span));
            assert_eq!(at_start["url.template"], "/users/{id}".into());
        }
    }
}

#[tokio::test]
async fn status_codes_decide_over_error() {
    for code in [
        200, 201, 204, 206, 299, 300, 301, 304, 399, 400, 401, 404, 429, 499, 500, 503, 599, 600,
        999,
    ] {
        let capture = Capture::new();
        let wire = Wire::answering(StatusCode::from_u16(code).unwrap());
        let request = Request::get("http://a.test/").body(()).unwrap();
        wire.send(layer!(http, capture), request).await;
        let span = only(&capture);
        let expected = (code >= 400).then(|| code.to_string());
        assert_eq!(error_type(&span), expected, "{code}");
        let recorded = by_name(&span.attributes)["http.response.status_code"].clone();
        assert_eq!(recorded, Value::I64(code.into()));
    }
}

#[tokio::test]
async fn status_codes_over_each_client() {
    let app = Router::new().route(
        "/{code}",
        any(async |path: axum::extract::Path<u16>| StatusCode::from_u16(path.0).unwrap()),
    );
    let server = Server::new(app).await;
    for via in Via::ALL {
        for code in [204, 303, 304, 404, 503] {
            let capture = Capture::new();
            let reply = via.get(&capture, &server.url(&format!("/{code}"))).await.unwrap();
            assert_eq!(reply.status.as_u16(), code, "{via}");
            capture.assert(expect::span("GET").client().status(code));
        }
    }
}

#[tokio::test]
async fn protocol_versions() {
    let cases = [
        (Version::HTTP_09, Some("0.9")),
        (Version::HTTP_10, Some("1.0")),
        (Version::HTTP_11, Some("1.1")),
        (Version::HTTP_2, Some("2")),
        (Version::HTTP_3, Some("3")),
    ];
    for (version, expected) in cases {
        let capture = Capture::new();
        let inner = service_fn(move |_: Request<()>| async move {
            let mut response = http::Response::new(String::new());
            *response.version_mut() = version;
            Ok::<_, std::io::Error>(response)
        });
        let request = Request::get("http://a.test/").body(()).unwrap();
        layer!(http, capture).layer(inner).oneshot(request).await.unwrap();
        let found = text(&only(&capture), "network.protocol.version");
        assert_eq!(found.as_deref(), expected);
    }
}

#[tokio::test]
async fn versions_and_interim_answers_over_real_connections() {
    // An answer, the version it names, its final status.
    let cases = [
        ("HTTP/1.0 200 OK\r\n\r\nto the end", "1.0", 200),
        ("HTTP/1.1 200 OK\r\n\r\nto the end", "1.1", 200),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 None\r\n\r\n", "1.1", 404),
        ("HTTP/1.1 103 Hints\r\nlink: <a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "1.1", 200),
    ];
    for (answer, version, status) in cases {
        for via in Via::HTTP1 {
            let (puppet, capture) = (Puppet::new(answer, Then::Close).await, Capture::new());
            let reply = via.get(&capture, &puppet.url("/")).await.unwrap();
            assert_eq!(reply.status.as_u16(), status, "{via}: {answer:?}");
            let expected = expect::span("GET").client().status(status);
            capture.assert(expected.attribute("network.protocol.version", version));
        }
    }
}
