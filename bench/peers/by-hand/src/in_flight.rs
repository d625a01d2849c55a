//! A future below a span.

use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use opentelemetry::StringValue;
use pin_project_lite::pin_project;

use crate::Span;

pin_project! {
    /// Its span is current in every poll and in its drop, and ends with it.
    pub struct InFlight<F: Future> {
        #[pin]
        inner: Option<F>,
        span: Span,
        // The `error.type` of an output.
        error: fn(&F::Output) -> Option<StringValue>,
    }

    impl<F: Future> PinnedDrop for InFlight<F> {
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

impl<F: Future> InFlight<F> {
    /// What `call` calls, below this span.
    #[inline]
    pub fn new(
        span: Span,
        error: fn(&F::Output) -> Option<StringValue>,
        call: impl FnOnce() -> F,
    ) -> Self {
        let guard = span.enter();
        let inner = Some(call());
        drop(guard);
        Self { inner, span, error }
    }
}

impl<F: Future> Future for InFlight<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let guard = this.span.enter();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let output = ready!(inner.poll(task));
        this.inner.set(None);
        drop(guard);
        if let Some(error) = (this.error)(&output) {
            this.span.fail(error);
        }
        this.span.end(None);
        Poll::Ready(output)
    }
}
