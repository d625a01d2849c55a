//! What instruments of OpenTelemetry's stand at, as text.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write as _;

use opentelemetry::{InstrumentationScope, KeyValue};

use super::accept::Format;
use super::name;
use super::shape::{Names, Shape};
use super::write::{Heading, write_bound, write_heading};
use crate::readings::{Measured, Reading, ReadingKind};

/// One metric, which several scopes may have.
struct Family {
    reading: Reading,
    unit: Option<String>,
    /// By their labels, so that each is there once.
    series: BTreeMap<String, Measured>,
}

/// Everything but what has a name that is taken. Of two metrics with one name and of different kinds
/// the first is written, by the names of their scopes and then their own, so that it is always the
/// same; of two series with the same labels, too.
pub(super) fn write(
    out: &mut String,
    format: Format,
    readings: impl IntoIterator<Item = Reading>,
    names: &mut Names,
) {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut readings: Vec<_> = readings.into_iter().collect();
    readings.sort_by_cached_key(|it| (it.scope.name().to_owned(), it.name.clone()));
    for mut reading in readings {
        let unit = match (reading.unit.as_str(), reading.kind) {
            ("1", ReadingKind::Gauge) => "ratio",
            (unit, _) => unit,
        };
        let shape = reading.kind.into();
        let (name, unit) = name::of(&reading.name, unit, shape);
        let points = std::mem::take(&mut reading.points);
        let (kind, scope) = (reading.kind, labels_of(&reading.scope));
        let unit = unit.map(String::from);
        let family = match families.entry(name) {
            Entry::Occupied(known) if known.get().reading.kind == kind => known.into_mut(),
            Entry::Vacant(new) if names.take(new.key(), shape) => {
                new.insert(Family { reading, unit, series: BTreeMap::new() })
            }
            _ => continue,
        };
        for point in points {
            let labels = name::of_labels(point.attributes.iter());
            let comma = if labels.is_empty() { "" } else { "," };
            family.series.entry(format!("{labels}{comma}{scope}")).or_insert(point.measured);
        }
    }
    for (name, family) in &families {
        write_family(out, format, name, family);
    }
}

fn write_family(out: &mut String, format: Format, name: &str, family: &Family) {
    let shape = family.reading.kind.into();
    let (unit, description) = (family.unit.as_deref(), family.reading.description.as_str());
    write_heading(out, format, &Heading { name, shape, unit, description });
    let suffix = if shape == Shape::Counter { "_total" } else { "" };
    for (labels, measured) in &family.series {
        // Writing to a string does not fail.
        match measured {
            Measured::Number(value) => {
                let _ = writeln!(out, "{name}{suffix}{{{labels}}} {}", Number(*value));
            }
            Measured::Histogram { count, sum, bounds, counts } => {
                let mut all = 0;
                for (bound, count) in bounds.iter().zip(counts) {
                    all += count;
                    let _ = write!(out, "{name}_bucket{{{labels},");
                    write_bound(out, format, Some(*bound));
                    let _ = writeln!(out, "}} {all}");
                }
                let _ = write!(out, "{name}_bucket{{{labels},");
                write_bound(out, format, None);
                let _ = writeln!(out, "}} {count}");
                let _ = writeln!(out, "{name}_sum{{{labels}}} {}", Number(*sum));
                let _ = writeln!(out, "{name}_count{{{labels}}} {count}");
            }
        }
    }
}

/// Where a metric comes from. There is always a name, if an empty one.
fn labels_of(scope: &InstrumentationScope) -> String {
    let mut labels = String::new();
    name::push_label(&mut labels, "otel_scope_name", scope.name());
    if let Some(version) = scope.version() {
        name::push_label(&mut labels, "otel_scope_version", version);
    }
    let own = |it: &KeyValue| KeyValue::new(format!("otel_scope_{}", it.key), it.value.clone());
    let more: Vec<_> = scope.attributes().map(own).collect();
    let more = name::of_labels(&more);
    if !more.is_empty() {
        labels.push(',');
        labels.push_str(&more);
    }
    labels
}

/// As both formats have it.
struct Number(f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            f64::INFINITY => f.write_str("+Inf"),
            f64::NEG_INFINITY => f.write_str("-Inf"),
            number => write!(f, "{number}"),
        }
    }
}
