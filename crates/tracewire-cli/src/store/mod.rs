//! The last traces, in memory, within limits.

mod limits;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

pub use limits::{Limits, Stats};
use state::State;

use crate::span::{Span, TraceId};
use crate::trace::Trace;

/// Keeps spans by trace, oldest trace out first; a cheap handle, clone it freely.
///
/// Spans may come in any order and any number of times: a span with the ids of an earlier one replaces it, a late one
/// joins its trace (or starts it anew, if the trace has been evicted).
///
/// ```
/// use std::time::Duration;
/// use tracewire_cli::{Span, SpanId, Store, TraceId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let store = Store::default();
/// let id = TraceId::from(1);
///
/// let sender = store.clone();
/// tokio::spawn(async move { sender.add([Span::new(id, SpanId::from(1), "GET /")]) });
///
/// let trace = store.wait_for(|store| store.trace(id), Duration::from_secs(5)).await;
/// assert_eq!(trace.map(|trace| trace.len()), Some(1));
/// # }
/// ```
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    limits: Limits,
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

// === impl Store ===

impl Store {
    /// An empty store with these limits.
    pub fn new(limits: Limits) -> Self {
        Self {
            inner: Arc::new(Inner {
                limits,
                state: Mutex::default(),
                changed: watch::Sender::new(()),
            }),
        }
    }

    /// Keeps spans, evicting the oldest other traces where there is no room.
    ///
    /// Returns how many were refused: spans of a trace that is at a limit all by itself.
    pub fn add(&self, spans: impl IntoIterator<Item = Span>) -> usize {
        let mut resource = None;
        let charge = |span: Span| {
            // Spans of one export share their resource; its memory is charged to the first of them.
            let shared = resource.as_ref().is_some_and(|last| Arc::ptr_eq(last, &span.resource));
            let bytes = span.size() + if shared { 0 } else { span.resource.size() };
            resource = Some(Arc::clone(&span.resource));
            (Arc::new(span), bytes)
        };
        // The caller's iterator is not run under the lock.
        let spans: Vec<_> = spans.into_iter().map(charge).collect();
        let (mut added, mut refused) = (0_usize, 0);
        let mut state = self.lock();
        for (span, bytes) in spans {
            match state.add(span, bytes, &self.inner.limits) {
                true => added += 1,
                false => refused += 1,
            }
        }
        drop(state);
        if added > 0 {
            self.inner.changed.send_replace(());
        }
        refused
    }

    /// One trace, assembled from what has come so far.
    pub fn trace(&self, id: TraceId) -> Option<Trace> {
        let spans = self.lock().spans(id)?;
        Some(Trace::new(id, spans))
    }

    /// All traces, in the order in which each was first heard of.
    pub fn traces(&self) -> Vec<Trace> {
        let state = self.lock();
        let spans: Vec<_> = state.ids().filter_map(|id| Some((id, state.spans(id)?))).collect();
        drop(state);
        spans.into_iter().map(|(id, spans)| Trace::new(id, spans)).collect()
    }

    /// The ids of all traces, in the order in which each was first heard of.
    pub fn trace_ids(&self) -> Vec<TraceId> {
        self.lock().ids().collect()
    }

    /// The other traces in which a span links to this one, as a message's consumer does to its producer.
    pub fn linked(&self, id: TraceId) -> Vec<Trace> {
        let state = self.lock();
        let ids: Vec<_> =
            state.ids().filter(|other| *other != id && state.links(*other, id)).collect();
        drop(state);
        ids.into_iter().filter_map(|id| self.trace(id)).collect()
    }

    /// What is held, and what was replaced, refused and evicted.
    pub fn stats(&self) -> Stats {
        self.lock().stats()
    }

    /// How much is kept.
    pub fn limits(&self) -> Limits {
        self.inner.limits
    }

    /// Forgets every trace; the counters of [`Stats`] go on.
    pub fn clear(&self) {
        self.lock().clear();
        self.inner.changed.send_replace(());
    }

    /// Waits until the condition yields something, or for `timeout`; then `None`.
    ///
    /// The condition is asked at once and then after each arrival, not at intervals.
    pub async fn wait_for<T>(
        &self,
        mut condition: impl FnMut(&Self) -> Option<T>,
        timeout: Duration,
    ) -> Option<T> {
        let deadline = Instant::now() + timeout;
        let mut changes = self.inner.changed.subscribe();
        loop {
            if let Some(found) = condition(self) {
                return Some(found);
            }
            // The sender lives as long as `self`, so only the deadline can end this.
            timeout_at(deadline, changes.changed()).await.ok()?.ok()?;
        }
    }

    /// Waits until something has arrived and then nothing more for `quiet`; `false` if that takes over `timeout`.
    ///
    /// For the end of a run, when nobody knows how many spans are still in the exporters: choose `quiet` longer than
    /// their interval.
    pub async fn settled(&self, quiet: Duration, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut changes = self.inner.changed.subscribe();
        let anything = |store: &Self| (store.stats().received > 0).then_some(());
        if self.wait_for(anything, timeout).await.is_none() {
            return false;
        }
        loop {
            changes.mark_unchanged();
            let quiet_until = Instant::now() + quiet;
            match timeout_at(quiet_until.min(deadline), changes.changed()).await {
                Ok(_) => {}
                Err(_) => return quiet_until <= deadline,
            }
        }
    }

    /// No foreign code runs under the lock, so it cannot be poisoned half-way through a change.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Store {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
