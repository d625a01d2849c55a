//! Bodies and futures that behave in every way that is allowed, and in some that are not.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::mark;
use tracewire::test::Capture;

/// What a [`Script`] does in one poll.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Data(&'static str),
    Trailers,
    Pending,
    Fail,
    Panic,
    /// Starts and ends a span, then gives data.
    Span(&'static str),
    /// Waits for ever.
    Hang,
}

/// A body that follows a script; after its last step it has ended.
pub(crate) struct Script {
    steps: std::vec::IntoIter<Step>,
    /// Whether it tells its length and its end.
    exact: bool,
    ended: bool,
    capture: Capture,
    on_drop: Option<&'static str>,
}

impl Script {
    pub(crate) fn new(capture: &Capture, steps: impl Into<Vec<Step>>) -> Self {
        Self {
            steps: steps.into().into_iter(),
            exact: false,
            ended: false,
            capture: capture.clone(),
            on_drop: None,
        }
    }

    /// Tells its length and knows when it is at its end; it must not be polled after that.
    pub(crate) fn exact(mut self) -> Self {
        self.exact = true;
        self
    }

    /// Makes a span when it is dropped.
    pub(crate) fn marks_drop(mut self, name: &'static str) -> Self {
        self.on_drop = Some(name);
        self
    }

    fn left(&self) -> u64 {
        let length = |step: &Step| match step {
            Step::Data(text) | Step::Span(text) => text.len(),
            _ => 0,
        };
        self.steps.as_slice().iter().map(length).sum::<usize>() as u64
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        assert!(!(self.exact && self.is_end_stream()), "polled after its end");
        let Some(step) = self.steps.next() else {
            assert!(!self.ended, "polled after its end");
            self.ended = true;
            return Poll::Ready(None);
        };
        Poll::Ready(Some(match step {
            Step::Data(text) => Ok(Frame::data(Bytes::from_static(text.as_bytes()))),
            Step::Span(name) => {
                mark(&self.capture, name);
                Ok(Frame::data(Bytes::from_static(name.as_bytes())))
            }
            Step::Trailers => {
                let mut fields = HeaderMap::new();
                fields.insert("x-checksum", "1".parse().unwrap());
                Ok(Frame::trailers(fields))
            }
            Step::Fail => Err(std::io::ErrorKind::ConnectionReset.into()),
            Step::Panic => panic!("the body panics"),
            Step::Pending => {
                task.waker().wake_by_ref();
                return Poll::Pending;
            }
            Step::Hang => {
                self.steps = vec![Step::Hang].into_iter();
                return Poll::Pending;
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.exact && self.steps.as_slice().is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if self.exact { SizeHint::with_exact(self.left()) } else { SizeHint::default() }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if let Some(name) = self.on_drop {
            mark(&self.capture, name);
        }
    }
}
