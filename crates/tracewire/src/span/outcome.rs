//! How an operation ended, and what that means for its span: one table per side.

use std::borrow::Cow;

use opentelemetry::trace::{SpanKind, Status};

use super::grpc;

/// How an operation ended.
///
/// | outcome | caller's side (client, producer) | called side (server, consumer, internal) |
/// |---|---|---|
/// | `Success` | unset | unset |
/// | `Http(100..=399)` | unset | unset |
/// | `Http(400..=499)` | error, `error.type` is the code | unset |
/// | `Http(_)` otherwise | error, `error.type` is the code | error, `error.type` is the code |
/// | `Grpc` 0 | unset | unset |
/// | `Grpc` 2, 4, 12 to 15 | error, `error.type` is the code's name | error, `error.type` is the code's name |
/// | `Grpc` otherwise | error, `error.type` is the code's name | unset |
/// | `Error` | error, `error.type` as given | error, `error.type` as given |
/// | `Cancelled` | unset: the caller went away on purpose | error, `error.type` is `cancelled` |
/// | `Panicked` | error, `error.type` is `panic` | error, `error.type` is `panic` |
///
/// The status is never `Ok`, which is the application's to set, and has a description only when that
/// says more than `error.type` (OpenTelemetry semantic conventions, "Recording errors").
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// It did what was asked.
    Success,
    /// An HTTP response with this status code came.
    Http(u16),
    /// A gRPC status came.
    Grpc {
        /// Its code; one that gRPC does not have counts as 2, `UNKNOWN`.
        code: u8,
        /// What the server says about it; empty for nothing.
        message: Cow<'static, str>,
    },
    /// It failed.
    Error {
        /// A name of low cardinality, for `error.type`.
        error_type: Cow<'static, str>,
        /// What else there is to say, without secrets; empty for nothing.
        description: Cow<'static, str>,
    },
    /// Whoever waited for it went away.
    Cancelled,
    /// A panic passed through it.
    Panicked,
}

/// Which end of an operation a span stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The caller's: client and producer spans.
    Caller,
    /// The called one's: server, consumer and internal spans.
    Called,
}

impl Side {
    pub(crate) fn of(kind: &SpanKind) -> Self {
        match kind {
            SpanKind::Client | SpanKind::Producer => Self::Caller,
            SpanKind::Server | SpanKind::Consumer | SpanKind::Internal => Self::Called,
        }
    }
}

/// What to write on the span.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) status: Option<Status>,
    pub(crate) error_type: Option<Cow<'static, str>>,
}

impl Outcome {
    /// A failure of this type, with nothing more to say.
    pub fn error(error_type: impl Into<Cow<'static, str>>) -> Self {
        Self::Error { error_type: error_type.into(), description: Cow::Borrowed("") }
    }

    /// Whether it makes the span of this side an error.
    pub fn is_error(&self, side: Side) -> bool {
        match (self, side) {
            (Self::Success | Self::Http(100..=399), _)
            | (Self::Http(400..=499), Side::Called)
            | (Self::Cancelled, Side::Caller) => false,
            (Self::Grpc { code, .. }, side) => grpc::is_error(*code, side),
            (Self::Http(_) | Self::Error { .. } | Self::Cancelled | Self::Panicked, _) => true,
        }
    }

    pub(crate) fn verdict(&self, side: Side) -> Verdict {
        if !self.is_error(side) {
            return Verdict::default();
        }
        let (error_type, description) = match self {
            Self::Success => return Verdict::default(),
            Self::Http(code) => (code_text(*code), Cow::Borrowed("")),
            Self::Grpc { code, message } => {
                (Cow::Borrowed(grpc::code_name(*code)), message.clone())
            }
            Self::Error { error_type, description } => (error_type.clone(), description.clone()),
            Self::Cancelled => (Cow::Borrowed("cancelled"), Cow::Borrowed("")),
            Self::Panicked => (Cow::Borrowed("panic"), Cow::Borrowed("")),
        };
        Verdict { status: Some(Status::Error { description }), error_type: Some(error_type) }
    }
}

/// Status codes as text; those seen daily without an allocation.
fn code_text(code: u16) -> Cow<'static, str> {
    Cow::Borrowed(match code {
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        409 => "409",
        422 => "422",
        429 => "429",
        500 => "500",
        502 => "502",
        503 => "503",
        504 => "504",
        other => return Cow::Owned(other.to_string()),
    })
}
