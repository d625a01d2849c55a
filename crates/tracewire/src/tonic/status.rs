//! The status of a call: in headers and trailers, behind HTTP's own, and in errors.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::io;

use h2::Reason;
use http::{HeaderMap, HeaderName, StatusCode};
use percent_encoding::percent_decode;
use tonic::{Code, ConnectError, TimeoutExpired};

use crate::http::first;

static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
static GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Status {
    pub(super) code: Code,
    /// What the server says about it; empty for nothing.
    pub(super) message: Cow<'static, str>,
}

/// Errors are chains of a few links; a longer one is not followed.
const MAX_LINKS: usize = 16;

impl From<Code> for Status {
    fn from(code: Code) -> Self {
        Self { code, message: Cow::Borrowed("") }
    }
}

impl Status {
    /// Reads `grpc-status` and `grpc-message`. A code that gRPC does not have is `Unknown`.
    pub(super) fn in_fields(fields: &HeaderMap) -> Option<Self> {
        let code = Code::from_bytes(first(fields, &GRPC_STATUS)?.as_bytes());
        if code == Code::Ok {
            return Some(code.into());
        }
        let decoded = first(fields, &GRPC_MESSAGE)
            .map(|message| percent_decode(message.as_bytes()).decode_utf8_lossy().into_owned());
        Some(Self { code, message: decoded.map_or(Cow::Borrowed(""), Cow::Owned) })
    }

    /// What a response without a status means (gRPC, "HTTP to gRPC Status Code Mapping"). One that
    /// looks like success has been cut short.
    pub(super) fn behind(status: StatusCode) -> Self {
        Self::from(match status {
            StatusCode::BAD_REQUEST => Code::Internal,
            StatusCode::UNAUTHORIZED => Code::Unauthenticated,
            StatusCode::FORBIDDEN => Code::PermissionDenied,
            StatusCode::NOT_FOUND => Code::Unimplemented,
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Code::Unavailable,
            _ => Code::Unknown,
        })
    }

    /// The status that tonic makes of an error, or `None` for an error that it knows nothing about.
    /// What tonic calls cancelled because the time was over is `DeadlineExceeded` here, as gRPC wants.
    pub(super) fn of_error(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut link = Some(error);
        for _ in 0..MAX_LINKS {
            let error = link?;
            if let Some(status) = Self::of_link(error) {
                return Some(status);
            }
            // An `io::Error` around another error leaves that one out of its sources.
            let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            link = match within {
                Some(within) => Some(within),
                None => error.source(),
            };
        }
        None
    }

    fn of_link(error: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(status) = error.downcast_ref::<tonic::Status>() {
            let timed_out = status.source().is_some_and(is_timeout);
            let code = if timed_out { Code::DeadlineExceeded } else { status.code() };
            return Some(Self { code, message: Cow::Owned(status.message().to_owned()) });
        }
        if error.is::<TimeoutExpired>() {
            return Some(Code::DeadlineExceeded.into());
        }
        if error.is::<ConnectError>() {
            return Some(Code::Unavailable.into());
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            // A ping of the keep-alive was not answered; the connection was closed before its use.
            let of_connection = || error.is_timeout().then_some(Code::Unavailable);
            let of_call = || error.is_canceled().then_some(Code::Cancelled);
            return of_connection().or_else(of_call).map(Self::from);
        }
        error.downcast_ref::<h2::Error>().map(|error| of_reset(error.reason()).into())
    }
}

fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| (*error).source())
        .take(MAX_LINKS)
        .any(<dyn Error>::is::<TimeoutExpired>)
}

/// What a reset stream means (gRPC over HTTP2, "Errors").
fn of_reset(reason: Option<Reason>) -> Code {
    match reason {
        Some(Reason::REFUSED_STREAM) => Code::Unavailable,
        Some(Reason::CANCEL) => Code::Cancelled,
        Some(Reason::ENHANCE_YOUR_CALM) => Code::ResourceExhausted,
        Some(Reason::INADEQUATE_SECURITY) => Code::PermissionDenied,
        Some(
            Reason::NO_ERROR
            | Reason::PROTOCOL_ERROR
            | Reason::INTERNAL_ERROR
            | Reason::FLOW_CONTROL_ERROR
            | Reason::SETTINGS_TIMEOUT
            | Reason::FRAME_SIZE_ERROR
            | Reason::COMPRESSION_ERROR
            | Reason::CONNECT_ERROR,
        ) => Code::Internal,
        _ => Code::Unknown,
    }
}

