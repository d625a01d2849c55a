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
    operation: Operation,
    is_read: bool,
}

impl<'a, T: Reply + 'a> InFlight<'a, T> {
    pub(super) fn start(
        opened: Opened,
        driver: impl FnOnce() -> RedisFuture<'a, T>,
    ) -> RedisFuture<'a, T> {
        let Opened { operation, is_read } = opened;
        let future = {
            let _entered = operation.enter_at_once();
            driver()
        };
        Box::pin(Self { future: Some(future), operation, is_read })
    }
}

impl<T: Reply> Future for InFlight<'_, T> {
    type Output = RedisResult<T>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<RedisResult<T>> {
        let this = self.get_mut();
        let Some(future) = &mut this.future else {
            return Poll::Pending;
        };
        let result = {
            let _entered = this.operation.enter();
            let polled = future.as_mut().poll(task);
            if polled.is_ready() {
                this.future = None;
            }
            std::task::ready!(polled)
        };
        finish(&mut this.operation, &result, this.is_read);
        Poll::Ready(result)
    }
}

impl<T> Drop for InFlight<'_, T> {
    fn drop(&mut self) {
        if let Some(future) = self.future.take() {
            let _entered = self.operation.enter();
            drop(future);
        }
    }
}
