//! Where measurements go when a process starts: to a Collector, to Prometheus, to a terminal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use opentelemetry::{KeyValue, global};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};

use super::env::Env;
use super::exporter::{Client, Report, Route, Stop, say};
use super::{Builder, Signal, TailHandle};
use crate::measure::{ExemplarFilter, Gallery, IsKept};
use crate::prometheus_sdk::{self, Listener, Metrics};
use crate::{Error, Telemetry, scraped};

mod console;
mod otlp;

use console::Console;
use otlp::OtlpMetrics;

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
}

impl MetricExporter {
    /// What `OTEL_METRICS_EXPORTER` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Otlp => "otlp",
            Self::Prometheus => "prometheus",
            Self::Console => "console",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Otlp, Self::Prometheus, Self::Console];
        all.into_iter().find(|it| it.name().eq_ignore_ascii_case(name))
    }
}

/// What is said in code.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    exporters: Option<Vec<MetricExporter>>,
    interval: Option<Duration>,
    timeout: Option<Duration>,
    temporality: Option<Temporality>,
    pub(crate) filter: Option<ExemplarFilter>,
    pub(crate) prometheus: Option<Metrics>,
}

/// What there is to shut down.
#[derive(Debug, Default)]
pub(super) struct Live {
    provider: Option<SdkMeterProvider>,
    pub(super) exporter: Option<(Arc<Report>, Stop)>,
    is_flushing: Arc<AtomicBool>,
    _listener: Option<Listener>,
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
        self.meters.interval = Some(interval);
        self
    }

    /// How long one export of measurements may take at most; half a minute by default, and never
    /// longer than [`Otlp::timeout`](super::Otlp::timeout). Variable: `OTEL_METRIC_EXPORT_TIMEOUT`.
    pub fn metric_timeout(mut self, timeout: Duration) -> Self {
        self.meters.timeout = Some(timeout);
        self
    }

    /// Whether a Collector gets sums since the start, or since the last export. Variable:
    /// `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`.
    pub fn metric_temporality(mut self, temporality: Temporality) -> Self {
        self.meters.temporality = Some(temporality);
        self
    }
}

impl Settings {
    /// Sends metrics nowhere unless code says where to.
    pub(super) fn nowhere_else(&mut self) {
        self.exporters.get_or_insert_default();
    }

    /// Has `telemetry` measure, for everything that is wanted.
    pub(super) fn attach(
        self,
        mut telemetry: Telemetry,
        env: &mut Env,
        resource: &Resource,
        tail: Option<&TailHandle>,
        route: impl FnOnce(&mut Env) -> Result<Route, Error>,
    ) -> Result<(Telemetry, Live), Error> {
        let wanted = self.exporters.or_else(|| env.metric_exporters()).unwrap_or_default();
        let filter = self.filter.or_else(|| env.exemplar_filter());
        let is_kept = tail.cloned().map(|tail| -> IsKept { Arc::new(move |id| tail.is_kept(id)) });
        let mut live = Live::default();
        let mut prometheus = self.prometheus;
        if wanted.contains(&MetricExporter::Prometheus) {
            let host = env.prometheus_host().unwrap_or_else(|| "localhost".to_owned());
            let port = env.prometheus_port().unwrap_or(9464);
            let metrics = prometheus.take().or_else(prometheus_sdk::new);
            match metrics.as_ref().map(|metrics| prometheus_sdk::listen(metrics, &host, port)) {
                Some(Ok(listener)) => live._listener = Some(listener),
                Some(Err(error)) => say(&format!(
                    "Prometheus cannot fetch metrics: {host}:{port} cannot be listened on: {error}"
                )),
                None => say("metrics for Prometheus need the feature `prometheus` of tracewire"),
            }
            prometheus = metrics;
        }
        if let Some(metrics) = &prometheus {
            let attributes =
                resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
            prometheus_sdk::prepare(metrics, attributes.collect(), filter, is_kept.clone());
            telemetry = prometheus_sdk::attach(telemetry, metrics);
        }
        let interval = (self.interval).or_else(|| env.metric_interval());
        let interval = interval.unwrap_or(Duration::from_secs(60));
        let mut provider = SdkMeterProvider::builder().with_resource(resource.clone());
        if let Some(metrics) = &prometheus {
            provider = scraped::read(provider, metrics);
        }
        let gallery = Gallery::new(filter, is_kept);
        let mut is_sent = false;
        if wanted.contains(&MetricExporter::Otlp) {
            let mut route = route(env)?;
            let timeout = self.timeout.or_else(|| env.metric_timeout());
            route.timeout = route.timeout.min(timeout.unwrap_or(Duration::from_secs(30)));
            let report = Arc::new(Report::new(Signal::Metrics, &route.endpoint));
            let (client, stop) = Client::start(route)?;
            let temporality = self.temporality.or_else(|| env.temporality()).unwrap_or_default();
            let exporter = OtlpMetrics::new(client, report.clone(), temporality, gallery.clone());
            let reader = PeriodicReader::builder(exporter).with_interval(interval).build();
            provider = provider.with_reader(reader);
            live.exporter = Some((report, stop));
            is_sent = true;
        }
        if wanted.contains(&MetricExporter::Console) {
            let reader = PeriodicReader::builder(Console).with_interval(interval).build();
            provider = provider.with_reader(reader);
            is_sent = true;
        }
        if is_sent || prometheus.is_some() {
            let provider = provider.build();
            global::set_meter_provider(provider.clone());
            // Prometheus gets what is measured here without the provider, and with exemplars.
            if is_sent {
                telemetry = telemetry.measure_with(provider.clone(), Some(gallery));
            }
            live.provider = Some(provider);
        }
        Ok((telemetry, live))
    }
}

impl Live {
    /// Begins to send what has been measured by now; the result says, when it comes, whether all of
    /// it arrived. None comes while an earlier one is still waited for.
    pub(super) fn flush(&self) -> Receiver<bool> {
        let (done, waiting) = mpsc::channel();
        let Some(provider) = self.provider.clone() else {
            let _ = done.send(true);
            return waiting;
        };
        let Some(turn) = Turn::take(&self.is_flushing) else {
            return waiting;
        };
        let report = self.exporter.as_ref().map(|(report, _)| report.clone());
        // The SDK waits as long as the exporter does.
        let flush = move || {
            let _turn = turn;
            let lost = || report.as_ref().map(|report| report.dropped_so_far());
            let before = lost();
            let _ = done.send(provider.force_flush().is_ok() && lost() == before);
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
