//! All series of one telemetry, found again by their attributes; bounded.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use foldhash::fast::RandomState;
use opentelemetry::KeyValue;

use super::attributes::Spelling;
use super::familiar::Familiar;
use super::{Attributes, Choice, Family, Moment, Pools, Recorder, Sink};

/// The series of all kinds of operations.
pub(super) struct Registry {
    sinks: Vec<Arc<dyn Sink>>,
    /// Whether an operation has to be current when it is recorded.
    pub(super) reads_current: bool,
    pub(super) choice: Choice,
    tables: [Table; Family::COUNT],
    /// `None` where nobody asked for them.
    pub(super) pools: Option<Arc<Pools>>,
}

#[derive(Default)]
struct Table {
    /// Some of what is known, to be found faster.
    familiar: Familiar<Arc<Series>>,
    known: RwLock<Known>,
    /// Where everything goes that comes after the bound.
    overflow: OnceLock<Arc<Series>>,
}

#[derive(Default)]
struct Known {
    /// By attributes as they were set. The same ones may be set in another order, or by names that
    /// lie elsewhere; some of what is in the overflow is here, too.
    spellings: Map,
    /// By attributes in their order, each once: what is counted.
    distinct: Map,
}

type Map = HashMap<Spelling, Arc<Series>, RandomState>;

/// How many spellings are kept for each series that there may be.
const SPELLINGS: usize = 4;

/// What was counted of an operation, by its slots.
pub(super) type Counted = [Option<u64>; 2];

/// What is recorded of operations with the same attributes, in every sink, each with its place
/// among the values.
pub(super) struct Series(Box<[(usize, Box<dyn Recorder>)]>);

impl Registry {
    pub(super) fn new(sinks: Vec<Arc<dyn Sink>>, choice: Choice) -> Self {
        let pools = choice.connection_pools.then(|| Pools::new(&sinks, choice.most_series));
        let reads_current = sinks.iter().any(|sink| sink.reads_current());
        Self { sinks, reads_current, choice, tables: Default::default(), pools }
    }

    /// Hands the series of these attributes to `record`, and makes it if it is new.
    #[inline(always)]
    pub(super) fn with<R>(
        &self,
        family: Family,
        attributes: &Attributes,
        record: impl FnOnce(&Arc<Series>) -> R,
    ) -> R {
        let table = &self.tables[family as usize];
        match table.familiar.find(attributes.spelling()) {
            Some(series) => record(series),
            None => record(&self.find(table, family, attributes)),
        }
    }

    #[cold]
    fn find(&self, table: &Table, family: Family, attributes: &Attributes) -> Arc<Series> {
        let known = table.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = known.spellings.get(attributes.spelling()) {
            return series.clone();
        }
        let is_full = self.is_full(&known);
        drop(known);
        if is_full {
            return table.overflow.get_or_init(|| self.overflow(family)).clone();
        }
        self.learn(table, family, attributes)
    }

    fn learn(&self, table: &Table, family: Family, attributes: &Attributes) -> Arc<Series> {
        let sorted = attributes.sorted();
        let mut respelt = Attributes::default();
        sorted.iter().for_each(|attribute| respelt.set(attribute.clone()));
        let overflow = || table.overflow.get_or_init(|| self.overflow(family)).clone();
        let mut known = table.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = known.spellings.get(attributes.spelling()) {
            return series.clone();
        }
        if self.is_full(&known) {
            return overflow();
        }
        let series = match known.distinct.get(respelt.spelling()) {
            Some(series) => series.clone(),
            None if known.distinct.len() >= self.choice.most_series => overflow(),
            None => {
                let series = Arc::new(self.series(family, &sorted));
                known.distinct.insert(respelt.spelling().clone(), series.clone());
                series
            }
        };
        known.spellings.insert(attributes.spelling().clone(), series.clone());
        table.familiar.keep(attributes.spelling(), &series);
        series
    }

    fn is_full(&self, known: &Known) -> bool {
        known.spellings.len() >= self.choice.most_series.saturating_mul(SPELLINGS)
    }

    fn overflow(&self, family: Family) -> Arc<Series> {
        Arc::new(self.series(family, &[KeyValue::new("otel.metric.overflow", true)]))
    }

