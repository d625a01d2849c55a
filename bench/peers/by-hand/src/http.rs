//! A response and its body below a span: what servers and clients have in common.

use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use http::header::CONTENT_LENGTH;
use http::{Method, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use opentelemetry::KeyValue;
use pin_project_lite::pin_project;

use crate::{Side, Span};

pin_project! {
    /// Its span is current in every poll and in its drop, and goes on with the body.
    pub struct ResponseFuture<F> {
        #[pin]
        inner: Option<F>,
        span: Span,
        has_no_body: bool,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.inner.is_some() {
                let guard = this.span.enter();
                this.inner.set(None);
                drop(guard);
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
        status: StatusCode,
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
        }
    }
}

/// Whether a response to this method has a body that says nothing of its end.
#[inline]
pub fn has_no_body(method: &Method) -> bool {
    matches!(*method, Method::HEAD | Method::CONNECT)
}

impl<F> ResponseFuture<F> {
    /// What `call` calls, below this span.
    #[inline]
    pub fn new(span: Span, has_no_body: bool, call: impl FnOnce() -> F) -> Self {
        let guard = span.enter();
        let inner = Some(call());
        drop(guard);
        Self { inner, span, has_no_body }
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
            Ok(response) => Ok(wrap(response, this.span.take(), *this.has_no_body)),
            Err(error) => {
                this.span.end(Some(std::any::type_name::<E>()));
                Err(error)
            }
        })
    }
}

/// Hands the span on to the body, unless nothing will come.
#[inline]
fn wrap<B: Body>(response: Response<B>, mut span: Span, has_no_body: bool) -> Response<Traced<B>> {
    let status = response.status();
    if span.is_recorded() {
        let code = KeyValue::new("http.response.status_code", i64::from(status.as_u16()));
        match span.side() {
            Side::Server => span.set([code]),
            Side::Client => {
                let version = version_name(response.version());
                span.set([code, KeyValue::new("network.protocol.version", version)]);
            }
        }
    }
    let has_no_body = has_no_body
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || status.is_informational();
    // There are few fields, and looking for one costs less than the hash of its name.
    let length = response.headers().iter().find(|(name, _)| **name == CONTENT_LENGTH);
    let left = length.and_then(|(_, length)| length.to_str().ok()?.parse().ok());
    if has_no_body || left == Some(0) || response.body().is_end_stream() {
        span.end(error_of(status, span.side()));
    }
    response.map(|inner| Traced { inner: Some(inner), span, status, left })
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
        let error = error_of(*this.status, this.span.side());
        match &polled {
            Some(Err(_)) => this.span.end(Some("body")),
            _ if is_last => this.span.end(error),
            Some(Ok(frame)) => {
                // Whoever has read as far as the length says may not ask for more.
                let length = frame.data_ref().map_or(0, |data| data.remaining() as u64);
                *this.left = this.left.map(|left| left.saturating_sub(length));
                if *this.left == Some(0) {
                    this.span.end(error);
                }
            }
            None => {}
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
