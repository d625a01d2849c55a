//! Every format, wherever a line is written.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::routing::get;
use futures_util::stream;
use http_body_util::BodyExt as _;
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt as _, TracerProvider as _};
use tower::{Layer as _, ServiceExt as _};
use tracewire::axum::ServerLayer;
use tracewire::logs;
use tracewire::test::Capture;
use tracing::{Dispatch, info};
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::fmt::format;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::{Registry, fmt};

use crate::support::{Ids, Lines, in_json, in_text, of_span};

type Boxed = Box<dyn Layer<Registry> + Send + Sync>;

/// Logs on its way through each part of a request.
async fn order() -> Body {
    info!("in the handler");
    tokio::task::yield_now().await;
    info!("after an await");
    charge().await;
    let task = async { info!("in a task of its own") };
    tokio::spawn(task.with_context(Context::current())).await.unwrap();
    tokio::spawn(async { info!("in a task that is lost") }).await.unwrap();
    let pieces = ["first", "last"].map(|piece| {
        move || {
            info!("in the body, {piece}");
            Ok::<_, Infallible>(Bytes::from(piece))
        }
    });
    Body::from_stream(stream::iter(pieces.into_iter().map(|piece| piece())))
}

#[tracing::instrument]
async fn charge() {
    info!(amount = 7, note = "a \"quoted\" {word}", "in a span of its own");
}

/// Serves one request with these layers; the lines that were written and the spans recorded.
async fn serve(lines: Boxed, spans: Option<(&Capture, LevelFilter)>, capture: &Capture) {
    let spans = spans.map(|(capture, filter)| {
        let tracer = capture.provider().tracer("application");
        tracing_opentelemetry::layer().with_tracer(tracer).with_filter(filter)
    });
    let subscriber: Dispatch = Registry::default().with(lines).with(spans).into();
    let _default = tracing::dispatcher::set_default(&subscriber);
    info!("before it all");
    let layer = ServerLayer::new().telemetry(&capture.telemetry());
    let router = Router::new().route("/orders/{id}", get(order));
    let app = tower::service_fn(move |request: Request| {
        info!("in the call");
        router.clone().oneshot(request)
    });
    let request = Request::get("/orders/7").body(Body::empty()).unwrap();
    let response = layer.layer(app).oneshot(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "firstlast");
    info!("after it all");
}

