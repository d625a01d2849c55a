//! The exemplars of OpenTelemetry's histograms, beside them, as the SDK keeps none.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::KeyValue;

use super::exemplar::{Examples, ExemplarFilter, IsKept, Reservoir};
use super::{Exemplar, Instrument};

/// The exemplars of every series of a meter provider. Clones are the same visitor of the same ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gallery {
    examples: Arc<Examples>,
    series: Arc<Mutex<HashMap<String, Arc<Reservoir>>>>,
    visitors: Arc<AtomicU32>,
    /// What this visitor marks with what it has taken.
    bit: u64,
}

impl Gallery {
    pub(crate) fn new(filter: Option<ExemplarFilter>, is_kept: Option<IsKept>) -> Self {
        let gallery = Self::default();
        if let Some(filter) = filter {
            gallery.examples.filter(filter);
        }
        gallery.examples.decided_by(is_kept);
        gallery
    }

    /// The same exemplars for one more, who takes them without taking them away from others; those
    /// from the 64th on share what there is.
    pub(crate) fn visitor(&self) -> Self {
        let before = self.visitors.fetch_add(1, Ordering::Relaxed);
        Self { bit: 1 << before.min(u64::BITS - 1), ..self.clone() }
    }

    /// Where the exemplars of a histogram's series go.
    pub(super) fn place(
        &self,
        instrument: &'static Instrument,
        attributes: &[KeyValue],
    ) -> Option<Arc<Reservoir>> {
        let buckets = instrument.kind.bounds()?.len() + 1;
        let new = || Arc::new(Reservoir::new(self.examples.clone(), buckets));
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        Some(series.entry(key(instrument.name, attributes)).or_insert_with(new).clone())
    }

    /// The exemplars of a series since this visitor took them last.
    pub(crate) fn take<'a>(
        &self,
        name: &str,
        attributes: impl IntoIterator<Item = &'a KeyValue>,
    ) -> Vec<Exemplar> {
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let reservoir = series.get(&key(name, attributes)).cloned();
        drop(series);
        reservoir.map(|reservoir| reservoir.take(self.bit).collect()).unwrap_or_default()
    }
}

fn key<'a>(name: &str, attributes: impl IntoIterator<Item = &'a KeyValue>) -> String {
    let mut attributes: Vec<_> = attributes.into_iter().collect();
    attributes.sort_by(|one, other| one.key.cmp(&other.key));
    let mut key = name.to_owned();
    for KeyValue { key: name, value, .. } in attributes {
        // Writing to a string does not fail.
        let _ = write!(key, "\n{name}={value:?}");
    }
    key
}
