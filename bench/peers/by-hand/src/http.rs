//! A response and its body below a span: what servers and clients have in common.

use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use http::header::CONTENT_LENGTH;
use http::{Method, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use opentelemetry::KeyValue;
use pin_project_lite::pin_project;

use crate::{Side, Span, grpc};

pin_project! {
    /// Its span is current in every poll and in its drop, and goes on with the body.
    pub struct ResponseFuture<F> {
        #[pin]
        inner: Option<F>,
        span: Span,
        protocol: Protocol,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.inner.is_some() {
                let guard = this.span.enter();
                this.inner.set(None);
                drop(guard);
            }
            if *this.protocol == Protocol::Grpc {
                grpc::cancel(this.span);
            }
        }
    }
}

pin_project! {
    /// Its span is current in every poll and in its drop, and ends with the last frame.
    pub struct Traced<B> {
        #[pin]
        inner: Option<B>,
        span: Span,
        protocol: Protocol,
        status: StatusCode,
        // What is to come of the length that the head promises.
        left: Option<u64>,
    }

    impl<B> PinnedDrop for Traced<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.inner.is_some() {
                let guard = this.span.enter();
                this.inner.set(None);
                drop(guard);
            }
            if *this.protocol == Protocol::Grpc {
                grpc::cancel(this.span);
            }
        }
    }
}

/// What says how a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The status in the head.
    Http {
        /// Of a response to `HEAD` or `CONNECT` nobody reads the body.
        has_no_body: bool,
    },
    /// The status in the trailers, or in a head without them.
    Grpc,
}

impl Protocol {
    /// HTTP with this method.
    #[inline]
    pub fn http(method: &Method) -> Self {
        Self::Http { has_no_body: matches!(*method, Method::HEAD | Method::CONNECT) }
    }
}

impl<F> ResponseFuture<F> {
    /// What was called below this span. Where it is made it stays: a move costs as much as the span's start.
    #[inline(always)]
    pub fn new(inner: F, span: Span, protocol: Protocol) -> Self {
        Self { inner: Some(inner), span, protocol }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<Traced<B>>, E>;

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let guard = this.span.enter();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let result = ready!(inner.poll(task));
        this.inner.set(None);
        drop(guard);
        Poll::Ready(match result {
            Ok(response) => Ok(wrap(response, this.span.take(), *this.protocol)),
            Err(error) => {
                if *this.protocol == Protocol::Grpc {
                    grpc::cancel(this.span);
                }
                this.span.end(Some(std::any::type_name::<E>()));
                Err(error)
            }
        })
    }
}

/// Hands the span on to the body, unless nothing will come.
#[inline]
fn wrap<B: Body>(response: Response<B>, mut span: Span, protocol: Protocol) -> Response<Traced<B>> {
    let status = response.status();
    let mut left = None;
    match protocol {
        Protocol::Http { has_no_body } => {
            set_status(&response, &span);
            let has_no_body = has_no_body
                || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
                || status.is_informational();
            // There are few fields, and looking for one costs less than the hash of its name.
            let length = response.headers().iter().find(|(name, _)| **name == CONTENT_LENGTH);
            left = length.and_then(|(_, length)| length.to_str().ok()?.parse().ok());
            if has_no_body || left == Some(0) || response.body().is_end_stream() {
                span.end(error_of(status, span.side()));
            }
        }
        Protocol::Grpc => {
            if grpc::code_of(response.headers()).is_some() || response.body().is_end_stream() {
                grpc::end(&mut span, Some(response.headers()));
            }
        }
    }
    response.map(|inner| Traced { inner: Some(inner), span, protocol, status, left })
}

#[inline]
fn set_status<B>(response: &Response<B>, span: &Span) {
    if span.is_recorded() {
        let code = i64::from(response.status().as_u16());
        let code = KeyValue::new("http.response.status_code", code);
        match span.side() {
            Side::Server => span.set_one(code),
            Side::Client => {
                let version = version_name(response.version());
                span.set([code, KeyValue::new("network.protocol.version", version)]);
            }
        }
    }
}

impl<B: Body> Body for Traced<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        use bytes::Buf as _;

        let mut this = self.project();
        let Some(mut inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        let guard = this.span.enter();
        let polled = ready!(inner.as_mut().poll_frame(task));
        let is_last = match &polled {
            Some(Ok(frame)) => frame.is_trailers() || inner.is_end_stream(),
            _ => true,
        };
        if is_last {
            this.inner.set(None);
        }
        drop(guard);
        let read = match &polled {
            Some(Ok(frame)) => frame.data_ref().map_or(0, |data| data.remaining() as u64),
            _ => 0,
        };
        *this.left = this.left.map(|left| left.saturating_sub(read));
        // Whoever has read as far as the length says may not ask for more.
        if is_last || *this.left == Some(0) {
            let trailers = match &polled {
                Some(Ok(frame)) => frame.trailers_ref(),
                _ => None,
            };
            match this.protocol {
                _ if matches!(polled, Some(Err(_))) => this.span.end(Some("body")),
                Protocol::Http { .. } => this.span.end(error_of(*this.status, this.span.side())),
                Protocol::Grpc => grpc::end(this.span, trailers),
            }
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// `network.protocol.version`.
pub fn version_name(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

/// The `error.type` of a status code that is an error to this side.
#[inline]
fn error_of(status: StatusCode, side: Side) -> Option<&'static str> {
    let first = if side == Side::Server { 500 } else { 400 };
    (status.as_u16() >= first).then(|| name_of(status))
}

/// A code without an allocation, as there are few of them.
#[cold]
fn name_of(status: StatusCode) -> &'static str {
    static NAMES: crate::Kept<&str> = crate::Kept::new();
    NAMES
        .get(status.as_str().as_bytes(), |code| {
            Some(String::from_utf8_lossy(code).into_owned().leak())
        })
        .unwrap_or("_OTHER")
}
