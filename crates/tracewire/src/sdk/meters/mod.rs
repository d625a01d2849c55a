//! Where measurements go when a process starts: to a Collector, to Prometheus, to a terminal.

mod attach;
mod console;
mod otlp;
mod reader;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

pub(super) use attach::About;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};
pub(super) use reader::{Pace, Reader, To};

use super::Builder;
use super::exporter::Sink;
use crate::measure::ExemplarFilter;
use crate::prometheus_sdk::{Listener, Metrics};

/// Where measurements go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricExporter {
    /// To a Collector or a back end, in OpenTelemetry's protocol, at intervals.
    Otlp,
    /// Nowhere, for Prometheus to fetch them from a port. Needs feature `prometheus`.
    Prometheus,
    /// To standard output, one line for each series, at intervals.
    Console,
    /// To standard output, in OpenTelemetry's protocol, a line of JSON at intervals.
    OtlpStdout,
}

impl MetricExporter {
    /// What `OTEL_METRICS_EXPORTER` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Otlp => "otlp",
            Self::Prometheus => "prometheus",
            Self::Console => "console",
            Self::OtlpStdout => "otlp/stdout",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Otlp, Self::Prometheus, Self::Console, Self::OtlpStdout];
        all.into_iter().find(|it| it.name().eq_ignore_ascii_case(name))
    }
}

/// What becomes of the measurements of a histogram on the way to a Collector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HistogramAggregation {
    /// They are counted in the buckets that the instrument names. The default.
    #[default]
    ExplicitBuckets,
    /// They are counted in up to 160 buckets of the same relative width, which are as fine as they
    /// can be for what is measured.
    Base2Exponential,
}

impl HistogramAggregation {
    const ALL: [Self; 2] = [Self::ExplicitBuckets, Self::Base2Exponential];

    /// What `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ExplicitBuckets => "explicit_bucket_histogram",
            Self::Base2Exponential => "base2_exponential_bucket_histogram",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(name))
    }
}

/// What is said in code.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(super) exporters: Option<Vec<MetricExporter>>,
    pub(super) pace: Pace,
    pub(crate) filter: Option<ExemplarFilter>,
    pub(crate) prometheus: Option<Metrics>,
}

/// What there is to shut down.
#[derive(Debug, Default)]
pub(super) struct Live {
    provider: Option<SdkMeterProvider>,
    pub(super) exporters: Vec<Sink>,
    is_flushing: Arc<AtomicBool>,
    listeners: Vec<Listener>,
}

impl Builder {
    /// Where measurements go; nowhere by default. Variable: `OTEL_METRICS_EXPORTER`.
    pub fn metric_exporters(mut self, exporters: impl IntoIterator<Item = MetricExporter>) -> Self {
        self.meters.exporters = Some(exporters.into_iter().collect());
        self
    }

    /// How long to wait between two exports of measurements; a minute by default. Variable:
    /// `OTEL_METRIC_EXPORT_INTERVAL`.
    pub fn metric_interval(mut self, interval: Duration) -> Self {
        self.meters.pace.interval = Some(interval);
        self
    }

    /// How long one export of measurements may take at most; half a minute by default, and never
    /// longer than [`Otlp::timeout`](super::Otlp::timeout). Variable: `OTEL_METRIC_EXPORT_TIMEOUT`.
    pub fn metric_timeout(mut self, timeout: Duration) -> Self {
        self.meters.pace.timeout = Some(timeout);
        self
    }

    /// Whether a Collector gets sums since the start, or since the last export. Variable:
    /// `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`.
    pub fn metric_temporality(mut self, temporality: Temporality) -> Self {
        self.meters.pace.temporality = Some(temporality);
        self
    }

    /// What a Collector gets of histograms. What Prometheus fetches of tracewire's own stays as it is;
    /// of other instruments it then gets only how many measurements there were, and their sum.
    /// Variable: `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION`.
    pub fn metric_histograms(mut self, aggregation: HistogramAggregation) -> Self {
        self.meters.pace.histograms = Some(aggregation);
        self
    }
}

impl Live {
    /// Begins to send what has been measured by now; the result says, when it comes, whether that was
    /// possible. None comes while an earlier one is still waited for.
    pub(super) fn flush(&self) -> Receiver<bool> {
        let (done, waiting) = mpsc::channel();
        let Some(provider) = self.provider.clone() else {
            let _ = done.send(true);
            return waiting;
        };
        let Some(turn) = Turn::take(&self.is_flushing) else {
            return waiting;
        };
        // The SDK waits as long as the exporter does.
        let flush = move || {
            let _turn = turn;
            let _ = done.send(provider.force_flush().is_ok());
        };
        let _ = thread::Builder::new().name("tracewire-metrics".to_owned()).spawn(flush);
        waiting
    }

    /// Begins to shut down; the result says, when it comes, that it is done.
    pub(super) fn shut_down(&self) -> Receiver<()> {
        let (done, waiting) = mpsc::channel();
        if let Some(provider) = self.provider.clone() {
            let end = move || {
                let _ = provider.shutdown();
                let _ = done.send(());
            };
            // Where there are no threads left, there is no last export.
            let _ = thread::Builder::new().name("tracewire-metrics".to_owned()).spawn(end);
        }
        waiting
    }
}

/// The right to do what only one thread does at a time.
struct Turn(Arc<AtomicBool>);

impl Turn {
    fn take(taken: &Arc<AtomicBool>) -> Option<Self> {
        (!taken.swap(true, Ordering::AcqRel)).then(|| Self(taken.clone()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
