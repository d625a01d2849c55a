//! The little of gRPC that sending one message and reading one answer takes.
//!
//! Specification: gRPC over HTTP/2, and OTLP, "OTLP/gRPC".

use std::io::Read as _;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::{Buf as _, Bytes};
use flate2::bufread::GzDecoder;
use http::header::TE;
use http::{HeaderMap, HeaderValue};
use http_body_util::Collected;
use percent_encoding::percent_decode_str;
use prost::Message;

use super::exchange::{Accepted, read_protobuf, refusal};
use super::failure::{Again, Failure, quoted};
use super::retry::bounded;

/// What a request says that it holds.
pub(crate) const CONTENT: &str = "application/grpc";

/// Puts a message into its frame: whether it is packed, its length, itself.
pub(crate) fn frame(
    message: &[u8],
    gzip: bool,
    headers: &mut HeaderMap,
) -> Result<Vec<u8>, Failure> {
    let length = u32::try_from(message.len())
        .map_err(|_| Failure::new("it is larger than gRPC can carry", Again::Never))?;
    headers.insert(TE, HeaderValue::from_static("trailers"));
    // Receivers in Go pack their answers as the request was packed, whatever they are told here.
    headers.insert("grpc-accept-encoding", HeaderValue::from_static("identity,gzip"));
    if gzip {
        headers.insert("grpc-encoding", HeaderValue::from_static("gzip"));
    }
    let mut framed = Vec::with_capacity(message.len() + 5);
    framed.push(u8::from(gzip));
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(message);
    Ok(framed)
}

/// Reads an answer of at most so many bytes when it is unpacked, whose status is in its trailers, or
/// in its head where that is all there is.
pub(crate) fn read(
    head: &http::response::Parts,
    body: Collected<Bytes>,
    most: usize,
) -> Result<Accepted, Failure> {
    if !head.status.is_success() {
        return Err(refusal(head, b""));
    }
    let trailers = body.trailers().filter(|it| it.contains_key("grpc-status"));
    let status = trailers.unwrap_or(&head.headers);
    let code = status.get("grpc-status").and_then(|code| code.to_str().ok()?.parse::<u16>().ok());
    match code {
        None => Err(Failure::new("it answers without a gRPC status", Again::Never)),
        Some(0) => {
            let gzip = head.headers.get("grpc-encoding").is_some_and(|it| it == "gzip");
            message(body.to_bytes(), gzip, most)
        }
        Some(code) => Err(failure(code, status)),
    }
}

/// Reads one message in its frame; `gzip` is how it may be packed.
fn message(mut body: Bytes, gzip: bool, most: usize) -> Result<Accepted, Failure> {
    if body.is_empty() {
        return Ok(Accepted::default());
    }
    let wrong = || Failure::new("its answer cannot be read", Again::Never);
    let packed = body.try_get_u8().map_err(|_| wrong())? != 0;
    let length = body.try_get_u32().map_err(|_| wrong())?;
    let length = usize::try_from(length).map_err(|_| wrong())?;
    if body.len() != length || (packed && !gzip) {
        return Err(wrong());
    }
    if !packed {
        return read_protobuf(&body);
    }
    let mut plain = Vec::new();
    // One byte more than may come, so that what is cut short is not taken for the whole.
    let bound = (most as u64).saturating_add(1);
    match GzDecoder::new(&*body).take(bound).read_to_end(&mut plain) {
        Ok(size) if size <= most => read_protobuf(&plain),
        _ => Err(wrong()),
    }
}

const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

fn failure(code: u16, status: &HeaderMap) -> Failure {
    let name = NAMES.get(usize::from(code)).copied().unwrap_or("UNKNOWN");
    let wish = wish(status);
    let again = match (name, wish) {
        // Specification: OTLP/gRPC, "Failures": a receiver that is exhausted may say when it will
        // have recovered; when it does not, it will not.
        (
            "CANCELLED" | "DEADLINE_EXCEEDED" | "ABORTED" | "OUT_OF_RANGE" | "UNAVAILABLE"
            | "DATA_LOSS" | "RESOURCE_EXHAUSTED",
            Some(wish),
        ) => Again::After(wish),
        (
            "CANCELLED" | "DEADLINE_EXCEEDED" | "ABORTED" | "OUT_OF_RANGE" | "UNAVAILABLE"
            | "DATA_LOSS",
            None,
        ) => Again::Soon,
        _ => Again::Never,
    };
    let mut why = format!("it answers {name}");
    let said = status.get("grpc-message").and_then(|said| said.to_str().ok()).unwrap_or_default();
    if !said.is_empty() {
        let said = percent_decode_str(said).decode_utf8_lossy();
        why.push_str(&format!(": {}", quoted(&said)));
    }
    Failure::new(why, again)
}

