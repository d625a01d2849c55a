//! All connection pools of one telemetry, each looked at once whenever somebody collects.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use opentelemetry::{Context, KeyValue};

use super::instrument::{self, Instrument};
use super::pool::Shared;
use super::{Moment, Recorder, Sink};

/// The pools of a telemetry, as long as they live.
pub(crate) struct Pools {
    sinks: Vec<Arc<dyn Sink>>,
    most_series: usize,
    /// Never locked while a sink is called, which may be collecting and wait for it.
    watched: Mutex<Vec<Watched>>,
    names: Mutex<Names>,
}

struct Watched {
    label: Label,
    pool: Weak<Shared>,
}

/// The name of a pool, or nothing where there are too many names.
type Label = Option<Arc<str>>;

#[derive(Default)]
struct Names {
    known: HashMap<Label, Arc<Recorders>>,
    is_announced: bool,
}

/// What is recorded of the pools of one name, in every sink.
pub(super) struct Recorders(Box<[[Box<dyn Recorder>; 4]]>);

const TIMED: [&Instrument; 4] = [
    &instrument::DB_POOL_TIMEOUTS,
    &instrument::DB_POOL_CREATE_TIME,
    &instrument::DB_POOL_WAIT_TIME,
    &instrument::DB_POOL_USE_TIME,
];

/// What is looked at; each of them is a sum that goes up and down.
pub(super) const OBSERVED: [&Instrument; 5] = [
    &instrument::DB_POOL_COUNT,
    &instrument::DB_POOL_IDLE_MAX,
    &instrument::DB_POOL_IDLE_MIN,
    &instrument::DB_POOL_MAX,
    &instrument::DB_POOL_PENDING,
];
// Their places.
const COUNT: usize = 0;
const IDLE_MAX: usize = 1;
const IDLE_MIN: usize = 2;
const MAX: usize = 3;
const PENDING: usize = 4;

const POOL_NAME: &str = "db.client.connection.pool.name";
const STATE: &str = "db.client.connection.state";

// === impl Pools ===

impl Pools {
    pub(super) fn new(sinks: &[Arc<dyn Sink>], most_series: usize) -> Arc<Self> {
        let (watched, names) = (Mutex::default(), Mutex::default());
        Arc::new(Self { sinks: sinks.to_vec(), most_series, watched, names })
    }

    /// Looks at a pool as long as it lives.
    pub(super) fn add(self: &Arc<Self>, pool: &Arc<Shared>) -> Arc<Recorders> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut names.is_announced, true) {
            self.sinks.iter().for_each(|sink| sink.observe(self));
        }
        let mut label = Some(pool.name.clone());
        if names.known.len() >= self.most_series && !names.known.contains_key(&label) {
            label = None;
        }
        let new = || Arc::new(Recorders::new(&self.sinks, &label));
        let recorders = names.known.entry(label.clone()).or_insert_with(new).clone();
        drop(names);
        let pool = Arc::downgrade(pool);
        let mut watched = self.watched();
        watched.retain(|known| known.pool.strong_count() > 0);
        watched.push(Watched { label, pool });
        recorders
    }

    pub(super) fn forget(&self, pool: &Arc<Shared>) {
        self.watched().retain(|known| !std::ptr::eq(known.pool.as_ptr(), Arc::as_ptr(pool)));
    }

    fn watched(&self) -> MutexGuard<'_, Vec<Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How all pools stand. Those of the same name are taken together, and a pool that is there
    /// twice counts once. One that panics when it is asked is left out: whoever collects holds locks
    /// of OpenTelemetry's, and would never collect again.
    pub(crate) fn look(&self, mut tell: impl FnMut(&'static Instrument, &[KeyValue], i64)) {
        let living: Vec<(Label, Arc<Shared>)> = (self.watched().iter())
            .filter_map(|known| Some((known.label.clone(), known.pool.upgrade()?)))
            .collect();
        let mut seen = HashSet::new();
        let mut sums: BTreeMap<(usize, Label, Option<&'static str>), i64> = BTreeMap::new();
        for (label, pool) in living {
            let Some(numbers) = pool.numbers.upgrade() else { continue };
            let mut add = |which, state, value: i64| {
                let sum = sums.entry((which, label.clone(), state)).or_default();
                *sum = sum.saturating_add(value);
            };
            add(PENDING, None, pool.pending.load(Ordering::Relaxed));
            if pool.identity.is_some_and(|identity| !seen.insert(identity)) {
                continue;
            }
            let Ok(numbers) = catch_unwind(AssertUnwindSafe(&*numbers)) else {
                pool.complain();
                continue;
            };
            let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
            add(PENDING, None, whole(numbers.pending));
            add(COUNT, Some("idle"), whole(numbers.idle));
            add(COUNT, Some("used"), whole(numbers.used));
            for (which, limit) in
                [(IDLE_MAX, numbers.idle_max), (IDLE_MIN, numbers.idle_min), (MAX, numbers.max)]
            {
                limit.into_iter().for_each(|limit| add(which, None, whole(limit)));
            }
        }
        for ((which, label, state), sum) in sums {
            let mut attributes = vec![attribute_of(&label)];
            attributes.extend(state.map(|state| KeyValue::new(STATE, state)));
            if let Some(instrument) = OBSERVED.get(which) {
                tell(instrument, &attributes, sum);
            }
        }
    }
}

fn attribute_of(label: &Label) -> KeyValue {
    match label {
        Some(name) => KeyValue::new(POOL_NAME, name.clone()),
        None => KeyValue::new("otel.metric.overflow", true),
    }
}

impl fmt::Debug for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pools").finish_non_exhaustive()
    }
}

// === impl Recorders ===

impl Recorders {
    fn new(sinks: &[Arc<dyn Sink>], label: &Label) -> Self {
        let attributes = [attribute_of(label)];
        let of_sink = |sink: &Arc<dyn Sink>| TIMED.map(|it| sink.series(it, &attributes));
        Self(sinks.iter().map(of_sink).collect())
    }

    pub(super) fn timed_out(&self) {
        self.record(0, 1.0);
    }

    pub(super) fn created(&self, lasted: Duration) {
        self.record(1, lasted.as_secs_f64());
    }

    pub(super) fn waited(&self, lasted: Duration) {
        self.record(2, lasted.as_secs_f64());
    }

    pub(super) fn used(&self, lasted: Duration) {
        self.record(3, lasted.as_secs_f64());
    }

    fn record(&self, place: usize, value: f64) {
        let at = Moment { context: &Context::current(), time: None };
        self.0.iter().for_each(|timed| timed[place].record(value, &at));
    }
}
