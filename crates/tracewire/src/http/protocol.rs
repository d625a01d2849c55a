//! Whose rules say how an exchange went: HTTP's own, or those of a protocol on top of it.

use std::any::Any;
use std::borrow::Cow;

use bytes::Buf;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, StatusCode};
use opentelemetry::KeyValue;

use super::ResponseHead;
use super::attributes::version_name;
use crate::span::{Operation, Outcome, Side, attributes as names};

/// What a protocol makes of an exchange. Sealed: its implementations are the modules of this crate.
///
/// Each request has a value of its own, which sees the response pass and says at the end how it went.
pub trait Protocol: super::sealed::Sealed {
    /// The end of the exchange that the span stands for.
    #[doc(hidden)]
    fn side(&self) -> Side;

    /// The head of the response is there; called whether anybody records the operation or not.
    #[doc(hidden)]
    fn head(&mut self, response: &ResponseHead<'_>, operation: &mut Operation);

    /// Whether the head was all: the body tells nothing more, or nobody will read it.
    #[doc(hidden)]
    fn is_over(&self) -> bool;

    /// The length that the head promises, where nobody may ask for more than that.
    #[doc(hidden)]
    fn length(&self, _: &HeaderMap) -> Option<u64> {
        None
    }

    /// A piece of the body passes.
    #[doc(hidden)]
    fn data<D: Buf>(&mut self, _: &D) {}

    /// The response has ended, with trailers or without.
    #[doc(hidden)]
    fn complete(&mut self, trailers: Option<&HeaderMap>, operation: &mut Operation) -> Outcome;

    /// The service or the body has failed; `error_type` is what HTTP would say about that.
    #[doc(hidden)]
    fn failed(
        &mut self,
        error: &(dyn Any + 'static),
        error_type: Cow<'static, str>,
        operation: &mut Operation,
    ) -> Outcome;

    /// Whoever waited for the response, or for the rest of it, is gone.
    #[doc(hidden)]
    fn dropped(&mut self, operation: &mut Operation) -> Outcome;
}

/// HTTP: the status code says it all.
#[derive(Debug)]
pub struct Http {
    side: Side,
    asked: Asked,
    status: Option<StatusCode>,
}

/// The methods whose responses have no body of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Head,
    Connect,
    Other,
}

impl Http {
    pub(super) fn new(side: Side, method: &Method) -> Self {
        let asked = match *method {
            Method::HEAD => Asked::Head,
            Method::CONNECT => Asked::Connect,
            _ => Asked::Other,
        };
        Self { side, asked, status: None }
    }

    fn outcome(&self) -> Outcome {
        self.status.map_or(Outcome::Cancelled, |status| Outcome::Http(status.as_u16()))
    }
}

impl super::sealed::Sealed for Http {}

impl Protocol for Http {
    fn side(&self) -> Side {
        self.side
    }

    fn head(&mut self, response: &ResponseHead<'_>, operation: &mut Operation) {
        self.status = Some(response.status);
        let version = (self.side == Side::Caller).then(|| version_name(response.version));
        let version = version.flatten();
        operation.label(|labels| {
            let status = i64::from(response.status.as_u16());
            labels.number(names::HTTP_RESPONSE_STATUS_CODE, status);
            if let Some(version) = version {
                labels.fixed(names::NETWORK_PROTOCOL_VERSION, version);
            }
        });
        if !operation.is_recording() {
            return;
        }
        let status = i64::from(response.status.as_u16());
        let status = KeyValue::new(names::HTTP_RESPONSE_STATUS_CODE, status);
        match version {
            Some(version) => {
                operation.set([status, KeyValue::new(names::NETWORK_PROTOCOL_VERSION, version)]);
            }
            None => operation.set_one(status),
        }
    }

    /// Nobody reads a body: there is none, or the connection is no longer HTTP.
    fn is_over(&self) -> bool {
        let Some(status) = self.status else { return false };
        let bare = matches!(
            status,
            StatusCode::SWITCHING_PROTOCOLS | StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
        let tunnel = self.asked == Asked::Connect && status.is_success();
        bare || tunnel || self.asked == Asked::Head
    }

    fn length(&self, headers: &HeaderMap) -> Option<u64> {
        content_length(headers)
    }

    fn complete(&mut self, _: Option<&HeaderMap>, _: &mut Operation) -> Outcome {
        self.outcome()
    }

    fn failed(
        &mut self,
        _: &(dyn Any + 'static),
        error_type: Cow<'static, str>,
        _: &mut Operation,
    ) -> Outcome {
        Outcome::error(error_type)
    }

    /// A client that leaves the rest of a body unread has what it wants; on a server somebody is
    /// still waiting for it, unless the response is an error anyway.
    fn dropped(&mut self, _: &mut Operation) -> Outcome {
        let outcome = self.outcome();
        let settled = self.side == Side::Caller || outcome.is_error(self.side);
        if settled { outcome } else { Outcome::Cancelled }
    }
}

pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    // There are few headers, and looking for one costs less than the hash of its name.
    let (_, length) = headers.iter().find(|(name, _)| **name == CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}
