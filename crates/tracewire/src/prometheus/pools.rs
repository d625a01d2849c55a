//! Connection pools, which are looked at when metrics are fetched.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::accept::Format;
use super::name;
use super::series::{Store, labels_of};
use super::shape::{Names, Shape};
use super::write::{Heading, write_heading};
use crate::measure::Instrument;

/// A metric, and its series by their labels.
type Gauge = (&'static Instrument, BTreeMap<String, i64>);

/// How all pools stand.
pub(super) fn write(out: &mut String, format: Format, store: &Store, names: &mut Names) {
    let mut gauges: BTreeMap<String, Gauge> = BTreeMap::new();
    for pools in store.pools() {
        pools.look(|instrument, attributes, value| {
            let (name, _) = name::of(instrument.name, instrument.unit, instrument.kind.into());
            let (_, series) = gauges.entry(name).or_insert_with(|| (instrument, BTreeMap::new()));
            *series.entry(labels_of(attributes)).or_default() += value;
        });
    }
    // Writing to a string does not fail.
    for (name, (instrument, series)) in &gauges {
        let (shape, description) = (Shape::Gauge, instrument.description);
        names.take(name, shape);
        write_heading(out, format, &Heading { name, shape, unit: None, description });
        for (labels, value) in series {
            let _ = writeln!(out, "{name}{{{labels}}} {value}");
        }
    }
}
