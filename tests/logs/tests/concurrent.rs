//! Many requests at once on several threads: no line has another request's ids, and no line is torn.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::routing::get;
use opentelemetry::Context;
use opentelemetry::trace::FutureExt as _;
use serde_json::Value;
use tower::ServiceExt as _;
use tracewire::axum::ServerLayer;
use tracewire::test::Capture;
use tracing::info;

const REQUESTS: u64 = 200;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn order(Path(id): Path<u64>) {
    for _ in 0..3 {
        info!(id, "before");
        tokio::task::yield_now().await;
    }
    let task = async move { info!(id, "elsewhere") };
    tokio::spawn(task.with_context(Context::current())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ids_do_not_mix() {
    let lines = Lines::default();
    let writer = lines.clone();
    let writer = tracewire::logs::json(move || writer.clone());
    tracing_subscriber::fmt().json().with_writer(writer).init();
    let capture = Capture::new();
    let layer = ServerLayer::new().telemetry(&capture.telemetry());
    let app = Router::new().route("/orders/{id}", get(order)).layer(layer);

    let requests = (0..REQUESTS).map(|id| {
        let app = app.clone();
        tokio::spawn(async move {
            let request = Request::get(format!("/orders/{id}")).body(Body::empty()).unwrap();
            assert!(app.oneshot(request).await.unwrap().status().is_success());
            info!(id, "off");
        })
    });
    for request in requests.collect::<Vec<_>>() {
        request.await.unwrap();
    }

    let traces: HashMap<String, String> = capture
        .spans()
        .iter()
        .map(|span| {
            let path = span.attributes.iter().find(|it| it.key.as_str() == "url.path").unwrap();
            let id = path.value.as_str().replace("/orders/", "");
            (id, span.span_context.trace_id().to_string())
        })
        .collect();
    assert_eq!(traces.len(), REQUESTS as usize);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.lines().count(), REQUESTS as usize * 5);
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let id = line["fields"]["id"].to_string();
        let expected = match line["fields"]["message"].as_str().unwrap() {
            "off" => Value::Null,
            _ => Value::from(traces[&id].clone()),
        };
        assert_eq!(line["trace_id"], expected, "{line}");
    }
}
