//! A meter provider whose measurements can be read, beside a capture of spans.
#![allow(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::fmt;

use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, Metric, MetricData, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use tracewire::Telemetry;
use tracewire::metrics::Choice;
use tracewire::otel::KeyValue;
use tracewire::test::{Capture, SpanData};

/// What one telemetry traces and measures.
#[derive(Debug)]
pub struct Site {
    /// The spans.
    pub capture: Capture,
    provider: SdkMeterProvider,
    exporter: InMemoryMetricExporter,
}

/// One series of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The metric.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// All attributes, values as text.
    pub attributes: BTreeMap<String, String>,
    /// How many values, for a histogram.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The upper bounds of a histogram's buckets.
    pub bounds: Vec<f64>,
}

impl Site {
    /// Traces what `capture` does.
    pub fn new(capture: Capture) -> Self {
        let exporter = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(exporter.clone()).build();
        let provider = SdkMeterProvider::builder().with_reader(reader).build();
        Self { capture, provider, exporter }
    }

    /// The telemetry, which measures durations only.
    pub fn telemetry(&self) -> Telemetry {
        self.capture.telemetry().meter_provider(self.provider.clone())
    }

    /// The telemetry that measures what is chosen.
    pub fn measuring(&self, choice: Choice) -> Telemetry {
        self.telemetry().measure(choice)
    }

    /// The provider of meters.
    pub fn meters(&self) -> &SdkMeterProvider {
        &self.provider
    }

    /// All series so far.
    pub fn series(&self) -> Vec<Series> {
        self.exporter.reset();
        self.provider.force_flush().expect("a flush");
        let exported = self.exporter.get_finished_metrics().expect("an export");
        let metrics = exported.iter().flat_map(ResourceMetrics::scope_metrics);
        metrics.flat_map(ScopeMetrics::metrics).flat_map(series_of).collect()
    }

    /// The series of one metric.
    pub fn of(&self, name: &str) -> Vec<Series> {
        self.series().into_iter().filter(|series| series.name == name).collect()
    }

    /// The only series of a metric.
    #[track_caller]
    pub fn only(&self, name: &str) -> Series {
        let all = self.series();
        let mut found: Vec<_> = all.iter().filter(|series| series.name == name).collect();
        match (found.pop(), found.is_empty()) {
            (Some(series), true) => series.clone(),
            _ => panic!("not one series of {name} in {all:#?}"),
        }
    }
}

fn series_of(metric: &Metric) -> Vec<Series> {
    fn attributes<'a>(all: impl Iterator<Item = &'a KeyValue>) -> BTreeMap<String, String> {
        all.map(|it| (it.key.to_string(), it.value.to_string())).collect()
    }
    let new = |attributes, count, sum, bounds| Series {
        name: metric.name().to_owned(),
        unit: metric.unit().to_owned(),
        attributes,
        count,
        sum,
        bounds,
    };
    match metric.data() {
        AggregatedMetrics::F64(MetricData::Histogram(data)) => data
            .data_points()
            .map(|it| new(attributes(it.attributes()), it.count(), it.sum(), it.bounds().collect()))
            .collect(),
        AggregatedMetrics::U64(MetricData::Histogram(data)) => data
            .data_points()
            .map(|it| {
                let sum = it.sum() as f64;
                new(attributes(it.attributes()), it.count(), sum, it.bounds().collect())
            })
            .collect(),
        AggregatedMetrics::I64(MetricData::Sum(data)) => data
            .data_points()
            .map(|it| new(attributes(it.attributes()), 0, it.value() as f64, Vec::new()))
            .collect(),
        AggregatedMetrics::U64(MetricData::Sum(data)) => data
            .data_points()
            .map(|it| new(attributes(it.attributes()), 0, it.value() as f64, Vec::new()))
            .collect(),
        other => panic!("{}: {other:?}", metric.name()),
    }
}

impl Series {
    /// The attributes as one text: `name=value name=value`, in the order of the names.
    pub fn labels(&self) -> String {
        let all: Vec<_> =
            self.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
        all.join(" ")
    }

    /// Fails unless it is one value: the duration and the error of this span.
    #[track_caller]
    pub fn assert_is(&self, span: &SpanData) {
        let lasted =
            span.end_time.duration_since(span.start_time).expect("it ends after its start");
        assert_eq!((self.count, self.sum), (1, lasted.as_secs_f64()), "{self}");
        let error = span.attributes.iter().find(|it| it.key.as_str() == "error.type");
        let error = error.map(|error| error.value.to_string());
        assert_eq!(self.attributes.get("error.type"), error.as_ref(), "{self}");
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{{{}}}", self.name, self.labels())
    }
}
