//! All series of one telemetry, found again by their bytes; bounded.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use foldhash::fast::RandomState;
use opentelemetry::KeyValue;

use super::{Attributes, Choice, Family, Moment, Pools, Recorder, Sink};

/// The series of all kinds of operations.
pub(super) struct Registry {
    sinks: Vec<Arc<dyn Sink>>,
    pub(super) choice: Choice,
    tables: [Table; Family::COUNT],
    /// `None` where nobody asked for them.
    pub(super) pools: Option<Arc<Pools>>,
}

#[derive(Default)]
struct Table {
    known: RwLock<HashMap<Box<[u8]>, Arc<Series>, RandomState>>,
    /// Where everything goes that comes after the bound.
    overflow: OnceLock<Arc<Series>>,
}

/// What is recorded of operations with the same attributes, in every sink.
pub(super) struct Series(Box<[Recorders]>);

/// One for each instrument, in the family's order.
type Recorders = [Option<Box<dyn Recorder>>; 3];

impl Registry {
    pub(super) fn new(sinks: Vec<Arc<dyn Sink>>, choice: Choice) -> Self {
        let pools = choice.connection_pools.then(|| Pools::new(&sinks, choice.most_series));
        Self { sinks, choice, tables: Default::default(), pools }
    }

    /// Hands the series of these attributes to `record`, and makes it if it is new.
    pub(super) fn with<R>(
        &self,
        family: Family,
        attributes: &Attributes,
        record: impl FnOnce(&Arc<Series>) -> R,
    ) -> R {
        let table = &self.tables[family as usize];
        let known = table.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = known.get(attributes.key()) {
            return record(series);
        }
        let is_full = known.len() >= self.choice.most_series;
        drop(known);
        if is_full {
            return record(table.overflow.get_or_init(|| self.overflow(family)));
        }
        let series = self.learn(table, family, attributes);
        record(&series)
    }

    fn learn(&self, table: &Table, family: Family, attributes: &Attributes) -> Arc<Series> {
        let mut known = table.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = known.get(attributes.key()) {
            return series.clone();
        }
        if known.len() >= self.choice.most_series {
            return table.overflow.get_or_init(|| self.overflow(family)).clone();
        }
        let series = Arc::new(self.series(family, &attributes.sorted()));
        known.insert(attributes.key().into(), series.clone());
        series
    }

    fn overflow(&self, family: Family) -> Arc<Series> {
        Arc::new(self.series(family, &[KeyValue::new("otel.metric.overflow", true)]))
    }

    fn series(&self, family: Family, attributes: &[KeyValue]) -> Series {
        let instruments = family.instruments(&self.choice);
        let of_sink = |sink: &Arc<dyn Sink>| {
            instruments.map(|instrument| Some(sink.series(instrument?, attributes)))
        };
        Series(self.sinks.iter().map(of_sink).collect())
    }
}

impl Series {
    /// Records what is known of an operation, in the family's order.
    pub(super) fn record(&self, values: [Option<f64>; 3], at: &Moment<'_>) {
        for recorders in &self.0 {
            for (recorder, value) in recorders.iter().zip(values) {
                if let (Some(recorder), Some(value)) = (recorder, value) {
                    recorder.record(value, at);
                }
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
