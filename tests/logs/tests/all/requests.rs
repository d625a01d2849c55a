//! One line for each request that asks for one.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::get;
use futures_util::stream;
use http::StatusCode;
use http_body_util::BodyExt as _;
use opentelemetry_sdk::trace::Sampler;
use tower::{Layer as _, ServiceExt as _};
use tracewire::axum::ServerLayer;
use tracewire::logs;
use tracewire::test::Capture;
use tracing::Level;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Registry, fmt};

use crate::events::{Events, Seen};
use crate::support::{Lines, in_json, of_span};

const REQUEST: &str = "tracewire::request";

fn app() -> Router {
    Router::new()
        .route("/orders/{id}", get(async || "here"))
        .route("/missing/{id}", get(async || StatusCode::NOT_FOUND))
        .route("/broken", get(async || StatusCode::SERVICE_UNAVAILABLE))
        .route("/health", get(async || "well"))
        .route(
            "/endless",
            get(async || Body::from_stream(stream::pending::<Result<&str, Infallible>>())),
        )
}

fn layer(capture: &Capture) -> ServerLayer {
    ServerLayer::new().telemetry(&capture.telemetry()).log_requests().skip_path("/health")
}

async fn ask(app: Router, path: &str) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    if path != "/endless" {
        response.into_body().collect().await.unwrap();
    }
}

/// The line of a request as level, method, route, path, status and error.
fn outline(seen: &Seen) -> [Option<&str>; 6] {
    let fields = [
        "http.request.method",
        "http.route",
        "url.path",
        "http.response.status_code",
        "error.type",
    ];
    let [method, route, path, status, error] = fields.map(|name| seen.field(name));
    [Some(seen.level.as_str()), method, route, path, status, error]
}

#[tokio::test]
async fn a_line_for_each_request() {
    for (path, expected) in [
        (
            "/orders/7?key=secret",
            [Some("INFO"), Some("GET"), Some("/orders/{id}"), None, Some("200"), None],
        ),
        ("/missing/7", [Some("INFO"), Some("GET"), Some("/missing/{id}"), None, Some("404"), None]),
        (
            "/nowhere?key=secret",
            [Some("INFO"), Some("GET"), None, Some("/nowhere"), Some("404"), None],
        ),
        ("/broken", [Some("ERROR"), Some("GET"), Some("/broken"), None, Some("503"), Some("503")]),
        (
            "/endless",
            [Some("WARN"), Some("GET"), Some("/endless"), None, Some("200"), Some("cancelled")],
        ),
    ] {
        // Inside the router the route is known at once, outside of it only later.
        let inside: fn(&Capture) -> Router = |capture| app().layer(layer(capture));
        let outside: fn(&Capture) -> Router = |capture| {
            let inner = app().layer(ServerLayer::new().telemetry(&capture.telemetry()));
            Router::new().fallback_service(layer(capture).layer(inner))
        };
        for build in [inside, outside] {
            let (capture, events) = (Capture::new(), Events::new());
            ask(build(&capture), path).await;
            let line = events.only(REQUEST);
            assert_eq!(outline(&line), expected, "{path}");
            assert_eq!(line.name, "http.server.request");
            let milliseconds: f64 = line.field("duration_ms").unwrap().parse().unwrap();
            assert!((0.0..10_000.0).contains(&milliseconds), "{milliseconds}");
            let message = line.field("message").unwrap();
            let target = line.field("http.route").or(line.field("url.path")).unwrap();
            assert!(message.starts_with(&format!("GET {target}: ")), "{message}");
            assert!(!message.contains("secret"));
            assert_eq!(capture.spans().len(), 1);
            assert_eq!(line.span, capture.spans()[0].span_context.span_id().to_string());
        }
    }
}

#[tokio::test]
async fn no_line_for_what_is_skipped_or_did_not_ask() {
    let (capture, events) = (Capture::new(), Events::new());
    ask(app().layer(layer(&capture)), "/health").await;
    ask(app().layer(ServerLayer::new().telemetry(&capture.telemetry())), "/orders/7").await;
    assert!(events.of(REQUEST).is_empty());
}

#[tokio::test]
async fn unsampled_requests_have_their_line() {
    let (capture, events) = (Capture::with_sampler(Sampler::AlwaysOff), Events::new());
    ask(app().layer(layer(&capture)), "/orders/7").await;
    assert!(capture.spans().is_empty());
    let line = events.only(REQUEST);
    assert_eq!(line.level, Level::INFO);
    assert_eq!(line.field("http.route"), Some("/orders/{id}"));
    assert_ne!(line.span, "0000000000000000");
}

#[tokio::test]
async fn the_line_has_the_ids_of_its_span() {
    let (capture, lines) = (Capture::new(), Lines::default());
    let format = fmt::layer().json().flatten_event(true).with_writer(logs::json(lines.clone()));
    let _default = tracing::subscriber::set_default(Registry::default().with(format));
    ask(app().layer(layer(&capture)), "/orders/7").await;
    let line = lines.json("duration_ms");
    assert_eq!(line["http.response.status_code"], 200);
    assert_eq!(line["http.route"], "/orders/{id}");
    assert_eq!(in_json(&line.to_string()), of_span(&capture, "GET /orders/{id}"));
}
