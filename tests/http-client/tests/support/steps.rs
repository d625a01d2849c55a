//! An inner service that takes its time and says where it runs.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as Task, Poll};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::{Body, Frame};
use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt};
use tower::Service;

/// Where a piece of work ran: its name, and the span that was current.
type Log = Arc<Mutex<Vec<(&'static str, SpanId)>>>;

/// Pends `pends` times before the head and before each of three frames.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps {
    pends: usize,
    status: StatusCode,
    panics_in: &'static str,
    log: Log,
}

impl Steps {
    pub(crate) fn pends(mut self, times: usize) -> Self {
        self.pends = times;
        self
    }

    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn panics_in(mut self, place: &'static str) -> Self {
        self.panics_in = place;
        self
    }

    pub(crate) fn log(&self) -> Vec<(&'static str, SpanId)> {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn here(&self, place: &'static str) {
        let current = Context::current().span().span_context().span_id();
        self.log.lock().unwrap().push((place, current));
        assert!(place != self.panics_in, "told to");
    }

    pub(crate) fn answer(&self) -> Answer {
        Answer { steps: self.clone(), pended: 0 }
    }
}

impl<R> Service<R> for Steps {
    type Response = Response<Frames>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Task<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: R) -> Answer {
        self.here("call");
        self.answer()
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    steps: Steps,
    pended: usize,
}

impl Future for Answer {
    type Output = Result<Response<Frames>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        self.steps.here("poll");
        if self.pended < self.steps.pends {
            self.pended += 1;
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut response = Response::new(Frames { steps: self.steps.clone(), pended: 0, left: 3 });
        *response.status_mut() = self.steps.status;
        Poll::Ready(Ok(response))
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.steps.here("future dropped");
        }
    }
}

#[derive(Debug)]
pub(crate) struct Frames {
    steps: Steps,
    pended: usize,
    left: usize,
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.steps.here("poll_frame");
        if self.pended < self.steps.pends {
            self.pended += 1;
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.pended = 0;
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"frame")))))
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.steps.here("body dropped");
        }
    }
}
