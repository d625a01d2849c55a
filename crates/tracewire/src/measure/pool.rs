//! Connection pools: what is looked at when somebody collects, and what is timed.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use super::pools::{Pools, Recorders};

/// How a pool stands at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolNumbers {
    pub(super) idle: u64,
    pub(super) used: u64,
    pub(super) pending: u64,
    pub(super) max: Option<u64>,
    pub(super) idle_max: Option<u64>,
    pub(super) idle_min: Option<u64>,
}

/// A pool while somebody has it: its numbers are looked at until this is dropped.
#[derive(Clone)]
pub(crate) struct Pool {
    meter: PoolMeter,
    _numbers: Arc<Numbers>,
}

/// The way to measure what is done with a pool, which does not keep the pool.
#[derive(Clone, Default)]
pub(crate) struct PoolMeter(Option<Arc<Shared>>);

pub(super) type Numbers = dyn Fn() -> PoolNumbers + Send + Sync;

/// What all who use a pool have in common.
pub(super) struct Shared {
    pub(super) name: Arc<str>,
    /// The same for two of these that are the same pool.
    pub(super) identity: Option<usize>,
    pub(super) numbers: Weak<Numbers>,
    pub(super) pending: AtomicI64,
    has_complained: AtomicBool,
    tied: RwLock<Option<Tie>>,
}

/// Where its measurements go.
struct Tie {
    pools: Arc<Pools>,
    recorders: Arc<Recorders>,
}

/// Somebody who waits for a connection of a pool. Dropped, it waits no longer and has none.
#[must_use = "nobody waits when it has been dropped"]
#[derive(Debug)]
pub struct Waiting(Option<Using>);

/// Somebody who has a connection of a pool, until this is dropped.
#[must_use = "the connection counts as given back when it has been dropped"]
#[derive(Debug, Default)]
pub struct InUse {
    /// Records when it is dropped.
    _using: Option<Using>,
}

struct Using {
    shared: Arc<Shared>,
    recorders: Arc<Recorders>,
    since: Instant,
    is_waiting: bool,
}

// === impl PoolNumbers ===

impl PoolNumbers {
    /// So many connections wait for use, and so many are in use.
    pub fn new(idle: u64, used: u64) -> Self {
        Self { idle, used, ..Self::default() }
    }

    /// How many connections there may be.
    #[must_use]
    pub fn max(self, max: u64) -> Self {
        Self { max: Some(max), ..self }
    }

    /// How many wait for a connection, where the pool knows and nobody else counts them.
    #[must_use]
    pub fn pending(self, pending: u64) -> Self {
        Self { pending, ..self }
    }

    /// How many idle connections there may be.
    #[must_use]
    pub fn idle_max(self, max: u64) -> Self {
        Self { idle_max: Some(max), ..self }
    }

    /// How many idle connections are kept.
    #[must_use]
    pub fn idle_min(self, min: u64) -> Self {
        Self { idle_min: Some(min), ..self }
    }
}

// === impl Pool ===

impl Pool {
    pub(crate) fn new(
        name: impl Into<Arc<str>>,
        identity: Option<usize>,
        numbers: impl Fn() -> PoolNumbers + Send + Sync + 'static,
    ) -> Self {
        let numbers: Arc<Numbers> = Arc::new(numbers);
        let shared = Shared {
            name: name.into(),
            identity,
            numbers: Arc::downgrade(&numbers),
            pending: AtomicI64::new(0),
            has_complained: AtomicBool::new(false),
            tied: RwLock::new(None),
        };
        Self { meter: PoolMeter(Some(Arc::new(shared))), _numbers: numbers }
    }

    pub(crate) fn meter(&self) -> &PoolMeter {
        &self.meter
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.meter.fmt(f)
    }
}

// === impl PoolMeter ===

impl PoolMeter {
    /// Has the pool measured there from now on, and nowhere else; nowhere without.
    pub(crate) fn tie(&self, pools: Option<Arc<Pools>>) {
        if let Some(shared) = &self.0 {
            let _ = shared.tie(pools);
        }
    }

    /// Begins to wait for a connection.
    pub(crate) fn wait(&self, pools: Option<Arc<Pools>>) -> Waiting {
        Waiting(self.0.as_ref().and_then(|shared| {
            let recorders = shared.tie(pools)?;
            shared.pending.fetch_add(1, Ordering::Relaxed);
            let shared = shared.clone();
            Some(Using { shared, recorders, since: Instant::now(), is_waiting: true })
        }))
    }

    /// Records how long it took to make a connection.
    pub(crate) fn created(&self, pools: Option<Arc<Pools>>, lasted: Duration) {
        if let Some(recorders) = self.0.as_ref().and_then(|shared| shared.tie(pools)) {
            recorders.created(lasted);
        }
    }
}

impl fmt::Debug for PoolMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.0.as_ref().map(|shared| &shared.name)).finish()
    }
}

impl Shared {
    fn tie(self: &Arc<Self>, pools: Option<Arc<Pools>>) -> Option<Arc<Recorders>> {
        let known = |tied: &Option<Tie>| match (tied, &pools) {
            (Some(tie), Some(pools)) if Arc::ptr_eq(&tie.pools, pools) => {
                Some(Some(tie.recorders.clone()))
            }
            (None, None) => Some(None),
            _ => None,
        };
        if let Some(known) = known(&self.tied.read().unwrap_or_else(PoisonError::into_inner)) {
            return known;
        }
        let mut tied = self.tied.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known(&tied) {
            return known;
        }
        if let Some(old) = tied.take() {
            old.pools.forget(self);
        }
        let pools = pools?;
        let recorders = pools.add(self);
        *tied = Some(Tie { pools, recorders: recorders.clone() });
        Some(recorders)
    }

    /// Says, once, that it has panicked when it was asked for its numbers.
    pub(super) fn complain(&self) {
        if !self.has_complained.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: "tracewire",
                pool = &*self.name,
                "a connection pool panics when it is asked how it stands; it is left out",
            );
        }
    }
}

// === impl Waiting ===

impl Waiting {
    /// There is a connection: records how long that took.
    pub fn obtained(mut self) -> InUse {
        let using = self.0.take().map(|mut using| {
            let now = Instant::now();
            let waited = now.duration_since(using.since);
            using.recorders.waited(waited);
            using.stop_waiting();
            using.since = now;
            using
        });
        InUse { _using: using }
    }

    /// It took too long: counts that.
    pub fn timed_out(self) {
        if let Some(using) = &self.0 {
            using.recorders.timed_out();
        }
    }

    /// For how long, if anybody wants to know.
    pub(crate) fn so_far(&self) -> Option<Duration> {
        self.0.as_ref().map(|using| using.since.elapsed())
    }
}

impl Using {
    fn stop_waiting(&mut self) {
        if std::mem::take(&mut self.is_waiting) {
            self.shared.pending.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Using {
    fn drop(&mut self) {
        if self.is_waiting {
            self.stop_waiting();
        } else {
            self.recorders.used(self.since.elapsed());
        }
    }
}

impl fmt::Debug for Using {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Using").field("pool", &self.shared.name).finish_non_exhaustive()
    }
}
