//! Exceptions: what they are called, how grave they are, whose they are, and that each is told once.

use std::error::Error;
use std::io;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::get;
use futures_util::stream;
use http_body_util::BodyExt as _;
use opentelemetry::Context;
use opentelemetry::trace::{SpanKind, Status, TracerProvider as _};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tracewire::ResultExt as _;
use tracewire::axum::ServerLayer;
use tracewire::http::ClientLayer;
use tracewire::span::{Domain, Outcome};
use tracewire::test::{Capture, expect};
use tracing::Level;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::events::Events;
use crate::support::{of_span, span};

const EXCEPTION: &str = "tracewire::exception";

#[test]
fn names_and_severities() {
    use Domain::{Database, General, Http, Rpc};
    use SpanKind::{Client, Consumer, Internal, Producer, Server};
    for (domain, kind, name, level) in [
        (Http, Server, "http.server.request.exception", Level::ERROR),
        (Http, Client, "http.client.request.exception", Level::WARN),
        (Rpc, Server, "rpc.server.call.exception", Level::ERROR),
        (Rpc, Client, "rpc.client.call.exception", Level::WARN),
        (Database, Client, "db.client.operation.exception", Level::WARN),
        (Database, Internal, "db.client.operation.exception", Level::WARN),
        (Domain::MessagingCreate, Producer, "messaging.create.exception", Level::WARN),
        (Domain::MessagingSend, Producer, "messaging.send.exception", Level::WARN),
        (Domain::MessagingReceive, Client, "messaging.receive.exception", Level::WARN),
        (Domain::MessagingProcess, Consumer, "messaging.process.exception", Level::ERROR),
        (Domain::MessagingSettle, Client, "messaging.settle.exception", Level::WARN),
        (General, Internal, "exception", Level::ERROR),
        (General, Client, "exception", Level::WARN),
    ] {
        let (capture, events) = (Capture::new(), Events::new());
        let telemetry = capture.telemetry();
        let operation = telemetry.start(kind, &Context::new(), |span| span.name("work"));
        operation.in_domain(domain).finish(Outcome::error("timeout"));
        let event = events.only(EXCEPTION);
        assert_eq!((event.name, event.level), (name, level));
        assert_eq!(event.field("exception.type"), Some("timeout"));
        assert_eq!(event.field("exception.message"), None);
        assert_eq!(event.span, of_span(&capture, "work").unwrap()[1]);
        assert!(span(&capture, "work").events.is_empty());
    }
}

#[test]
fn what_is_no_exception() {
    for kind in [SpanKind::Server, SpanKind::Client] {
        for outcome in [
            Outcome::Success,
            Outcome::Http(404),
            Outcome::Http(500),
            Outcome::Grpc { code: 2, message: "no".into() },
            Outcome::Cancelled,
        ] {
            let (capture, events) = (Capture::new(), Events::new());
            capture.telemetry().start(kind.clone(), &Context::new(), |_| {}).finish(outcome);
            assert!(events.of(EXCEPTION).is_empty());
        }
    }
}

#[test]
fn an_error_is_told_once_and_in_full() {
    let (capture, events) = (Capture::new(), Events::new());
    let operation = capture.telemetry().start(SpanKind::Client, &Context::new(), |_| {});
    let error = "x".parse::<u16>().unwrap_err();
    operation.record_error(&error);
    operation.record_error(&error);
    operation.finish(Outcome::error("parse"));
    let event = events.only(EXCEPTION);
    assert_eq!(event.field("exception.type"), Some("core::num::error::ParseIntError"));
    assert_eq!(event.field("exception.message"), Some("invalid digit found in string"));
}

#[test]
fn a_type_without_a_name_is_left_out() {
    let (capture, events) = (Capture::new(), Events::new());
    let operation = capture.telemetry().start(SpanKind::Client, &Context::new(), |_| {});
    let error: Box<dyn Error> = "it is late".into();
    operation.record_error(&*error);
    operation.finish(Outcome::Success);
    let event = events.only(EXCEPTION);
    assert_eq!(event.field("exception.type"), None);
    assert_eq!(event.field("exception.message"), Some("it is late"));
}

/// Whether a span is recorded is one thing, what is logged another.
#[test]
fn unrecorded_work_has_exceptions_too() {
    let events = Events::new();
    let telemetry = tracewire::Telemetry::propagate_only();
    let operation = telemetry.start(SpanKind::Server, &Context::new(), |_| {});
    operation.finish(Outcome::error("timeout"));
    assert_eq!(events.only(EXCEPTION).field("exception.type"), Some("timeout"));
}

#[test]
fn nothing_is_told_of_what_is_suppressed() {
    let events = Events::new();
    let quiet = Context::new().with_telemetry_suppressed();
    let telemetry = Capture::new().telemetry();
    telemetry.start(SpanKind::Client, &quiet, |_| {}).finish(Outcome::error("timeout"));
    assert!(events.of(EXCEPTION).is_empty());
}

