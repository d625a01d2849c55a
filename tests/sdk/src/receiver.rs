//! OTLP receivers that keep what they get.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::IntoResponse as _;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tonic::codec::CompressionEncoding;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::PATIENCE;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wire {
    Grpc,
    Http,
    Json,
}

pub(crate) fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap()
}

/// What a receiver does with a request instead of keeping it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reply {
    /// Come back in so many seconds.
    Throttle(u64),
    /// Not now.
    Unavailable,
    /// Never.
    Invalid,
    /// Keeps it all but so many spans.
    Partial(i64),
}

impl Wire {
    pub fn protocol(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Http => "http/protobuf",
            Self::Json => "http/json",
        }
    }
}

/// A span with what came along.
#[derive(Clone, Debug)]
pub struct Received {
    pub span: Span,
    pub resource: BTreeMap<String, String>,
    /// Headers or metadata of the request, and `:path`.
    pub headers: BTreeMap<String, String>,
}

impl Received {
    pub fn name(&self) -> &str {
        &self.span.name
    }
}

/// Receives until it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    kept: Kept,
    runtime: Option<Runtime>,
}

#[derive(Clone, Debug, Default)]
struct Kept(Arc<(Mutex<Vec<Received>>, Condvar)>, Arc<Mutex<Script>>);

/// What is to be answered next, and when each request came.
#[derive(Debug, Default)]
struct Script {
    replies: VecDeque<Reply>,
    times: Vec<Instant>,
}

impl Receiver {
    pub fn start(wire: Wire) -> Self {
        Self::start_at(wire, "127.0.0.1:0".parse().unwrap())
    }

    pub fn start_at(wire: Wire, address: SocketAddr) -> Self {
        let runtime = runtime();
        let listener = runtime.block_on(TcpListener::bind(address)).unwrap();
        let address = listener.local_addr().unwrap();
        let kept = Kept::default();
        let service = kept.clone();
        runtime.spawn(async move {
            match wire {
                Wire::Grpc => {
                    let service = TraceServiceServer::new(service)
                        .accept_compressed(CompressionEncoding::Gzip);
                    let incoming = TcpIncoming::from(listener);
                    let server = tonic::transport::Server::builder().add_service(service);
                    server.serve_with_incoming(incoming).await.unwrap();
                }
                Wire::Http | Wire::Json => {
                    let app = axum::Router::new().fallback(receive).with_state(service);
                    axum::serve(listener, app).await.unwrap();
                }
            }
        });
        Self { address, kept, runtime: Some(runtime) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What has arrived once there are this many spans.
    #[track_caller]
    pub fn spans(&self, count: usize) -> Vec<Received> {
        let (spans, arrived) = &*self.kept.0;
        let deadline = Instant::now() + PATIENCE;
        let mut spans = spans.lock().unwrap();
        while spans.len() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} of {count} spans arrived", spans.len());
            spans = arrived.wait_timeout(spans, left).unwrap().0;
        }
        spans.clone()
    }

    /// Answers the next requests like this, and all that follow as usual.
    pub fn reply(&self, replies: &[Reply]) {
        self.kept.1.lock().unwrap().replies.extend(replies);
    }

    /// When each request came, as far as it was understood.
    pub fn times(&self) -> Vec<Instant> {
        self.kept.1.lock().unwrap().times.clone()
    }

