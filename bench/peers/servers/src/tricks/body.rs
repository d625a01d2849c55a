//! A body with which a span ends.

use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Response, StatusCode};
use http_body::{Frame, SizeHint};

use super::{Span, error_of};

/// Its span is current in every poll and in its drop, and ends with the last frame.
pub(crate) struct Traced {
    inner: Option<Body>,
    span: Span,
    status: StatusCode,
    /// What is to come of the length that the head promises: nobody polls for more.
    left: Option<u64>,
}

/// Hands the span on to the body, unless nothing will come.
pub(super) fn wrap(
    response: Response<Body>,
    mut span: Span,
    has_no_body: bool,
) -> Response<Traced> {
    let status = response.status();
    let left = response.headers().get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
    if has_no_body || left == Some(0) || response.body().is_end_stream() {
        span.end(error_of(status));
    }
    response.map(|inner| Traced { inner: Some(inner), span, status, left })
}

impl HttpBody for Traced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else {
            return Poll::Ready(None);
        };
        let guard = this.span.context.clone().attach();
        let polled = ready!(Pin::new(&mut *inner).poll_frame(task));
        let is_last = match &polled {
            Some(Ok(frame)) => frame.is_trailers() || inner.is_end_stream(),
            _ => true,
        };
        if is_last {
            this.inner = None;
        }
        drop(guard);
        match &polled {
            Some(Err(_)) => this.span.end(Some("body")),
            _ if is_last => this.span.end(error_of(this.status)),
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                this.left = this.left.map(|left| left.saturating_sub(length));
                if this.left == Some(0) {
                    this.span.end(error_of(this.status));
                }
            }
            None => {}
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        if self.inner.is_some() {
            let guard = self.span.context.clone().attach();
            self.inner = None;
            drop(guard);
        }
    }
}
