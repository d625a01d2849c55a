//! How a telemetry is made to measure, for everything that reads.

use std::collections::HashSet;
use std::sync::Arc;

use opentelemetry::{KeyValue, global};
use opentelemetry_proto::tonic::common::v1::EntityRef;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, InstrumentKind, PeriodicReader, SdkMeterProvider, Stream,
};

use super::console::Console;
use super::otlp::OtlpMetrics;
use super::{HistogramAggregation, Live, Pace, Reader, Settings, To};
use crate::measure::{ExemplarFilter, Gallery, IsKept};
use crate::prometheus_sdk::{self, Listener, Metrics};
use crate::sdk::exporter::{Client, Sink, say};
use crate::sdk::{Signal, TailHandle};
use crate::{Error, Telemetry, scraped};

/// Whom measurements are about.
pub(in crate::sdk) struct About<'a> {
    pub(in crate::sdk) resource: &'a Resource,
    pub(in crate::sdk) entities: Arc<[EntityRef]>,
    pub(in crate::sdk) tail: Option<&'a TailHandle>,
}

impl Settings {
    /// Has `telemetry` measure, for all these readers.
    pub(in crate::sdk) fn attach(
        self,
        mut telemetry: Telemetry,
        readers: Vec<Reader>,
        filter: Option<ExemplarFilter>,
        about: &About<'_>,
    ) -> Result<(Telemetry, Live), Error> {
        let tail = about.tail.cloned();
        let is_kept = tail.map(|tail| -> IsKept { Arc::new(move |id| tail.is_kept(id)) });
        let gallery = Gallery::new(filter, is_kept.clone());
        let mut started = Started {
            provider: SdkMeterProvider::builder().with_resource(about.resource.clone()),
            is_sent: false,
            live: Live::default(),
        };
        let mut prometheus = self.prometheus;
        let exponential = |reader: &Reader| {
            let otlp = matches!(reader.to, To::Otlp(_) | To::OtlpStdout);
            otlp && reader.pace.histograms == Some(HistogramAggregation::Base2Exponential)
        };
        if readers.iter().any(exponential) {
            started.provider = started.provider.with_view(base2_exponential);
        }
        let mut fetched = HashSet::new();
        for Reader { to, pace } in readers {
            let (client, sink) = match to {
                To::Prometheus { host, port } => {
                    if fetched.insert((host.clone(), port)) {
                        started.live.listeners.extend(listen(&mut prometheus, &host, port));
                    } else {
                        say(&format!(
                            "two readers of metrics are to listen on {host}:{port}; one does"
                        ));
                    }
                    continue;
                }
                To::Console => {
                    let (_, sink) = Sink::stdout(Signal::Metrics);
                    started.read(Console(sink.report.clone()), &pace, sink);
                    continue;
                }
                To::OtlpStdout => Sink::stdout(Signal::Metrics),
                To::Otlp(mut route) => {
                    route.timeout = route.timeout.min(pace.timeout());
                    Sink::network(*route)?
                }
            };
            let client: Client = client.about(about.entities.clone());
            let temporality = pace.temporality.unwrap_or_default();
            let report = sink.report.clone();
            let exporter = OtlpMetrics::new(client, report, temporality, gallery.visitor());
            started.read(exporter, &pace, sink);
        }
        if let Some(metrics) = &prometheus {
            let attributes = about.resource.iter();
            let attributes =
                attributes.map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
            prometheus_sdk::prepare(metrics, attributes.collect(), filter, is_kept);
            telemetry = prometheus_sdk::attach(telemetry, metrics);
            started.provider = scraped::read(started.provider, metrics);
        }
        let Started { provider, is_sent, mut live } = started;
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

/// What has been set going so far.
struct Started {
    provider: opentelemetry_sdk::metrics::MeterProviderBuilder,
    is_sent: bool,
    live: Live,
}

impl Started {
    fn read(&mut self, exporter: impl PushMetricExporter, pace: &Pace, sink: Sink) {
        let reader = PeriodicReader::builder(exporter).with_interval(pace.interval()).build();
        let provider = std::mem::take(&mut self.provider);
        self.provider = provider.with_reader(reader);
        self.live.exporters.push(sink);
        self.is_sent = true;
    }
}

/// Lets Prometheus ask there. The application does not fail for want of a port.
fn listen(metrics: &mut Option<Metrics>, host: &str, port: u16) -> Option<Listener> {
    *metrics = metrics.take().or_else(prometheus_sdk::new);
    let Some(metrics) = metrics else {
        say("metrics for Prometheus need the feature `prometheus` of tracewire");
        return None;
    };
    match prometheus_sdk::listen(metrics, host, port) {
        Ok(listener) => Some(listener),
        Err(error) => {
            say(&format!(
                "Prometheus cannot fetch metrics: {host}:{port} cannot be listened on: {error}"
            ));
            None
        }
    }
}

/// Specification: Metrics SDK, "Base2 Exponential Bucket Histogram Aggregation", its defaults.
fn base2_exponential(instrument: &Instrument) -> Option<Stream> {
    let aggregation = Aggregation::Base2ExponentialHistogram {
        max_size: 160,
        max_scale: 20,
        record_min_max: true,
    };
    let stream = || Stream::builder().with_aggregation(aggregation).build().ok();
    (instrument.kind() == InstrumentKind::Histogram).then(stream).flatten()
}