#[test]
fn span_events_by_choice() {
    let (capture, events) = (Capture::new(), Events::new());
    let telemetry = capture.telemetry().exception_events();
    let operation = telemetry.start(SpanKind::Client, &Context::new(), |span| span.name("work"));
    operation.finish(Outcome::Error { error_type: "23505".into(), description: "twice".into() });
    assert_eq!(events.of(EXCEPTION).len(), 1);
    let recorded = span(&capture, "work").events;
    assert_eq!(recorded.len(), 1);
    assert_eq!(recorded[0].name, "exception");
    let attributes: Vec<_> =
        recorded[0].attributes.iter().map(|it| (it.key.as_str(), it.value.to_string())).collect();
    assert_eq!(
        attributes,
        [("exception.type", "23505".to_owned()), ("exception.message", "twice".to_owned())]
    );
}

#[tokio::test]
async fn errors_of_a_client() {
    let (capture, events) = (Capture::new(), Events::new());
    let failing = service_fn(async |_: Request| {
        Err::<http::Response<Body>, _>(io::Error::from(io::ErrorKind::ConnectionRefused))
    });
    let client = ClientLayer::new().telemetry(&capture.telemetry()).layer(failing);
    let request = Request::get("http://warehouse/").body(Body::empty()).unwrap();
    client.oneshot(request).await.unwrap_err();
    let event = events.only(EXCEPTION);
    assert_eq!((event.name, event.level), ("http.client.request.exception", Level::WARN));
    assert_eq!(event.field("exception.type"), Some("connection_refused"));
    assert_eq!(event.span, of_span(&capture, "GET").unwrap()[1]);
}

#[tokio::test]
async fn errors_in_the_middle_of_a_body() {
    let (capture, events) = (Capture::new(), Events::new());
    let pieces = || [Ok("a piece"), Err(io::Error::from(io::ErrorKind::BrokenPipe))];
    let layer = ServerLayer::new().telemetry(&capture.telemetry());
    let body = async move || Body::from_stream(stream::iter(pieces()));
    let app = Router::new().route("/", get(body)).layer(layer);
    let response = app.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    response.into_body().collect().await.unwrap_err();
    let event = events.only(EXCEPTION);
    assert_eq!((event.name, event.level), ("http.server.request.exception", Level::ERROR));
    assert_eq!(event.span, of_span(&capture, "GET /").unwrap()[1]);
}

#[tokio::test]
async fn a_panic_is_recorded_ends_the_span_and_goes_on() {
    async fn panics() {
        tokio::task::yield_now().await;
        panic!("no stock");
    }
    let (capture, events) = (Capture::new(), Events::new());
    let layer = ServerLayer::new().telemetry(&capture.telemetry());
    let app = Router::new().route("/orders", get(panics)).layer(layer);
    let request = Request::get("/orders").body(Body::empty()).unwrap();
    let caught = tokio::spawn(app.oneshot(request)).await.unwrap_err();
    assert_eq!(*caught.into_panic().downcast::<&str>().unwrap(), "no stock");
    let event = events.only(EXCEPTION);
    assert_eq!((event.name, event.level), ("http.server.request.exception", Level::ERROR));
    assert_eq!(event.field("exception.type"), Some("panic"));
    assert_eq!(event.span, of_span(&capture, "GET /orders").unwrap()[1]);
    capture.assert(expect::span("GET /orders").server().error("panic"));
}

#[test]
fn results_mark_the_span_that_is_current() {
    #[tracing::instrument]
    fn port(text: &str) -> Result<u16, std::num::ParseIntError> {
        text.parse::<u16>().trace_err()
    }
    let capture = Capture::new();
    let tracer = capture.provider().tracer("application");
    let layer = tracing_opentelemetry::layer().with_tracer(tracer);
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        let parent = capture.telemetry().start(SpanKind::Server, &Context::new(), |span| {
            span.name("request");
        });
        let entered = parent.enter();
        port("x").unwrap_err();
        port("80").unwrap();
        drop(entered);
        parent.finish(Outcome::Success);
    });
    let mut spans = capture.spans();
    spans.retain(|span| span.name == "port");
    let [failed, fine] = &spans[..] else { panic!("{spans:#?}") };
    assert_eq!(failed.status, Status::error("invalid digit found in string"));
    let error_type = failed.attributes.iter().find(|it| it.key.as_str() == "error.type").unwrap();
    assert_eq!(error_type.value.as_str(), "core::num::error::ParseIntError");
    assert_eq!(fine.status, Status::Unset);
    assert_eq!(span(&capture, "request").status, Status::Unset);
}

#[test]
fn results_outside_of_any_span_are_told_all_the_same() {
    let events = Events::new();
    let passed = Err::<(), _>(io::Error::other("no disk")).trace_err();
    assert_eq!(passed.unwrap_err().to_string(), "no disk");
    let event = events.only(EXCEPTION);
    assert_eq!((event.name, event.level), ("exception", Level::ERROR));
    assert_eq!(event.field("exception.type"), Some("std::io::error::Error"));
    assert!(Ok::<_, io::Error>(7).trace_err().is_ok());
}
