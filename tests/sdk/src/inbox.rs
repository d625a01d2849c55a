//! A receiver of every signal over HTTP that keeps requests as they came.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::IntoResponse;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::receiver::runtime;

/// Receives protobuf until it is dropped.
#[derive(Debug)]
pub struct Inbox {
    address: SocketAddr,
    kept: Arc<Kept>,
    runtime: Option<Runtime>,
}

#[derive(Debug, Default)]
struct Kept {
    requests: Mutex<Vec<(String, Bytes)>>,
    answer: Bytes,
}

impl Inbox {
    pub fn start() -> Self {
        Self::answering(0)
    }

    /// With answers of this many bytes, which mean nothing.
    pub fn answering(size: usize) -> Self {
        // An unknown field, with as many zeros as it takes.
        let answer = if size == 0 { Vec::new() } else { unknown_field(size) };
        let kept = Arc::new(Kept { requests: Mutex::default(), answer: answer.into() });
        let runtime = runtime();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let app = axum::Router::new().fallback(keep).with_state(kept.clone());
        runtime.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, kept, runtime: Some(runtime) }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Forgets what has come.
    pub fn clear(&self) {
        self.kept.requests.lock().unwrap().clear();
    }

    /// Every request for this path, in the order in which they came.
    fn at<M: Message + Default>(&self, path: &str) -> Vec<M> {
        let requests = self.kept.requests.lock().unwrap();
        let these = requests.iter().filter(|(to, _)| to == path);
        these.map(|(_, body)| M::decode(&**body).unwrap()).collect()
    }

    pub fn traces(&self) -> Vec<ExportTraceServiceRequest> {
        self.at("/v1/traces")
    }

    pub fn logs(&self) -> Vec<ExportLogsServiceRequest> {
        self.at("/v1/logs")
    }

    pub fn metrics(&self) -> Vec<ExportMetricsServiceRequest> {
        self.at("/v1/metrics")
    }

    /// The paths that anything came to, each once.
    pub fn paths(&self) -> Vec<String> {
        let requests = self.kept.requests.lock().unwrap();
        let mut paths: Vec<_> = requests.iter().map(|(path, _)| path.clone()).collect();
        paths.sort();
        paths.dedup();
        paths
    }

    /// All log records with this text in their body.
    pub fn records(&self, body: &str) -> Vec<LogRecord> {
        let groups = self.logs().into_iter().flat_map(|it| it.resource_logs);
        let scopes = groups.flat_map(|it| it.scope_logs);
        let all = scopes.flat_map(|it| it.log_records);
        all.filter(|record| text(record.body.as_ref()).contains(body)).collect()
    }

    /// The last that was heard of a metric.
    #[track_caller]
    pub fn metric(&self, name: &str) -> Metric {
        let groups = self.metrics().into_iter().flat_map(|it| it.resource_metrics);
        let scopes = groups.flat_map(|it| it.scope_metrics);
        let mut found: Vec<_> =
            scopes.flat_map(|it| it.metrics).filter(|it| it.name == name).collect();
        found.pop().unwrap_or_else(|| panic!("there is no metric {name}"))
    }

    /// Whom each signal is from: traces, metrics, log records.
    pub fn resources(&self) -> [Resource; 3] {
        let traces = self.traces().remove(0).resource_spans.remove(0).resource;
        let metrics = self.metrics().remove(0).resource_metrics.remove(0).resource;
        let logs = self.logs().remove(0).resource_logs.remove(0).resource;
        [traces, metrics, logs].map(Option::unwrap)
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn keep(State(kept): State<Arc<Kept>>, uri: Uri, body: Bytes) -> impl IntoResponse {
    kept.requests.lock().unwrap().push((uri.path().to_owned(), body));
    ([(header::CONTENT_TYPE, "application/x-protobuf")], kept.answer.clone())
}

/// A message of field 15, as long as is wanted.
fn unknown_field(size: usize) -> Vec<u8> {
    let mut message = vec![0x7a];
    let mut rest = size;
    while rest > 0x7f {
        message.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    message.push(u8::try_from(rest).unwrap());
    message.resize(message.len() + size, 0);
    message
}

/// A value as text, where it is one.
pub fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}