    /// What has arrived by now.
    pub fn so_far(&self) -> Vec<Received> {
        self.spans(0)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Kept {
    fn next_reply(&self) -> Option<Reply> {
        let mut script = self.1.lock().unwrap();
        script.times.push(Instant::now());
        script.replies.pop_front()
    }

    fn keep(&self, request: ExportTraceServiceRequest, headers: &BTreeMap<String, String>) {
        let (spans, arrived) = &*self.0;
        let mut spans = spans.lock().unwrap();
        for group in request.resource_spans {
            let attributes = group.resource.unwrap_or_default().attributes;
            let text = |value| match value {
                Some(Value::StringValue(text)) => text,
                other => format!("{other:?}"),
            };
            let resource: BTreeMap<_, _> = attributes
                .into_iter()
                .map(|pair| (pair.key, text(pair.value.and_then(|value| value.value))))
                .collect();
            let all = group.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.extend(all.map(|span| Received {
                span,
                resource: resource.clone(),
                headers: headers.clone(),
            }));
        }
        arrived.notify_all();
    }
}

#[tonic::async_trait]
impl TraceService for Kept {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let headers = request.metadata().clone().into_headers();
        let reply = self.next_reply();
        match reply {
            Some(Reply::Throttle(seconds)) => {
                let details = retry_info(u8::try_from(seconds).unwrap());
                let code = tonic::Code::ResourceExhausted;
                return Err(Status::with_details(code, "slow down", details.into()));
            }
            Some(Reply::Unavailable) => return Err(Status::unavailable("not now")),
            Some(Reply::Invalid) => return Err(Status::invalid_argument("never")),
            Some(Reply::Partial(_)) | None => {}
        }
        self.keep(request.into_inner(), &texts(&headers));
        Ok(Response::new(response(reply)))
    }
}

/// `google.rpc.Status` with a `google.rpc.RetryInfo` of less than 128 seconds.
fn retry_info(seconds: u8) -> Vec<u8> {
    let name = b"type.googleapis.com/google.rpc.RetryInfo";
    let info = [0x0a, 2, 0x08, seconds];
    let mut any = vec![0x0a, u8::try_from(name.len()).unwrap()];
    any.extend(name);
    any.extend([0x12, 4]);
    any.extend(info);
    let mut status = vec![0x08, 8, 0x1a, u8::try_from(any.len()).unwrap()];
    status.extend(any);
    status
}

fn response(reply: Option<Reply>) -> ExportTraceServiceResponse {
    let partial_success = match reply {
        Some(Reply::Partial(rejected_spans)) => {
            Some(ExportTracePartialSuccess { rejected_spans, error_message: "too old".to_owned() })
        }
        _ => None,
    };
    ExportTraceServiceResponse { partial_success }
}

async fn receive(
    State(kept): State<Kept>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<axum::response::Response, StatusCode> {
    let reply = kept.next_reply();
    match reply {
        Some(Reply::Throttle(seconds)) => {
            let wish = [(header::RETRY_AFTER, seconds.to_string())];
            return Ok((StatusCode::TOO_MANY_REQUESTS, wish).into_response());
        }
        Some(Reply::Unavailable) => return Err(StatusCode::SERVICE_UNAVAILABLE),
        Some(Reply::Invalid) => return Ok((StatusCode::BAD_REQUEST, "never").into_response()),
        Some(Reply::Partial(_)) | None => {}
    }
    let mut plain = Vec::new();
    if headers.get(header::CONTENT_ENCODING).is_some_and(|it| it == "gzip") {
        let mut unpacked = flate2::read::GzDecoder::new(&*body);
        unpacked.read_to_end(&mut plain).map_err(|_| StatusCode::BAD_REQUEST)?;
    } else {
        plain.extend_from_slice(&body);
    }
    let json = headers.get(header::CONTENT_TYPE).is_some_and(|it| it == "application/json");
    let request: ExportTraceServiceRequest = match json {
        true => serde_json::from_slice(&plain).map_err(|_| StatusCode::BAD_REQUEST)?,
        false => ExportTraceServiceRequest::decode(&*plain).map_err(|_| StatusCode::BAD_REQUEST)?,
    };
    let mut headers = texts(&headers);
    headers.insert(":path".to_owned(), uri.path().to_owned());
    kept.keep(request, &headers);
    let (kind, body) = match json {
        true => ("application/json", serde_json::to_vec(&response(reply)).unwrap()),
        false => ("application/x-protobuf", response(reply).encode_to_vec()),
    };
    Ok(([(header::CONTENT_TYPE, kind)], body).into_response())
}

fn texts(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text =
        |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}
