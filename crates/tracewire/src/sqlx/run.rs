//! Futures and streams that a driver gave, polled and dropped with their operation current.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use futures_core::Stream;
use pin_project_lite::pin_project;
use sqlx_core::database::Database;
use sqlx_core::error::Error;

use super::active::Active;
use super::driver::Item;

pin_project! {
    /// A future with one result.
    pub(super) struct One<F, T, U> {
        #[pin]
        inner: Option<F>,
        active: Active,
        // How many rows the result is.
        rows: fn(&T) -> i64,
        map: fn(T) -> Result<U, Error>,
    }

    impl<F, T, U> PinnedDrop for One<F, T, U> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.inner.is_some() {
                let _entered = this.active.enter();
                this.inner.set(None);
            }
        }
    }
}

impl<F, T, U> One<F, T, U> {
    pub(super) fn new(
        inner: F,
        active: Active,
        rows: fn(&T) -> i64,
        map: fn(T) -> Result<U, Error>,
    ) -> Self {
        Self { inner: Some(inner), active, rows, map }
    }
}

impl<F, T, U> Future for One<F, T, U>
where
    F: Future<Output = Result<T, Error>>,
{
    type Output = Result<U, Error>;

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let (entered, mut counter) = this.active.enter();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let result = ready!(inner.poll(task));
        this.inner.set(None);
        if let Ok(value) = &result {
            counter.returned((this.rows)(value));
        }
        drop(entered);
        let result = result.and_then(this.map);
        this.active.end(result.as_ref().map(drop));
        Poll::Ready(result)
    }
}

pin_project! {
    /// A stream of rows and of results of statements.
    struct Steps<S> {
        #[pin]
        inner: Option<S>,
        active: Active,
    }

    impl<S> PinnedDrop for Steps<S> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.inner.is_some() {
                let _entered = this.active.enter();
                this.inner.set(None);
            }
        }
    }
}

impl<S> Steps<S> {
    /// Polls until `take` makes something of a step, or there are no more.
    fn poll<DB, T>(
        self: Pin<&mut Self>,
        task: &mut Task<'_>,
        mut take: impl FnMut(Item<DB>) -> Option<T>,
    ) -> Poll<Option<Result<T, Error>>>
    where
        DB: Database,
        S: Stream<Item = Result<Item<DB>, Error>>,
    {
        let mut this = self.project();
        let Some(mut inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        // Entered once for all steps that are there already.
        let (entered, mut counter) = this.active.enter();
        let end = loop {
            match ready!(inner.as_mut().poll_next(task)) {
                Some(Ok(step)) => {
                    counter.saw::<DB>(&step);
                    if let Some(taken) = take(step) {
                        return Poll::Ready(Some(Ok(taken)));
                    }
                }
                Some(Err(error)) => break Err(error),
                None => break Ok(()),
            }
        };
        if end.is_ok() {
            this.inner.set(None);
        }
        drop(entered);
        this.active.end(end.as_ref().copied());
        Poll::Ready(end.err().map(Err))
    }
}

pin_project! {
    /// A stream of some of the steps of a statement.
    pub(super) struct Picked<S, DB: Database, T> {
        #[pin]
        steps: Steps<S>,
        pick: fn(Item<DB>) -> Option<T>,
    }
}

impl<S, DB: Database, T> Picked<S, DB, T> {
    pub(super) fn new(inner: S, active: Active, pick: fn(Item<DB>) -> Option<T>) -> Self {
        Self { steps: Steps { inner: Some(inner), active }, pick }
    }
}

impl<S, DB, T> Stream for Picked<S, DB, T>
where
    DB: Database,
    S: Stream<Item = Result<Item<DB>, Error>>,
{
    type Item = Result<T, Error>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        this.steps.poll::<DB, T>(task, this.pick)
    }
}

pin_project! {
    /// A future of all the steps of a statement together.
    pub(super) struct Collected<S, DB: Database, T> {
        #[pin]
        steps: Steps<S>,
        all: T,
        add: fn(&mut T, Item<DB>),
    }
}

impl<S, DB: Database, T: Default> Collected<S, DB, T> {
    pub(super) fn new(inner: S, active: Active, add: fn(&mut T, Item<DB>)) -> Self {
        Self { steps: Steps { inner: Some(inner), active }, all: T::default(), add }
    }
}

impl<S, DB, T> Future for Collected<S, DB, T>
where
    DB: Database,
    S: Stream<Item = Result<Item<DB>, Error>>,
    T: Default,
{
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let gather = |step| -> Option<Infallible> {
            (this.add)(this.all, step);
            None
        };
        match ready!(this.steps.poll::<DB, _>(task, gather)) {
            Some(Err(error)) => Poll::Ready(Err(error)),
            None => Poll::Ready(Ok(std::mem::take(this.all))),
        }
    }
}
