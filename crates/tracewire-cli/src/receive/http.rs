//! OTLP over HTTP: `POST /v1/{traces,logs,metrics}` in protobuf or JSON, plain or gzip.

use std::io::Read;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use flate2::read::MultiGzDecoder;
use http_body_util::LengthLimitError;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use super::{MAX_BODY, decode, json};
use crate::store::Store;

/// The three signals' routes, and an answer for everything else.
pub(super) fn routes(store: Store) -> Router {
    Router::new()
        .route("/v1/traces", only_post(post(traces)))
        .route("/v1/logs", only_post(post(discard)))
        .route("/v1/metrics", only_post(post(discard)))
        .fallback(unknown)
        .with_state(store)
}

async fn traces(State(store): State<Store>, request: Request) -> Response {
    let (encoding, body) = match open(request).await {
        Ok(opened) => opened,
        Err(refusal) => return refusal.into_response(),
    };
    let decoded: Result<ExportTraceServiceRequest, String> = match encoding {
        Encoding::Protobuf => Message::decode(body).map_err(|e| e.to_string()),
        Encoding::Json => json::decode(&body).map_err(|e| e.to_string()),
    };
    match decoded {
        Ok(request) => {
            let answer = decode::keep(request, &store);
            match encoding {
                Encoding::Protobuf => encoding.answer(answer.encode_to_vec()),
                Encoding::Json => encoding.answer(json::response(&answer)),
            }
        }
        Err(why) => encoding
            .refuse(
                StatusCode::BAD_REQUEST,
                format!("the body is not an OTLP trace export request: {why}"),
            )
            .into_response(),
    }
}

/// Logs and metrics are taken and let go, so that a process that exports them too reports no errors.
async fn discard(request: Request) -> Response {
    match open(request).await {
        Ok((Encoding::Protobuf, _)) => Encoding::Protobuf.answer(Vec::new()),
        Ok((Encoding::Json, _)) => Encoding::Json.answer("{}".into()),
        Err(refusal) => refusal.into_response(),
    }
}

async fn unknown(request: Request) -> Response {
    let encoding = Encoding::of(request.headers());
    if matches!(encoding, Err(ref other) if other.starts_with("application/grpc")) {
        return tonic::Status::unimplemented("only OTLP's trace, log and metric services are here")
            .into_http::<Body>();
    }
    encoding
        .unwrap_or(Encoding::Json)
        .refuse(StatusCode::NOT_FOUND, "only /v1/traces, /v1/logs and /v1/metrics are here".into())
        .into_response()
}

fn only_post(route: MethodRouter<Store>) -> MethodRouter<Store> {
    route.fallback(async |request: Request| {
        let encoding = Encoding::of(request.headers()).unwrap_or(Encoding::Json);
        let refusal = encoding.refuse(StatusCode::METHOD_NOT_ALLOWED, "use POST".into());
        ([(ALLOW, "POST")], refusal)
    })
}

/// How a request is written, and so its answer.
#[derive(Clone, Copy, Debug)]
enum Encoding {
    Protobuf,
    Json,
}

/// An error answer: OTLP wants a `google.rpc.Status` in the request's own encoding.
struct Refusal {
    encoding: Encoding,
    status: StatusCode,
    message: String,
}

/// `google.rpc.Status` without its details.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

// === impl Encoding ===

impl Encoding {
    /// The encoding the content type names, or the content type if it is another one.
    fn of(headers: &HeaderMap) -> Result<Self, String> {
        let value = headers.get(CONTENT_TYPE).map_or(&b""[..], |v| v.as_bytes());
        let value = String::from_utf8_lossy(value).to_ascii_lowercase();
        let essence = value.split(';').next().unwrap_or_default().trim();
        match essence {
            "application/x-protobuf" => Ok(Self::Protobuf),
            "application/json" => Ok(Self::Json),
            other => Err(other.to_owned()),
        }
    }

    fn mime(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }

    fn answer(self, body: Vec<u8>) -> Response {
        ([(CONTENT_TYPE, self.mime())], body).into_response()
    }

    fn refuse(self, status: StatusCode, message: String) -> Refusal {
        Refusal { encoding: self, status, message }
    }
}

// === impl Refusal ===

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let code = match self.status {
            StatusCode::PAYLOAD_TOO_LARGE => tonic::Code::ResourceExhausted,
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => tonic::Code::Unimplemented,
            _ => tonic::Code::InvalidArgument,
        };
        let status = RpcStatus { code: code.into(), message: self.message };
        let body = match self.encoding {
            Encoding::Protobuf => status.encode_to_vec(),
            Encoding::Json => serde_json::json!({"code": status.code, "message": status.message})
                .to_string()
                .into_bytes(),
        };
        (self.status, self.encoding.answer(body)).into_response()
    }
}

/// Reads and unpacks a request's body, within [`MAX_BODY`] before and after unpacking.
async fn open(request: Request) -> Result<(Encoding, Bytes), Refusal> {
    let encoding = Encoding::of(request.headers()).map_err(|other| {
        Encoding::Json.refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!(
                "the content type must be application/x-protobuf or application/json, not {other:?}"
            ),
        )
    })?;
    let too_large = || {
        encoding.refuse(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than {} MiB", MAX_BODY >> 20),
        )
    };
    let packed = match request.headers().get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"" | b"identity") => false,
        Some(b"gzip") => true,
        Some(_) => {
            return Err(encoding.refuse(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the content encoding must be gzip or identity".into(),
            ));
        }
    };
    if request.body().size_hint().lower() > MAX_BODY as u64 {
        return Err(too_large());
    }
    let body =
        axum::body::to_bytes(request.into_body(), MAX_BODY).await.map_err(
            |error| match hit_limit(&error) {
                true => too_large(),
                false => encoding
                    .refuse(StatusCode::BAD_REQUEST, format!("the body ended early: {error}")),
            },
        )?;
    if !packed {
        return Ok((encoding, body));
    }
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(&*body).take(MAX_BODY as u64 + 1).read_to_end(&mut unpacked).map_err(
        |error| encoding.refuse(StatusCode::BAD_REQUEST, format!("the body is not gzip: {error}")),
    )?;
    if unpacked.len() > MAX_BODY {
        return Err(too_large());
    }
    Ok((encoding, unpacked.into()))
}

fn hit_limit(error: &axum::Error) -> bool {
    matches!(std::error::Error::source(error), Some(source) if source.is::<LengthLimitError>())
}
