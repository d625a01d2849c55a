//! A response body that ends the operation.

use std::borrow::Cow;
use std::pin::Pin;
use std::task::{Context as Task, Poll};

use bytes::Buf;
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;

use super::error::{ErrorType, any_error_type};
use super::{Http, Protocol};
use crate::measure::Slot;
use crate::span::Operation;

pin_project! {
    /// Body of a response that passed a server or a client layer.
    ///
    /// The operation is current whenever the body is polled or dropped, and ends with it: after the
    /// last frame, with an error, or when the body is dropped. What says that it has ended is dropped
    /// there and then.
    #[derive(Debug)]
    pub struct Body<B, P: Protocol = Http> {
        #[pin]
        inner: Option<B>,
        tracked: Option<Tracked<P>>,
    }

    impl<B, P: Protocol> PinnedDrop for Body<B, P> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.inner.is_some() {
                let entered = this.tracked.as_ref().map(|tracked| tracked.operation.enter());
                this.inner.set(None);
                drop(entered);
            }
            if let Some(tracked) = this.tracked {
                tracked.drop_body();
            }
        }
    }
}

/// The operation of a body, and the rules by which it ends.
#[derive(Debug)]
pub(super) struct Tracked<P> {
    pub(super) operation: Operation,
    pub(super) protocol: P,
    /// The body has ended, so nothing more runs when it is polled.
    pub(super) ended: bool,
    pub(super) error_type: ErrorType,
    /// What is still to come of the length that the head promises. A server writes no more than
    /// that, so it may not ask whether there is more.
    pub(super) left: Option<u64>,
}

impl<P: Protocol> Tracked<P> {
    /// Counts a frame, and says whether it is the last that anybody will ask for.
    fn is_last<D: Buf>(&mut self, frame: &Frame<D>) -> bool {
        if let Some(data) = frame.data_ref() {
            self.protocol.data(data);
            if self.operation.measurement().is_on() {
                self.operation.measurement().count(Slot::Response, data.remaining() as u64);
            }
            self.left = self.left.map(|left| left.saturating_sub(data.remaining() as u64));
        }
        frame.is_trailers() || self.left == Some(0)
    }

    /// The body is gone, and the operation with it unless it has ended.
    fn drop_body(&mut self) {
        if self.operation.is_unfinished() {
            let outcome = self.protocol.dropped(&mut self.operation);
            self.operation.end(outcome);
        }
    }
}

impl<B, P: Protocol> Body<B, P> {
    pub(super) fn new(inner: B, tracked: Option<Tracked<P>>) -> Self {
        Self { inner: Some(inner), tracked }
    }
}

impl<B: http_body::Body, P: Protocol> http_body::Body for Body<B, P>
where
    B::Error: 'static,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let Some(mut inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        let Some(tracked) = this.tracked.as_mut().filter(|tracked| !tracked.ended) else {
            return inner.poll_frame(task);
        };
        let entered = tracked.operation.enter();
        let polled = inner.as_mut().poll_frame(task);
        tracked.ended = match &polled {
            Poll::Ready(Some(Ok(frame))) => frame.is_trailers() || inner.is_end_stream(),
            Poll::Ready(_) => true,
            Poll::Pending => false,
        };
        if tracked.ended {
            this.inner.set(None);
        }
        drop(entered);
        let trailers = match &polled {
            Poll::Pending => return polled,
            Poll::Ready(Some(Ok(frame))) => {
                // Whoever has read as far as the length says may not poll again.
                if !tracked.is_last(frame) && !tracked.ended {
                    return polled;
                }
                Ok(frame.trailers_ref())
            }
            Poll::Ready(Some(Err(error))) => Err(error),
            Poll::Ready(None) => Ok(None),
        };
        let Tracked { operation, protocol, error_type, .. } = tracked;
        if operation.is_unfinished() {
            let outcome = match trailers {
                Ok(trailers) => protocol.complete(trailers, operation),
                Err(error) => {
                    let known = any_error_type(error, *error_type);
                    protocol.failed(error, known.unwrap_or(Cow::Borrowed("body")), operation)
                }
            };
            operation.end(outcome);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(B::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), B::size_hint)
    }
}

impl<B: Default, P: Protocol> Default for Body<B, P> {
    fn default() -> Self {
        Self::new(B::default(), None)
    }
}