    fn series(&self, family: Family, attributes: &[KeyValue]) -> Series {
        let instruments = family.instruments(&self.choice);
        let of_sink = |sink: &Arc<dyn Sink>| {
            let recorder = |(place, instrument): (usize, Option<_>)| {
                Some((place, sink.series(instrument?, attributes)))
            };
            instruments.into_iter().enumerate().filter_map(recorder).collect::<Vec<_>>()
        };
        Series(self.sinks.iter().flat_map(of_sink).collect())
    }
}

impl Series {
    /// Records what is known of an operation, in the family's order: how long it took, or one more
    /// or less that is active, and what was counted.
    #[inline]
    pub(super) fn record(&self, value: f64, counted: &Counted, at: &Moment<'_>) {
        for (place, recorder) in &self.0 {
            let value = match place.checked_sub(1) {
                None => Some(value),
                Some(place) => counted.get(place).copied().flatten().map(|count| count as f64),
            };
            if let Some(value) = value {
                recorder.record(value, at);
            }
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("choice", &self.choice).finish_non_exhaustive()
    }
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Series").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use opentelemetry::Context;

    use super::*;
    use crate::measure::Instrument;

    /// How often each series was asked for, and what was recorded in it.
    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<BTreeMap<String, (usize, f64)>>>);

    struct Sum(Seen, String);

    impl Sink for Seen {
        fn series(&self, _: &'static Instrument, attributes: &[KeyValue]) -> Box<dyn Recorder> {
            let labels = attributes.iter().map(|it| format!("{}={}", it.key, it.value));
            let labels = labels.collect::<Vec<_>>().join(" ");
            self.0.lock().unwrap().entry(labels.clone()).or_default().0 += 1;
            Box::new(Sum(self.clone(), labels))
        }

        fn observe(&self, _: &Arc<Pools>) {}
    }

    impl Recorder for Sum {
        fn record(&self, value: f64, _: &Moment<'_>) {
            self.0.0.lock().unwrap().entry(self.1.clone()).or_default().1 += value;
        }
    }

    /// Records 1 with these attributes, whose names lie where no others do.
    fn record(registry: &Registry, attributes: &[(&str, i64)]) {
        let mut set = Attributes::default();
        for (name, value) in attributes {
            set.number(Box::leak(Box::<str>::from(*name)), *value);
        }
        let at = Moment { context: &Context::new(), time: None };
        registry.with(Family::RpcServer, &set, |it| it.record(1.0, &[None; 2], &at));
    }

    #[test]
    fn a_series_counts_once_however_its_attributes_are_spelt() {
        let seen = Seen::default();
        let registry = Registry::new(vec![Arc::new(seen.clone())], Choice::new().most_series(3));
        for _ in 0..2 {
            record(&registry, &[("a", 1)]);
            record(&registry, &[("a", 1), ("b", 2)]);
            record(&registry, &[("b", 2), ("a", 1)]);
        }
        record(&registry, &[("a", 2)]);
        record(&registry, &[("a", 3)]);
        record(&registry, &[("a", 1)]);
        let expected = [
            ("a=1", (1, 3.0)),
            ("a=1 b=2", (1, 4.0)),
            ("a=2", (1, 1.0)),
            ("otel.metric.overflow=true", (1, 1.0)),
        ];
        let expected = expected.map(|(labels, seen)| (labels.to_owned(), seen));
        assert_eq!(*seen.0.lock().unwrap(), BTreeMap::from(expected));
    }

    #[test]
    fn no_more_is_kept_than_a_few_spellings_of_each_series() {
        let most = 2 * SPELLINGS;
        // How many values there are, in how many series, and how many are in the overflow.
        for (values, series, overflow) in [(1, 1, 100 - most), (100, 2, 98)] {
            let seen = Seen::default();
            let choice = Choice::new().most_series(2);
            let registry = Registry::new(vec![Arc::new(seen.clone())], choice);
            (0..100).for_each(|round| record(&registry, &[("a", round % values)]));
            let table = &registry.tables[Family::RpcServer as usize];
            assert_eq!(table.known.read().unwrap().spellings.len(), most);
            let mut seen = seen.0.lock().unwrap();
            let counted = seen.remove("otel.metric.overflow=true").unwrap();
            assert_eq!((seen.len(), counted), (series, (1, overflow as f64)));
        }
    }
}
