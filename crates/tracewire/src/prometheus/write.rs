//! Numbers as text, in both formats that are asked for.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::time::UNIX_EPOCH;

use super::accept::Format;
use super::name::push_escaped;
use super::series::{Families, Family, Histogram, Series};
use super::shape::Shape;
use crate::measure::Exemplar;

// Writing to a string does not fail.

/// What the process is, in the labels of `target_info`.
pub(super) fn target(out: &mut String, format: Format, labels: &str) {
    let (family, kind) = match format {
        Format::Text => ("target_info", "gauge"),
        Format::OpenMetrics => ("target", "info"),
    };
    let _ = writeln!(out, "# HELP {family} Target metadata\n# TYPE {family} {kind}");
    let _ = writeln!(out, "target_info{{{labels}}} 1");
}

/// All metrics, in the order of their names.
pub(super) fn families(out: &mut String, format: Format, families: &Families) {
    for (name, family) in families {
        write_family(out, format, name, family);
    }
}

/// What is said of a metric before its series.
pub(super) struct Heading<'a> {
    pub(super) name: &'a str,
    pub(super) shape: Shape,
    pub(super) unit: Option<&'a str>,
    pub(super) description: &'a str,
}

pub(super) fn write_heading(out: &mut String, format: Format, heading: &Heading<'_>) {
    let Heading { name, shape, unit, description } = *heading;
    // In OpenMetrics a counter's name is without the suffix that its samples have.
    let suffix = match (format, shape) {
        (Format::Text, Shape::Counter) => "_total",
        _ => "",
    };
    let _ = write!(out, "# HELP {name}{suffix} ");
    push_escaped(out, description, format == Format::OpenMetrics);
    let _ = writeln!(out, "\n# TYPE {name}{suffix} {}", shape.word());
    if let (Format::OpenMetrics, Some(unit)) = (format, unit) {
        let _ = writeln!(out, "# UNIT {name} {unit}");
    }
}

/// The label that says up to where a bucket reaches; the last has no bound.
pub(super) fn write_bound(out: &mut String, format: Format, bound: Option<f64>) {
    let _ = match (bound, format) {
        (None, _) => write!(out, "le=\"+Inf\""),
        (Some(bound), Format::Text) => write!(out, "le=\"{bound}\""),
        // Always with a fraction.
        (Some(bound), Format::OpenMetrics) => write!(out, "le=\"{bound:?}\""),
    };
}

fn write_family(out: &mut String, format: Format, name: &str, family: &Family) {
    let mut series = family.series.iter().filter(|(_, series)| !series.is_empty()).peekable();
    if series.peek().is_none() {
        return;
    }
    let shape = family.instrument.kind.into();
    let (unit, description) = (family.unit.as_deref(), family.instrument.description);
    write_heading(out, format, &Heading { name, shape, unit, description });
    for (labels, series) in series {
        match &**series {
            Series::Histogram(histogram) => {
                write_histogram(out, format, name, labels, histogram);
            }
            Series::Counter(count) => {
                let count = count.load(Ordering::Relaxed);
                let _ = writeln!(out, "{name}_total{{{labels}}} {count}");
            }
            Series::UpDown(count) => {
                let count = count.load(Ordering::Relaxed);
                let _ = writeln!(out, "{name}{{{labels}}} {count}");
            }
        }
    }
}

fn write_histogram(
    out: &mut String,
    format: Format,
    name: &str,
    labels: &str,
    histogram: &Histogram,
) {
    let mut all = 0;
    for (bound, count, exemplar) in histogram.buckets() {
        all += count;
        let _ = write!(out, "{name}_bucket{{{labels},");
        write_bound(out, format, bound);
        let _ = write!(out, "}} {all}");
        if let (Format::OpenMetrics, Some(exemplar)) = (format, exemplar) {
            write_exemplar(out, &exemplar);
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{name}_sum{{{labels}}} {}", histogram.sum());
    let _ = writeln!(out, "{name}_count{{{labels}}} {all}");
}

fn write_exemplar(out: &mut String, exemplar: &Exemplar) {
    let Exemplar { value, time, trace, span } = exemplar;
    let _ = write!(out, " # {{trace_id=\"{trace}\",span_id=\"{span}\"}} {value}");
    if let Ok(since) = time.duration_since(UNIX_EPOCH) {
        let _ = write!(out, " {}.{:03}", since.as_secs(), since.subsec_millis());
    }
}
