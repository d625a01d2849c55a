//! A future that runs with its operation current.

use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use pin_project_lite::pin_project;

use super::Operation;

pin_project! {
    /// The future of [`Operation::run`].
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct Run<'a, F> {
        operation: &'a Operation,
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Run<'_, F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                let _entered = this.operation.enter();
                this.future.set(None);
            }
        }
    }
}

impl<'a, F> Run<'a, F> {
    pub(super) fn new(operation: &'a Operation, future: F) -> Self {
        Self { operation, future: Some(future) }
    }
}

impl<F: Future> Future for Run<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let _entered = this.operation.enter();
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Pending };
        let output = ready!(future.poll(task));
        // What it still holds goes while the operation is current.
        this.future.set(None);
        Poll::Ready(output)
    }
}
