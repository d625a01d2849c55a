//! How much is kept, and what became of the rest.

/// How much a [`Store`](super::Store) keeps. A limit of zero counts as one.
///
/// ```
/// use tracewire_cli::{Limits, Store};
///
/// let store = Store::new(Limits::default().traces(100));
/// assert_eq!(store.limits().traces, 100);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The number of traces; 10 000 unless set.
    pub traces: usize,
    /// The number of spans over all traces; 200 000 unless set.
    pub spans: usize,
    /// About the bytes of memory over all traces; 256 MiB unless set.
    pub bytes: usize,
}

/// What a [`Store`](super::Store) holds and what became of the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Traces held.
    pub traces: usize,
    /// Spans held.
    pub spans: usize,
    /// About the bytes held.
    pub bytes: usize,
    /// Spans that came in, the following ones included.
    pub received: u64,
    /// Spans that took the place of one with the same ids.
    pub replaced: u64,
    /// Spans turned away because their own trace alone was at a limit.
    pub refused: u64,
    /// Traces given up to make room.
    pub evicted_traces: u64,
    /// Spans given up with them.
    pub evicted_spans: u64,
}

// === impl Limits ===

impl Limits {
    /// Sets the number of traces.
    #[must_use]
    pub fn traces(mut self, traces: usize) -> Self {
        self.traces = traces;
        self
    }

    /// Sets the number of spans over all traces.
    #[must_use]
    pub fn spans(mut self, spans: usize) -> Self {
        self.spans = spans;
        self
    }

    /// Sets about how many bytes of memory all traces take.
    #[must_use]
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { traces: 10_000, spans: 200_000, bytes: 256 << 20 }
    }
}