/// `google.rpc.Status` and what of its details is of interest, `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct Details {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    delay: Option<Delay>,
}

#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// How long the receiver wants to be left alone.
fn wish(status: &HeaderMap) -> Option<Duration> {
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let details = status.get("grpc-status-details-bin")?;
    let details = GeneralPurpose::new(&STANDARD, lenient).decode(details.as_bytes()).ok()?;
    let details = Details::decode(&*details).ok()?.details;
    let info = details.into_iter().find(|it| it.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(&*info.value).ok()?.delay?;
    let seconds = u64::try_from(delay.seconds).unwrap_or(0);
    let nanos = u64::try_from(delay.nanos).unwrap_or(0);
    Some(bounded(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos))))
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD_NO_PAD;

    use super::*;

    fn details(seconds: i64, nanos: i32) -> String {
        let delay = Some(Delay { seconds, nanos });
        let value = RetryInfo { delay }.encode_to_vec();
        let type_url = "type.googleapis.com/google.rpc.RetryInfo".to_owned();
        let details = Details { details: vec![Any { type_url, value }] };
        BASE64_STANDARD_NO_PAD.encode(details.encode_to_vec())
    }

    #[test]
    fn what_may_be_tried_again() {
        let two = details(2, 500_000_000);
        let long = details(i64::MAX, i32::MAX);
        let past = details(-5, 0);
        let after = |seconds| Again::After(Duration::from_secs_f64(seconds));
        let cases = [
            (14, "", Again::Soon),
            (14, &*two, after(2.5)),
            (14, &*long, after(300.0)),
            (14, &*past, after(0.0)),
            (14, "%%%", Again::Soon),
            (14, "AAAA", Again::Soon),
            (8, "", Again::Never),
            (8, &*two, after(2.5)),
            (16, &*two, Again::Never),
            (3, "", Again::Never),
            (77, "", Again::Never),
        ];
        for (code, details, again) in cases {
            let mut status = HeaderMap::new();
            if !details.is_empty() {
                let Ok(value) = HeaderValue::from_str(details) else { panic!("{details}") };
                status.insert("grpc-status-details-bin", value);
            }
            assert_eq!(failure(code, &status).again(), again, "{code} {details}");
        }
    }

    /// A frame around what is packed from this.
    fn packed(plain: &[u8]) -> Vec<u8> {
        let mut packer = flate2::bufread::GzEncoder::new(plain, flate2::Compression::fast());
        let mut body = Vec::new();
        assert!(packer.read_to_end(&mut body).is_ok());
        let mut framed = vec![1];
        framed.extend((body.len() as u32).to_be_bytes());
        framed.extend(body);
        framed
    }

    const MOST: usize = 4 << 20;

    #[test]
    fn answers_in_no_frame_are_refused() {
        // `partial_success { rejected_spans: 7 }`
        let partial = b"\x0a\x02\x08\x07";
        let bomb = packed(&vec![0; MOST + 1]);
        let cases: [(&[u8], bool, Option<u64>); 10] = [
            (b"", false, Some(0)),
            (b"\0\0\0\0\0", false, Some(0)),
            (b"\0\0\0", false, None),
            (b"\0\xff\xff\xff\xff1", false, None),
            (b"\x01\0\0\0\0", false, None),
            (b"\x01\0\0\0\0", true, None),
            (b"\0\0\0\0\x04\x0a\x02\x08\x07", true, Some(7)),
            (&packed(partial), true, Some(7)),
            (&packed(partial), false, None),
            (&bomb, true, None),
        ];
        for (body, gzip, refused) in cases {
            let found = message(Bytes::copy_from_slice(body), gzip, MOST).map(|it| it.refused);
            assert_eq!(found.ok(), refused, "{:?} {gzip}", body.get(..20).unwrap_or(body));
        }
    }
}
