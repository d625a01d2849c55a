//! Everything that is counted for Prometheus, series by series.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, Weak};

use opentelemetry::KeyValue;

use super::name;
use crate::measure::{Examples, Instrument, Kind, Moment, Pools, Recorder, Reservoir, Sink};
use crate::span;

/// All metrics, by their names.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) examples: Arc<Examples>,
    families: RwLock<Families>,
    pools: Mutex<Vec<Weak<Pools>>>,
}

pub(super) type Families = BTreeMap<String, Family>;

/// The series of one metric.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) instrument: &'static Instrument,
    pub(super) unit: Option<Cow<'static, str>>,
    /// By their labels as they are written.
    pub(super) series: BTreeMap<String, Arc<Series>>,
}

/// One series. Whoever records only ever adds to a few numbers.
#[derive(Debug)]
pub(super) enum Series {
    Histogram(Histogram),
    Counter(AtomicU64),
    UpDown(AtomicI64),
}

#[derive(Debug)]
pub(super) struct Histogram {
    pub(super) bounds: &'static [f64],
    /// One more than there are bounds.
    counts: Box<[AtomicU64]>,
    /// The bits of a fraction.
    sum: AtomicU64,
    exemplars: Reservoir,
}

// === impl Store ===

impl Store {
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Families> {
        self.families.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pools that are to be looked at.
    pub(super) fn pools(&self) -> Vec<Arc<Pools>> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|pools| pools.strong_count() > 0);
        pools.iter().filter_map(Weak::upgrade).collect()
    }
}

impl Sink for Store {
    fn series(
        &self,
        instrument: &'static Instrument,
        attributes: &[KeyValue],
    ) -> Box<dyn Recorder> {
        let (name, unit) = name::of(instrument.name, instrument.unit, instrument.kind.into());
        let labels = labels_of(attributes);
        let mut families = self.families.write().unwrap_or_else(PoisonError::into_inner);
        let family = families.entry(name).or_insert_with(|| {
            let series = BTreeMap::new();
            Family { instrument, unit, series }
        });
        let new = || Arc::new(Series::new(instrument.kind, &self.examples));
        Box::new(family.series.entry(labels).or_insert_with(new).clone())
    }

    fn observe(&self, pools: &Arc<Pools>) {
        let mut all = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::downgrade(pools));
    }
}

/// Attributes as labels, with those that say where the series comes from.
pub(super) fn labels_of(attributes: &[KeyValue]) -> String {
    let mut labels = name::of_labels(attributes);
    let scope = span::source::scope();
    name::push_label(&mut labels, "otel_scope_name", scope.name());
    if let Some(version) = scope.version() {
        name::push_label(&mut labels, "otel_scope_version", version);
    }
    labels
}

// === impl Series ===

impl Series {
    fn new(kind: Kind, examples: &Arc<Examples>) -> Self {
        match (kind.bounds(), kind) {
            (Some(bounds), _) => Self::Histogram(Histogram::new(bounds, examples)),
            (None, Kind::UpDown) => Self::UpDown(AtomicI64::new(0)),
            (None, _) => Self::Counter(AtomicU64::new(0)),
        }
    }
}

impl Series {
    /// Whether it is a histogram of nothing: what it is for was not known of any operation yet.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Histogram(it) => it.counts.iter().all(|count| count.load(Ordering::Relaxed) == 0),
            Self::Counter(_) | Self::UpDown(_) => false,
        }
    }
}

impl Recorder for Arc<Series> {
    fn record(&self, value: f64, at: &Moment<'_>) {
        match &**self {
            Series::Histogram(histogram) => histogram.record(value, at),
            // Both count whole numbers.
            Series::Counter(count) => _ = count.fetch_add(value as u64, Ordering::Relaxed),
            Series::UpDown(count) => _ = count.fetch_add(value as i64, Ordering::Relaxed),
        }
    }
}

// === impl Histogram ===

impl Histogram {
    fn new(bounds: &'static [f64], examples: &Arc<Examples>) -> Self {
        let buckets = bounds.len() + 1;
        Self {
            bounds,
            counts: (0..buckets).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0.0_f64.to_bits()),
            exemplars: Reservoir::new(examples.clone(), buckets),
        }
    }

    fn record(&self, value: f64, at: &Moment<'_>) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let more = |sum| Some((f64::from_bits(sum) + value).to_bits());
        let _ = self.sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        self.exemplars.offer(bucket, value, at);
    }

    pub(super) fn sum(&self) -> f64 {
        f64::from_bits(self.sum.load(Ordering::Relaxed))
    }

    /// How many values are in each bucket, and an example of them.
    pub(super) fn buckets(
        &self,
    ) -> impl Iterator<Item = (Option<f64>, u64, Option<crate::measure::Exemplar>)> {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        bounds.zip(counts).zip(self.exemplars.all()).map(|((bound, count), it)| (bound, count, it))
    }
}
