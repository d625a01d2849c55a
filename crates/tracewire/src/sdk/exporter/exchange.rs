//! One request to a Collector and its answer.
//!
//! Specification: OTLP, "OTLP/HTTP"; gRPC's part is in [`grpc`](super::grpc).

use std::io::Write as _;

use bytes::Bytes;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use prost::Message;
use serde::Serialize;

use super::failure::{Again, Failure, quoted};
use super::retry::retry_after;
use super::route::Route;
use super::{Compression, Protocol, grpc};
use crate::tls::Connector;

/// What is sent: a whole body and what it is.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) body: Bytes,
    pub(crate) headers: HeaderMap,
    /// How many bytes it had before it was packed.
    pub(crate) size: usize,
}

/// What a receiver took.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Accepted {
    /// How many pieces it refused for good.
    pub(crate) refused: u64,
    /// What it has to say about that.
    pub(crate) message: String,
}

/// Connections to one receiver. They belong to the Tokio runtime that is current.
#[derive(Debug)]
pub(crate) struct Exchange {
    client: Client<Connector, Full<Bytes>>,
}

/// Every response of OTLP, whatever its signal: they have the same fields.
#[derive(Clone, PartialEq, Message)]
struct Answer {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

impl Letter {
    /// A message in the form that is wanted.
    pub(crate) fn write<M: Message + Serialize>(
        message: &M,
        protocol: Protocol,
        compression: Compression,
    ) -> Result<Self, Failure> {
        let mut headers = HeaderMap::new();
        let kind = match protocol {
            Protocol::Grpc => grpc::CONTENT,
            Protocol::HttpProtobuf => "application/x-protobuf",
            Protocol::HttpJson => "application/json",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let plain = match protocol {
            Protocol::HttpJson => json(message)?,
            Protocol::Grpc | Protocol::HttpProtobuf => message.encode_to_vec(),
        };
        let size = plain.len();
        let gzip = compression == Compression::Gzip;
        let body = if gzip { packed(&plain)? } else { plain };
        let body = if protocol == Protocol::Grpc {
            grpc::frame(&body, gzip, &mut headers)?
        } else {
            if gzip {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            body
        };
        Ok(Self { body: body.into(), headers, size })
    }

    /// A message as a line of JSON.
    pub(crate) fn line<M: Serialize>(message: &M) -> Result<Self, Failure> {
        let mut line = json(message)?;
        line.push(b'\n');
        Ok(Self { size: line.len(), body: line.into(), headers: HeaderMap::new() })
    }
}

fn json<M: Serialize>(message: &M) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(message).map_err(|error| {
        Failure::new(format!("it cannot be written as JSON: {error}"), Again::Never)
    })
}

fn packed(plain: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    let packed = encoder.write_all(plain).and_then(|()| encoder.finish());
    packed.map_err(|error| Failure::new(format!("it cannot be packed: {error}"), Again::Never))
}

impl Exchange {
    pub(crate) fn new(route: &Route) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .http2_only(route.protocol == Protocol::Grpc)
            .build(route.connector.clone());
        Self { client }
    }

