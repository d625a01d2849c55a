//! Log records that are sent: whose they are, what they are called, and that sending them makes no
//! more of them. All of it belongs to the process, so this is one test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::get;
use futures_util::stream;
use http_body_util::BodyExt as _;
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt as _, TraceContextExt as _};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message as _;
use tower::ServiceExt as _;
use tracewire::axum::ServerLayer;
use tracewire::sdk::{self, Exporter};
use tracing::info;

/// A receiver that makes no events of its own.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Vec<ExportLogsServiceRequest>>>);

impl Receiver {
    /// Starts to listen; its address.
    fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let receiver = self.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let receiver = receiver.clone();
                std::thread::spawn(move || receiver.serve(connection.unwrap()));
            }
        });
        format!("http://{address}")
    }

    fn serve(&self, mut connection: TcpStream) {
        let mut reader = BufReader::new(connection.try_clone().unwrap());
        loop {
            let (mut head, mut length) = (String::new(), 0);
            while reader.read_line(&mut head).unwrap_or(0) > 2 {
                let line = head.lines().last().unwrap().to_ascii_lowercase();
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            if head.is_empty() {
                return;
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            // Metrics come too where the library is built with them.
            if !head.starts_with("POST /v1/metrics ") {
                assert!(head.starts_with("POST /v1/logs "), "{head}");
                self.0.lock().unwrap().push(ExportLogsServiceRequest::decode(&*body).unwrap());
            }
            connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        }
    }

    /// Everything that came, each with its target.
    fn records(&self) -> Vec<(String, LogRecord)> {
        let requests = self.0.lock().unwrap().clone();
        let scopes =
            requests.into_iter().flat_map(|it| it.resource_logs).flat_map(|it| it.scope_logs);
        let named = |scope: Option<_>| {
            scope.map(|it: opentelemetry_proto::tonic::common::v1::InstrumentationScope| it.name)
        };
        scopes
            .flat_map(move |it| {
                let target = named(it.scope).unwrap_or_default();
                it.log_records.into_iter().map(move |record| (target.clone(), record))
            })
            .collect()
    }

    fn with_body(&self, body: &str) -> LogRecord {
        let mut found = self.records();
        found.retain(|(_, record)| text(record.body.as_ref()).contains(body));
        assert_eq!(found.len(), 1, "{body}: {found:#?}");
        found.remove(0).1
    }
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn attribute(record: &LogRecord, key: &str) -> String {
    let found = record.attributes.iter().find(|attribute| attribute.key == key);
    text(found.and_then(|attribute| attribute.value.as_ref()))
}

async fn order() -> Body {
    info!(order = 7, "in the handler");
    let task = async { info!("in a task") };
    tokio::spawn(task.with_context(Context::current())).await.unwrap();
    tracing::info_span!("charge").in_scope(|| {
        info!(span = %Context::current().span().span_context().span_id(), "in a span");
    });
    Body::from_stream(stream::once(async {
        info!("in the body");
        Err::<&str, _>(std::io::Error::from(std::io::ErrorKind::BrokenPipe))
    }))
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_sent_with_their_ids() {
    let receiver = Receiver::default();
    let endpoint = receiver.start();
    let builder = || {
        let way = sdk::Otlp::new().endpoint(&endpoint);
        sdk::builder().otlp(way).exporters([]).log_filter("trace")
    };
    let guard = builder().log_exporters([Exporter::Otlp]).service_name("shop").init().unwrap();
    info!("off any trace");
    let app =
        Router::new().route("/orders/{id}", get(order)).layer(ServerLayer::new().log_requests());
    let request = Request::get("/orders/7")
        .header("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01"))
        .body(Body::empty())
        .unwrap();
    let response = app.oneshot(request).await.unwrap();
    response.into_body().collect().await.unwrap_err();
    // Several exports, whose own events would be sent by the next.
    for _ in 0..3 {
        assert!(guard.flush());
    }

    let handler = receiver.with_body("in the handler");
    assert_eq!(hex(&handler.trace_id), TRACE);
    assert_eq!((handler.flags, handler.severity_number), (1, 9));
    assert_eq!(attribute(&handler, "order"), "7");
    let line = receiver.with_body("GET /orders/{id}: ");
    let exception = receiver.with_body("serving an HTTP request failed");
    for record in
        [&receiver.with_body("in a task"), &receiver.with_body("in the body"), &line, &exception]
    {
        assert_eq!(hex(&record.trace_id), TRACE);
        assert_eq!(record.span_id, handler.span_id);
    }
    assert_eq!(line.event_name, "http.server.request");
    assert_eq!((line.severity_number, exception.severity_number), (17, 17));
    assert_eq!(attribute(&line, "http.response.status_code"), "200");
    assert_eq!(exception.event_name, "http.server.request.exception");
    assert_eq!(attribute(&exception, "exception.type"), "broken_pipe");
    let span = receiver.with_body("in a span");
    assert_eq!(hex(&span.trace_id), TRACE);
    assert_eq!(hex(&span.span_id), attribute(&span, "span"));
    assert_ne!(span.span_id, handler.span_id);
    let off = receiver.with_body("off any trace");
    assert!(off.trace_id.is_empty() && off.span_id.is_empty());
    let resource = receiver.0.lock().unwrap()[0].resource_logs[0].resource.clone().unwrap();
    let name = resource.attributes.iter().find(|it| it.key == "service.name").unwrap();
    assert_eq!(text(name.value.as_ref()), "shop");
    for (target, record) in receiver.records() {
        let own = ["otlp", "tracewire", "axum", "tower", "tokio"];
        assert!(own.iter().any(|it| target.starts_with(it)), "{target}: {record:?}");
    }

    // After its end nothing is sent; the layer stays and serves the next.
    drop(guard);
    info!("between");
    let guard = builder().init().unwrap();
    info!("sent nowhere");
    drop(guard);
    let guard = builder().log_exporters([Exporter::Otlp]).init().unwrap();
    info!("once more");
    // The end of the guard sends what is left.
    drop(guard);
    receiver.with_body("once more");
    let bodies: Vec<_> = receiver.records().iter().map(|it| text(it.1.body.as_ref())).collect();
    assert!(!bodies.iter().any(|it| it == "between" || it == "sent nowhere"), "{bodies:?}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
