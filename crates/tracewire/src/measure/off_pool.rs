//! Pools are not measured.

use std::sync::Arc;
use std::time::Duration;

/// Never there.
#[derive(Debug)]
pub(crate) enum Pools {}

/// What would be looked at.
#[derive(Debug)]
pub(crate) struct PoolNumbers;

#[derive(Clone, Debug)]
pub(crate) struct Pool(PoolMeter);

#[derive(Clone, Debug, Default)]
pub(crate) struct PoolMeter {}

#[derive(Debug)]
pub(crate) struct Waiting;

#[derive(Debug, Default)]
pub(crate) struct InUse {}

impl PoolNumbers {
    pub(crate) fn new(_: u64, _: u64) -> Self {
        Self
    }

    pub(crate) fn max(self, _: u64) -> Self {
        self
    }

    pub(crate) fn idle_max(self, _: u64) -> Self {
        self
    }

    pub(crate) fn idle_min(self, _: u64) -> Self {
        self
    }
}

impl Pool {
    pub(crate) fn new(
        _: impl Into<Arc<str>>,
        _: Option<usize>,
        _: impl Fn() -> PoolNumbers + Send + Sync + 'static,
    ) -> Self {
        Self(PoolMeter {})
    }

    pub(crate) fn meter(&self) -> &PoolMeter {
        &self.0
    }
}

impl PoolMeter {
    pub(crate) fn tie(&self, _: Option<Arc<Pools>>) {}

    #[inline]
    pub(crate) fn wait(&self, _: Option<Arc<Pools>>) -> Waiting {
        Waiting
    }

    pub(crate) fn created(&self, _: Option<Arc<Pools>>, _: Duration) {}
}

impl Waiting {
    #[inline]
    pub(crate) fn obtained(self) -> InUse {
        InUse {}
    }

    #[inline]
    pub(crate) fn timed_out(self) {}

    #[inline]
    pub(crate) fn so_far(&self) -> Option<Duration> {
        None
    }
}
