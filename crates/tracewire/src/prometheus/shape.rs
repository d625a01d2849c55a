//! What a metric is to Prometheus, and which names it takes.

use std::collections::BTreeSet;

use crate::measure::Kind;
use crate::readings::ReadingKind;

/// A type of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Counter,
    Gauge,
    Histogram,
}

/// All names that are taken, by metrics and by their samples.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<String>);

// === impl Shape ===

impl Shape {
    /// What `# TYPE` calls it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }

    /// What its samples have after its name.
    fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Counter => &["_total"],
            Self::Gauge => &[],
            Self::Histogram => &["_bucket", "_count", "_sum"],
        }
    }
}

impl From<Kind> for Shape {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Counter,
            Kind::UpDown => Self::Gauge,
            Kind::Seconds(_) | Kind::Amounts(_) => Self::Histogram,
        }
    }
}

impl From<ReadingKind> for Shape {
    fn from(kind: ReadingKind) -> Self {
        match kind {
            ReadingKind::Counter => Self::Counter,
            ReadingKind::Gauge | ReadingKind::UpDown => Self::Gauge,
            ReadingKind::Histogram => Self::Histogram,
        }
    }
}

// === impl Names ===

impl Names {
    /// Takes the name of a metric and those of its samples, unless one of them is taken. Returns
    /// whether it did: in one of the two formats they would be declared twice otherwise.
    pub(super) fn take(&mut self, metric: &str, shape: Shape) -> bool {
        let suffixes = [""].iter().chain(shape.suffixes());
        let names: Vec<_> = suffixes.map(|suffix| format!("{metric}{suffix}")).collect();
        let are_free = !names.iter().any(|name| self.0.contains(name));
        if are_free {
            self.0.extend(names);
        }
        are_free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_once() {
        let mut names = Names::default();
        for (metric, shape, expected) in [
            ("a", Shape::Counter, true),
            ("a", Shape::Gauge, false),
            ("a_total", Shape::Gauge, false),
            ("a_total", Shape::Counter, false),
            ("a_sum", Shape::Gauge, true),
            ("a", Shape::Histogram, false),
            ("b_sum", Shape::Gauge, true),
            ("b", Shape::Histogram, false),
            ("b", Shape::Counter, true),
            ("c_total", Shape::Gauge, true),
            ("c", Shape::Counter, false),
            ("c", Shape::Gauge, true),
        ] {
            assert_eq!(names.take(metric, shape), expected, "{metric}, {shape:?}");
        }
    }
}
