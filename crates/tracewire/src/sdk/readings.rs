//! What the instruments of the SDK stand at, read when somebody asks.

use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, ManualReader, Pipeline, Temporality};

/// Reads a meter provider that was built with it. Clones read the same one.
#[derive(Clone, Debug, Default)]
pub struct Reader(Arc<ManualReader>);

/// A reader, as long as its provider is there.
#[derive(Clone, Debug)]
pub(crate) struct WeakReader(Weak<ManualReader>);

/// One metric.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) scope: InstrumentationScope,
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) description: String,
    pub(crate) kind: ReadingKind,
    pub(crate) points: Vec<Point>,
}

/// What kind of instrument it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadingKind {
    Gauge,
    Counter,
    UpDown,
    Histogram,
}

/// One series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    /// In the order of their names.
    pub(crate) attributes: Vec<KeyValue>,
    pub(crate) measured: Measured,
}

/// What has been measured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Measured {
    Number(f64),
    /// There is one count more than bounds; none of either where the buckets are exponential.
    Histogram {
        count: u64,
        sum: f64,
        bounds: Vec<f64>,
        counts: Vec<u64>,
    },
}

impl Reader {
    /// All metrics, as sums since the start; nothing after a shutdown. Histograms of nothing are
    /// left out: they belong to series that nothing was known of yet.
    pub(crate) fn read(&self) -> Vec<Reading> {
        let mut metrics = ResourceMetrics::default();
        if self.collect(&mut metrics).is_err() {
            return Vec::new();
        }
        let of_scope = |scope: &opentelemetry_sdk::metrics::data::ScopeMetrics| {
            scope.metrics().map(|metric| reading(scope.scope(), metric)).collect::<Vec<_>>()
        };
        let mut readings: Vec<_> = metrics.scope_metrics().flat_map(of_scope).collect();
        for reading in &mut readings {
            reading.points.retain(|point| match point.measured {
                Measured::Histogram { count, .. } => count > 0,
                Measured::Number(_) => true,
            });
        }
        readings.retain(|reading| !reading.points.is_empty());
        readings
    }
}

impl Reader {
    pub(crate) fn downgrade(&self) -> WeakReader {
        WeakReader(Arc::downgrade(&self.0))
    }
}

impl WeakReader {
    pub(crate) fn upgrade(&self) -> Option<Reader> {
        self.0.upgrade().map(Reader)
    }
}

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, _: InstrumentKind) -> Temporality {
        Temporality::Cumulative
    }
}

fn reading(scope: &InstrumentationScope, metric: &Metric) -> Reading {
    let (kind, points) = match metric.data() {
        AggregatedMetrics::F64(data) => points(data, |value| value),
        AggregatedMetrics::I64(data) => points(data, |value| value as f64),
        AggregatedMetrics::U64(data) => points(data, |value| value as f64),
    };
    Reading {
        scope: scope.clone(),
        name: metric.name().to_owned(),
        unit: metric.unit().to_owned(),
        description: metric.description().to_owned(),
        kind,
        points,
    }
}

fn points<T: Copy>(data: &MetricData<T>, number: fn(T) -> f64) -> (ReadingKind, Vec<Point>) {
    match data {
        MetricData::Gauge(data) => {
            let points = data.data_points();
            let points = points.map(|it| Point::number(it.attributes(), number(it.value())));
            (ReadingKind::Gauge, points.collect())
        }
        MetricData::Sum(data) => {
            let points = data.data_points();
            let points = points.map(|it| Point::number(it.attributes(), number(it.value())));
            let is_counter = data.is_monotonic();
            let kind = if is_counter { ReadingKind::Counter } else { ReadingKind::UpDown };
            (kind, points.collect())
        }
        MetricData::Histogram(data) => {
            let points = data.data_points().map(|it| {
                let (count, sum) = (it.count(), number(it.sum()));
                let (bounds, counts) = (it.bounds().collect(), it.bucket_counts().collect());
                let measured = Measured::Histogram { count, sum, bounds, counts };
                Point::new(it.attributes(), measured)
            });
            (ReadingKind::Histogram, points.collect())
        }
        MetricData::ExponentialHistogram(data) => {
            let points = data.data_points().map(|it| {
                let (count, sum) = (it.count() as u64, number(it.sum()));
                let (bounds, counts) = (Vec::new(), Vec::new());
                let measured = Measured::Histogram { count, sum, bounds, counts };
                Point::new(it.attributes(), measured)
            });
            (ReadingKind::Histogram, points.collect())
        }
    }
}

impl Point {
    fn new<'a>(attributes: impl Iterator<Item = &'a KeyValue>, measured: Measured) -> Self {
        let mut attributes: Vec<_> = attributes.cloned().collect();
        attributes.sort_by(|one, other| one.key.cmp(&other.key));
        Self { attributes, measured }
    }

    fn number<'a>(attributes: impl Iterator<Item = &'a KeyValue>, number: f64) -> Self {
        Self::new(attributes, Measured::Number(number))
    }
}