    /// Sends once.
    pub(crate) async fn send(&self, route: &Route, letter: Letter) -> Result<Accepted, Failure> {
        let mut request = Request::post(route.endpoint.uri())
            .body(Full::new(letter.body))
            .map_err(|error| Failure::new(error.to_string(), Again::Never))?;
        let headers = request.headers_mut();
        headers.extend(route.headers.clone());
        headers.extend(letter.headers);
        let response = self.client.request(request).await;
        let response = response.map_err(|error| Failure::network(&error))?;
        let (head, body) = response.into_parts();
        let most = route.max_response;
        let body = Limited::new(body, most).collect().await;
        let body = match body {
            Ok(body) => body,
            // What an error says is not worth losing its status for.
            Err(_) if !head.status.is_success() => return Err(refusal(&head, b"")),
            // It has come, whatever it says, and would be as long the next time.
            Err(error) if error.is::<LengthLimitError>() => {
                let why = format!("its answer has more than {most} bytes");
                return Err(Failure::new(why, Again::Never));
            }
            Err(error) => return Err(Failure::network(&*error)),
        };
        if route.protocol == Protocol::Grpc {
            return grpc::read(&head, body, most);
        }
        let body = body.to_bytes();
        if head.status.is_success() {
            read(&head.headers, &body)
        } else {
            Err(refusal(&head, &body))
        }
    }
}

/// Specification: OTLP/HTTP, "Failures": these may be tried again, all others not.
pub(crate) fn refusal(head: &http::response::Parts, body: &[u8]) -> Failure {
    let status = head.status;
    let retryable = [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ];
    let again = match retry_after(&head.headers) {
        _ if !retryable.contains(&status) => Again::Never,
        Some(wish) => Again::After(wish),
        None => Again::Soon,
    };
    let mut why = format!("it answers {status}");
    if content(&head.headers).starts_with("text/plain") && !body.is_empty() {
        why.push_str(&format!(": {}", quoted(String::from_utf8_lossy(body).trim())));
    }
    Failure::new(why, again)
}

/// An answer that is not understood is taken for a yes, as some receivers answer in forms of their
/// own; but a page for people comes from somebody else than a receiver.
fn read(headers: &HeaderMap, body: &[u8]) -> Result<Accepted, Failure> {
    let kind = content(headers);
    if kind.starts_with("text/html") {
        return Err(Failure::new("it answers with a page for people", Again::Never));
    }
    if kind.starts_with("application/json") {
        return Ok(read_json(body));
    }
    match Answer::decode(body) {
        Ok(answer) => Ok(accepted(answer)),
        Err(error) if kind.starts_with("application/x-protobuf") => {
            Err(Failure::new(format!("its answer cannot be read: {error}"), Again::Never))
        }
        Err(_) => Ok(Accepted::default()),
    }
}

/// Reads a response in protobuf, of any signal.
pub(crate) fn read_protobuf(body: &[u8]) -> Result<Accepted, Failure> {
    Answer::decode(body)
        .map(accepted)
        .map_err(|error| Failure::new(format!("its answer cannot be read: {error}"), Again::Never))
}

fn accepted(answer: Answer) -> Accepted {
    let partial = answer.partial_success.unwrap_or_default();
    Accepted { refused: partial.rejected.try_into().unwrap_or(0), message: partial.error_message }
}

/// In JSON, numbers of 64 bits are strings, and the fields are named after their signals.
fn read_json(body: &[u8]) -> Accepted {
    let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let partial = &answer["partialSuccess"];
    let refused = ["rejectedSpans", "rejectedDataPoints", "rejectedLogRecords"]
        .into_iter()
        .find_map(|name| partial.get(name))
        .and_then(|count| count.as_u64().or_else(|| count.as_str()?.parse().ok()));
    let message = partial["errorMessage"].as_str().unwrap_or_default();
    Accepted { refused: refused.unwrap_or(0), message: message.to_owned() }
}

fn content(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_with_patience() {
        let partial = PartialSuccess { rejected: 7, error_message: "no".to_owned() };
        let partial = Answer { partial_success: Some(partial) }.encode_to_vec();
        let json = br#"{"partialSuccess":{"rejectedSpans":"7","errorMessage":"no"}}"#;
        let number = br#"{"partialSuccess":{"rejectedLogRecords":7,"errorMessage":"no"}}"#;
        let cases: [(&str, &[u8], Option<u64>); 9] = [
            ("application/x-protobuf", b"", Some(0)),
            ("application/x-protobuf", &partial, Some(7)),
            ("", &partial, Some(7)),
            ("application/json", json, Some(7)),
            ("application/json; charset=utf-8", number, Some(7)),
            ("application/json", b"not JSON", Some(0)),
            ("text/plain", b"fine", Some(0)),
            ("text/html; charset=utf-8", b"<h1>Welcome</h1>", None),
            ("application/x-protobuf", b"\xff\xff\xff", None),
        ];
        for (kind, body, refused) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            let found = read(&headers, body).map(|accepted| accepted.refused);
            assert_eq!(found.ok(), refused, "{kind} {body:?}");
        }
    }
}
