//! Samplers in the telemetry of a process.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt as _, Tracer as _};
use test_support::until;
use tokio::sync::{Mutex as Turn, MutexGuard};
use tracewire::Telemetry;
use tracewire::context::RANDOM;
use tracewire::sdk::{self, JaegerRemote, Sampler};
use tracewire::span::{Operation, Outcome};

/// There is one telemetry in a process at a time.
async fn turn() -> MutexGuard<'static, ()> {
    static TURN: Turn<()> = Turn::const_new(());
    TURN.lock().await
}

fn start(name: &'static str, parent: &Context) -> Operation {
    Telemetry::default().start(SpanKind::Server, parent, |span| span.name(name))
}

fn context(operation: &Operation) -> SpanContext {
    operation.context().span().span_context().clone()
}

#[tokio::test]
async fn traces_that_begin_here_have_the_random_flag() {
    let _turn = turn().await;
    for sampler in [Sampler::default(), Sampler::always_off(), Sampler::consistent(0.5)] {
        let shown = format!("{sampler:?}");
        let guard = sdk::builder().exporters([]).without_subscriber().sampler(sampler);
        let guard = guard.init().unwrap();
        let root = start("root", &Context::new());
        let child = start("child", root.context());
        for operation in [&root, &child] {
            assert_eq!(context(operation).trace_flags() & RANDOM, RANDOM, "{shown}");
        }
        // What others call random or not stays what it is.
        for flags in [RANDOM, RANDOM.with_sampled(true), RANDOM & !RANDOM] {
            let (trace, span) = (context(&root).trace_id(), context(&root).span_id());
            let parent = SpanContext::new(trace, span, flags, true, Default::default());
            let child = start("child", &Context::new().with_remote_span_context(parent));
            assert_eq!(context(&child).trace_flags() & RANDOM, flags & RANDOM, "{shown}");
            child.finish(Outcome::Success);
        }
        let by_hand = opentelemetry::global::tracer("by hand").start("root");
        let by_hand = opentelemetry::trace::Span::span_context(&by_hand).trace_flags();
        assert_eq!(by_hand & RANDOM, RANDOM, "{shown}");
        child.finish(Outcome::Success);
        root.finish(Outcome::Success);
        drop(guard);
    }
}

/// A sampling service that gives these answers one after the other, and then the last one again.
#[derive(Clone, Default)]
struct Service {
    answers: Arc<Mutex<VecDeque<(StatusCode, String)>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Service {
    fn answer(&self, status: StatusCode, body: &str) {
        let mut answers = self.answers.lock().unwrap();
        answers.clear();
        answers.push_back((status, body.to_owned()));
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    async fn start(&self) -> String {
        let handler = async |State(service): State<Self>,
                             Query(query): Query<Vec<(String, String)>>| {
            let query: Vec<_> =
                query.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
            service.asked.lock().unwrap().push(query.join("&"));
            service.answers.lock().unwrap().front().cloned().unwrap()
        };
        let app = Router::new().route("/sampling", get(handler)).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async { axum::serve(listener, app).await });
        format!("http://{address}")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sampling_service_is_followed() {
    let _turn = turn().await;
    let kept = |name| context(&start(name, &Context::new())).is_sampled();
    let service = Service::default();
    service.answer(
        StatusCode::OK,
        r#"{"operationSampling":{"defaultSamplingProbability":0,"perOperationStrategies":[
            {"operation":"kept","probabilisticSampling":{"samplingRate":1}}]}}"#,
    );
    let endpoint = service.start().await;
    let remote = JaegerRemote::new()
        .endpoint(&endpoint)
        .unwrap()
        .polling_interval(Duration::ZERO)
        .initial_sampling_rate(0.0);
    let guard = sdk::builder()
        .service_name("shop & co")
        .exporters([])
        .without_subscriber()
        .sampler(Sampler::parent_based(remote))
        .init()
        .unwrap();
    until("the first answer is followed", async || kept("kept")).await;
    assert!(!kept("dropped"));
    assert_eq!(service.asked.lock().unwrap()[0], "service=shop & co");
    // What cannot be understood changes nothing.
    let garbage = "[".repeat(2 << 20);
    for (status, body) in [
        (StatusCode::OK, "<html>"),
        (StatusCode::OK, &garbage),
        (StatusCode::INTERNAL_SERVER_ERROR, r#"{"probabilisticSampling":{"samplingRate":0}}"#),
    ] {
        service.answer(status, body);
        let before = service.asked();
        // The answer after the next has been asked for when the next has been looked at.
        until("it is asked again", async || service.asked() > before + 1).await;
        assert!(kept("kept") && !kept("dropped"));
    }
    service.answer(StatusCode::OK, r#"{"probabilisticSampling":{"samplingRate":1}}"#);
    until("another answer is followed", async || kept("dropped")).await;
    drop(guard);
}

#[tokio::test]
async fn a_service_that_is_not_there_is_no_obstacle() {
    let _turn = turn().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    // It listens and never answers.
    let remote = JaegerRemote::new().endpoint(&endpoint).unwrap().initial_sampling_rate(1.0);
    let guard = sdk::builder().exporters([]).without_subscriber().sampler(remote).init().unwrap();
    assert!(context(&start("kept", &Context::new())).is_sampled());
    let (_connection, _) = listener.accept().await.unwrap();
    let before = Instant::now();
    drop(guard);
    assert!(before.elapsed() < Duration::from_secs(5));
}
