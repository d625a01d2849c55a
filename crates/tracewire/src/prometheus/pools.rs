//! Connection pools, which are looked at when metrics are fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::accept::Format;
use super::name;
use super::series::{Store, labels_of};
use super::write::{Heading, write_heading};
use crate::measure::Instrument;

/// A metric, and its series by their labels.
type Gauge = (&'static Instrument, BTreeMap<String, i64>);

/// How all pools stand. Returns the names that this takes.
pub(super) fn write(out: &mut String, format: Format, store: &Store) -> BTreeSet<String> {
    let mut gauges: BTreeMap<String, Gauge> = BTreeMap::new();
    for pools in store.pools() {
        pools.look(|instrument, attributes, value| {
            let (name, _) = name::of_metric(instrument.name, instrument.unit, instrument.kind);
            let (_, series) = gauges.entry(name).or_insert_with(|| (instrument, BTreeMap::new()));
            *series.entry(labels_of(attributes)).or_default() += value;
        });
    }
    // Writing to a string does not fail.
    for (name, (instrument, series)) in &gauges {
        let description = instrument.description;
        write_heading(out, format, &Heading { name, kind: "gauge", unit: None, description });
        for (labels, value) in series {
            let _ = writeln!(out, "{name}{{{labels}}} {value}");
        }
    }
    gauges.into_keys().collect()
}