/// An error of any type as the error that it is, for the types that services of tonic have.
pub(super) fn as_error<'a>(error: &'a (dyn Any + 'static)) -> Option<&'a (dyn Error + 'static)> {
    type Boxed = Box<dyn Error + Send + Sync>;
    let boxed = error.downcast_ref::<Boxed>().map(|error| &**error as &(dyn Error + 'static));
    fn known<E: Error + 'static>(error: &dyn Any) -> Option<&(dyn Error + 'static)> {
        error.downcast_ref::<E>().map(|error| error as &(dyn Error + 'static))
    }
    boxed
        .or_else(|| known::<tonic::Status>(error))
        .or_else(|| known::<tonic::transport::Error>(error))
        .or_else(|| known::<hyper::Error>(error))
        .or_else(|| known::<io::Error>(error))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode};
    use tonic::Code;

    use super::Status;

    #[test]
    fn messages_are_decoded_and_never_fail() {
        let cases: [(&[u8], &[u8], Code, &str); 8] = [
            (b"5", b"no%20such%20order", Code::NotFound, "no such order"),
            (b"13", b"%E2%98%83 100%", Code::Internal, "\u{2603} 100%"),
            (b"13", b"%FF%", Code::Internal, "\u{fffd}%"),
            (b"13", b"\xff", Code::Internal, "\u{fffd}"),
            (b"0", b"fine", Code::Ok, ""),
            (b"17", b"", Code::Unknown, ""),
            (b"05", b"", Code::Unknown, ""),
            (b"", b"", Code::Unknown, ""),
        ];
        for (code, message, expected, text) in cases {
            let value = |bytes| HeaderValue::from_bytes(bytes).unwrap();
            let fields = HeaderMap::from_iter([
                ("grpc-status".parse().unwrap(), value(code)),
                ("grpc-message".parse().unwrap(), value(message)),
            ]);
            let expected = Status { code: expected, message: text.into() };
            assert_eq!(Status::in_fields(&fields), Some(expected), "{code:?}");
        }
        assert_eq!(Status::in_fields(&HeaderMap::new()), None);
    }

    #[test]
    fn http_has_a_meaning_too() {
        let cases = [
            (200, Code::Unknown),
            (204, Code::Unknown),
            (400, Code::Internal),
            (401, Code::Unauthenticated),
            (403, Code::PermissionDenied),
            (404, Code::Unimplemented),
            (418, Code::Unknown),
            (429, Code::Unavailable),
            (500, Code::Unknown),
            (502, Code::Unavailable),
            (503, Code::Unavailable),
            (504, Code::Unavailable),
        ];
        for (status, code) in cases {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(Status::behind(status).code, code, "{status}");
        }
    }

    #[test]
    fn a_reset_has_a_meaning() {
        let cases = [
            (h2::Reason::NO_ERROR, Code::Internal),
            (h2::Reason::PROTOCOL_ERROR, Code::Internal),
            (h2::Reason::REFUSED_STREAM, Code::Unavailable),
            (h2::Reason::CANCEL, Code::Cancelled),
            (h2::Reason::ENHANCE_YOUR_CALM, Code::ResourceExhausted),
            (h2::Reason::INADEQUATE_SECURITY, Code::PermissionDenied),
            (h2::Reason::STREAM_CLOSED, Code::Unknown),
        ];
        for (reason, code) in cases {
            let error = std::io::Error::other(h2::Error::from(reason));
            let status = Status::of_error(error.get_ref().unwrap());
            assert_eq!(status, Some(code.into()), "{reason}");
        }
        assert_eq!(Status::of_error(&std::io::Error::other("no idea")), None);
    }
}
