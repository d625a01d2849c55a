//! Messages that the broker pushes.

use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::delivery::{Delivery, Origin};

/// A stream of messages, as `lapin::Consumer` is, to which it dereferences.
///
/// The processing of a message starts when the stream yields it; what the driver has fetched ahead
/// is not processed yet.
#[derive(Clone, Debug)]
pub struct Consumer {
    inner: lapin::Consumer,
    origin: Origin,
}

/// What a delegate is given: a message, `None` when the consumer was cancelled, or why it failed.
pub type DeliveryResult = lapin::Result<Option<Delivery>>;

impl Consumer {
    pub(super) fn new(inner: lapin::Consumer, origin: Origin) -> Self {
        Self { inner, origin }
    }

    /// Hands every message to a function on a task of its own, as `lapin::Consumer::set_delegate`
    /// does, with the message's span current in the call, every poll, and the drop of its future.
    pub fn set_delegate<F>(&self, delegate: impl Fn(DeliveryResult) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let origin = self.origin.clone();
        let delegate = Arc::new(delegate);
        self.inner.set_delegate(move |result: lapin::message::DeliveryResult| {
            let (origin, delegate) = (origin.clone(), delegate.clone());
            async move {
                match result {
                    // Processing begins on the task, where there is a runtime to keep time.
                    Ok(Some(delivery)) => {
                        let work = async |delivery| delegate(Ok(Some(delivery))).await;
                        origin.deliver(delivery).process(work).await;
                    }
                    Ok(None) => delegate(Ok(None)).await,
                    Err(error) => delegate(Err(error)).await,
                }
            }
        });
    }
}

impl Stream for Consumer {
    type Item = lapin::Result<Delivery>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        Pin::new(&mut this.inner)
            .poll_next(task)
            .map(|next| next.map(|result| result.map(|delivery| this.origin.deliver(delivery))))
    }
}

impl Deref for Consumer {
    type Target = lapin::Consumer;

    fn deref(&self) -> &lapin::Consumer {
        &self.inner
    }
}