/// What makes a layer that writes to given lines, and what reads ids out of a line.
type Case = (&'static str, fn(Lines) -> Boxed, fn(&str) -> Ids);

const FORMATS: [Case; 8] = [
    ("full", |lines| fmt::layer().with_writer(logs::text(lines)).boxed(), in_text),
    (
        "without colors",
        |lines| fmt::layer().with_ansi(false).with_writer(logs::text(lines)).boxed(),
        in_text,
    ),
    ("compact", |lines| fmt::layer().compact().with_writer(logs::text(lines)).boxed(), in_text),
    ("json", |lines| fmt::layer().json().with_writer(logs::json(lines)).boxed(), in_json),
    (
        "flattened",
        |lines| fmt::layer().json().flatten_event(true).with_writer(logs::json(lines)).boxed(),
        in_json,
    ),
    (
        "bare json",
        |lines| {
            let format = format().json().without_time().with_level(false).with_target(false);
            let format = format.flatten_event(true).with_current_span(false).with_span_list(false);
            let fields = format::JsonFields::new();
            fmt::layer()
                .event_format(format)
                .fmt_fields(fields)
                .with_writer(logs::json(lines))
                .boxed()
        },
        in_json,
    ),
    (
        "filtered",
        |lines| {
            fmt::layer()
                .with_writer(logs::text(lines))
                .with_filter(EnvFilter::new("all=info"))
                .boxed()
        },
        in_text,
    ),
    ("mapped", |lines| fmt::layer().with_writer(lines).map_writer(logs::text).boxed(), in_text),
];

const IN_THE_REQUEST: [&str; 6] = [
    "in the call",
    "in the handler",
    "after an await",
    "in a task of its own",
    "in the body, first",
    "in the body, last",
];
const OUTSIDE: [&str; 3] = ["before it all", "in a task that is lost", "after it all"];

#[tokio::test]
async fn lines_have_the_ids_of_the_request() {
    for (name, format, read) in FORMATS {
        for (filter, own) in [(LevelFilter::INFO, true), (LevelFilter::OFF, false)] {
            let (capture, lines) = (Capture::new(), Lines::default());
            serve(format(lines.clone()), Some((&capture, filter)), &capture).await;
            let request = of_span(&capture, "GET");
            let spans = if own { of_span(&capture, "charge") } else { request.clone() };
            for what in IN_THE_REQUEST {
                assert_eq!(read(&lines.with(what)), request, "{name}: {what}");
            }
            assert_eq!(read(&lines.with("in a span of its own")), spans, "{name}");
            for what in OUTSIDE {
                assert_eq!(read(&lines.with(what)), None, "{name}: {what}");
            }
            assert_eq!(lines.text().lines().count(), 10, "{name}");
        }
    }
}

#[tokio::test]
async fn lines_have_them_without_a_layer_for_spans() {
    for (name, format, read) in FORMATS {
        let (capture, lines) = (Capture::new(), Lines::default());
        serve(format(lines.clone()), None, &capture).await;
        let request = of_span(&capture, "GET");
        for what in IN_THE_REQUEST.into_iter().chain(["in a span of its own"]) {
            assert_eq!(read(&lines.with(what)), request, "{name}: {what}");
        }
    }
}

#[tokio::test]
async fn pretty_lines_have_them_before_the_gap() {
    let (capture, lines) = (Capture::new(), Lines::default());
    let layer = fmt::layer().pretty().with_ansi(false).with_writer(logs::text(lines.clone()));
    serve(layer.boxed(), None, &capture).await;
    let [trace, span, flags] = of_span(&capture, "GET").unwrap();
    let expected = format!(" trace_id={trace} span_id={span} trace_flags={flags}\n\n");
    let text = lines.text();
    assert_eq!(text.matches(&expected).count(), 7, "{text}");
    assert_eq!(text.matches("trace_id").count(), 7, "{text}");
}

/// A filter that hides every line hides nothing else.
#[tokio::test]
async fn no_lines_are_no_harm() {
    let (capture, lines) = (Capture::new(), Lines::default());
    let layer = fmt::layer().with_writer(logs::text(lines.clone()));
    serve(
        layer.with_filter(LevelFilter::OFF).boxed(),
        Some((&capture, LevelFilter::INFO)),
        &capture,
    )
    .await;
    assert_eq!(lines.text(), "");
    assert!(of_span(&capture, "GET").is_some() && of_span(&capture, "charge").is_some());
}

#[tokio::test]
async fn fields_stay_what_they_are() {
    let (capture, lines) = (Capture::new(), Lines::default());
    serve(fmt::layer().json().with_writer(logs::json(lines.clone())).boxed(), None, &capture).await;
    let line = lines.json("in a span of its own");
    assert_eq!(line["fields"]["amount"], 7);
    assert_eq!(line["fields"]["note"], "a \"quoted\" {word}");
    assert_eq!(line["span"]["name"], "charge");
    assert_eq!(line["level"], "INFO");
}

/// Whoever flattens fields of these names keeps them, and no name is there twice.
#[test]
fn own_ids_stay() {
    let lines = Lines::default();
    let layer = fmt::layer().json().flatten_event(true).with_writer(logs::json(lines.clone()));
    let subscriber: Dispatch = Registry::default().with(layer).into();
    let _default = tracing::dispatcher::set_default(&subscriber);
    let capture = Capture::new();
    let operation = capture.telemetry().start(
        opentelemetry::trace::SpanKind::Internal,
        &Context::new(),
        |_| {},
    );
    let entered = operation.enter();
    info!(trace_id = "mine", "paid");
    drop(entered);
    let line = lines.with("paid");
    assert_eq!(line.matches("trace_id").count(), 1, "{line}");
    assert_eq!(in_json(&line).unwrap()[0], "mine");
}
