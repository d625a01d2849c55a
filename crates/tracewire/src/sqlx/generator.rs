//! A stream written as an `async` block, for streams that borrow from what they own.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as Task, Poll};

use futures_core::Stream;
use pin_project_lite::pin_project;

/// Where the block puts each item.
pub(super) struct Slot<T>(Arc<Mutex<Option<T>>>);

pin_project! {
    /// The stream of what a block puts into its slot. It ends with the block, which is dropped at
    /// once, with all it holds.
    pub(super) struct Generator<F, T> {
        #[pin]
        block: Option<F>,
        slot: Slot<T>,
    }
}

impl<F, T> Generator<F, T> {
    pub(super) fn new(block: impl FnOnce(Slot<T>) -> F) -> Self {
        let slot = Slot(Arc::new(Mutex::new(None)));
        Self { block: Some(block(Slot(slot.0.clone()))), slot }
    }
}

impl<T> Slot<T> {
    /// Hands an item out and waits until it has been taken. To be awaited by the block itself.
    pub(super) async fn put(&self, item: T) {
        self.set(Some(item));
        let mut taken = false;
        // The stream sees the item in the same poll, so nothing has to wake it.
        poll_fn(|_| match std::mem::replace(&mut taken, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }

    fn set(&self, item: Option<T>) -> Option<T> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), item)
    }
}

impl<F, T, E> Stream for Generator<F, T>
where
    F: Future<Output = Result<(), E>>,
{
    type Item = Result<T, E>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let Some(block) = this.block.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        match block.poll(task) {
            Poll::Pending => match this.slot.set(None) {
                Some(item) => Poll::Ready(Some(Ok(item))),
                None => Poll::Pending,
            },
            Poll::Ready(result) => {
                this.block.set(None);
                Poll::Ready(result.err().map(Err))
            }
        }
    }
}
