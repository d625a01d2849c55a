//! A command on its way.

use std::pin::Pin;
use std::task::{Context, Poll};

use redis::{RedisFuture, RedisResult};

use super::connection::Opened;
use super::reply::{Reply, finish};
use crate::span::Operation;

/// The driver's future and the operation that is current in its polls and in its drop.
///
/// The interface of the driver returns boxed futures, so this one lies in a second box: the only
/// allocation that recording a command costs beyond those of the span itself.
pub(super) struct InFlight<'a, T> {
    /// Before `operation`, which outlives it.
    future: Option<RedisFuture<'a, T>>,
    operation: Option<Operation>,
    is_read: bool,
}

impl<'a, T: Reply + 'a> InFlight<'a, T> {
    pub(super) fn start(
        opened: Opened,
        driver: impl FnOnce() -> RedisFuture<'a, T>,
    ) -> RedisFuture<'a, T> {
        let Opened { operation, is_read } = opened;
        let future = {
            let _entered = operation.enter();
            driver()
        };
        Box::pin(Self { future: Some(future), operation: Some(operation), is_read })
    }
}

impl<T: Reply> Future for InFlight<'_, T> {
    type Output = RedisResult<T>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<RedisResult<T>> {
        let this = self.get_mut();
        let (Some(future), Some(operation)) = (&mut this.future, &this.operation) else {
            return Poll::Pending;
        };
        let result = {
            let _entered = operation.enter();
            let polled = future.as_mut().poll(task);
            if polled.is_ready() {
                this.future = None;
            }
            std::task::ready!(polled)
        };
        if let Some(operation) = this.operation.take() {
            finish(operation, &result, this.is_read);
        }
        Poll::Ready(result)
    }
}

impl<T> Drop for InFlight<'_, T> {
    fn drop(&mut self) {
        if let (Some(operation), Some(future)) = (&self.operation, self.future.take()) {
            let _entered = operation.enter();
            drop(future);
        }
    }
}
