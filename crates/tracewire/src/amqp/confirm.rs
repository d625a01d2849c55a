//! A publish that waits for the broker's confirm.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lapin::Confirmation;

use super::error::published;
use crate::span::Operation;

/// The broker's answer to a publish, which ends its span; made by
/// [`Channel::basic_publish`](super::Channel::basic_publish).
///
/// Dropped before the answer has come it ends without an error, and `wait_for_confirms` waits for
/// the answer.
#[must_use = "what the broker says of the message is only known when this is awaited"]
#[derive(Debug)]
pub struct PublisherConfirm {
    inner: lapin::PublisherConfirm,
    operation: Option<Operation>,
}

impl PublisherConfirm {
    pub(super) fn new(inner: lapin::PublisherConfirm, operation: Option<Operation>) -> Self {
        Self { inner, operation }
    }
}

impl Future for PublisherConfirm {
    type Output = lapin::Result<Confirmation>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let confirmation = {
            let _entered = this.operation.as_ref().map(Operation::enter);
            ready!(Pin::new(&mut this.inner).poll(task))
        };
        if let Some(operation) = this.operation.take() {
            operation.finish(published(&confirmation));
        }
        Poll::Ready(confirmation)
    }
}
