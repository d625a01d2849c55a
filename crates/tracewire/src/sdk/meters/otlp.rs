//! Measurements on their way to a Collector, with the exemplars that the SDK leaves out.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::KeyValue;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar as Message, Metric as MetricMessage};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, Metric, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;

use super::super::exporter::{Client, Pieces as _, Report};
use crate::measure::{Exemplar, Gallery};
use crate::span;

/// Sends everything that was measured by OTLP and reports what does not arrive.
#[derive(Debug)]
pub(super) struct OtlpMetrics {
    client: Client,
    report: Arc<Report>,
    temporality: Temporality,
    gallery: Gallery,
}

impl OtlpMetrics {
    pub(super) fn new(
        client: Client,
        report: Arc<Report>,
        temporality: Temporality,
        gallery: Gallery,
    ) -> Self {
        Self { client, report, temporality, gallery }
    }

    /// The SDK has no exemplars to convert. Its points and the message's are in the same order.
    fn add_exemplars(&self, metrics: &ResourceMetrics, request: &mut ExportMetricsServiceRequest) {
        let messages = request.resource_metrics.iter_mut().flat_map(|it| &mut it.scope_metrics);
        let ours = span::source::scope();
        for (scope, message) in metrics.scope_metrics().zip(messages) {
            if scope.scope().name() == ours.name() {
                for (metric, message) in scope.metrics().zip(&mut message.metrics) {
                    self.add_exemplars_of(metric, message);
                }
            }
        }
    }

    fn add_exemplars_of(&self, metric: &Metric, message: &mut MetricMessage) {
        macro_rules! taken {
            ($data:expr) => {
                $data.data_points().map(|point| self.take(metric, point.attributes())).collect()
            };
        }
        let taken: Vec<Vec<Exemplar>> = match metric.data() {
            AggregatedMetrics::F64(MetricData::Histogram(data)) => taken!(data),
            AggregatedMetrics::U64(MetricData::Histogram(data)) => taken!(data),
            AggregatedMetrics::F64(MetricData::ExponentialHistogram(data)) => taken!(data),
            AggregatedMetrics::U64(MetricData::ExponentialHistogram(data)) => taken!(data),
            _ => return,
        };
        let places: Vec<&mut Vec<Message>> = match &mut message.data {
            Some(Data::Histogram(it)) => {
                it.data_points.iter_mut().map(|point| &mut point.exemplars).collect()
            }
            Some(Data::ExponentialHistogram(it)) => {
                it.data_points.iter_mut().map(|point| &mut point.exemplars).collect()
            }
            _ => return,
        };
        for (place, exemplars) in places.into_iter().zip(taken) {
            *place = exemplars.iter().map(message_of).collect();
        }
    }

    fn take<'a>(
        &self,
        metric: &Metric,
        attributes: impl Iterator<Item = &'a KeyValue>,
    ) -> Vec<Exemplar> {
        self.gallery.take(metric.name(), attributes)
    }
}

fn message_of(exemplar: &Exemplar) -> Message {
    let time = exemplar.time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Message {
        filtered_attributes: Vec::new(),
        time_unix_nano: time.as_nanos().try_into().unwrap_or_default(),
        span_id: exemplar.span.to_bytes().to_vec(),
        trace_id: exemplar.trace.to_bytes().to_vec(),
        value: Some(Value::AsDouble(exemplar.value)),
    }
}

impl PushMetricExporter for OtlpMetrics {
    /// Always `Ok`: what went wrong is in the report, and the SDK would log it once more.
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut request = ExportMetricsServiceRequest::from(metrics);
        let count = request.count();
        if count == 0 {
            return Ok(());
        }
        self.report.leaving(count);
        self.add_exemplars(metrics, &mut request);
        self.client.send(request, &self.report).await;
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        self.temporality
    }
}

/// The series of a request: metric, attributes, and what is known of its value.
pub(super) fn points(
    request: &ExportMetricsServiceRequest,
) -> impl Iterator<Item = (&MetricMessage, Point<'_>)> {
    let scopes = request.resource_metrics.iter().flat_map(|it| &it.scope_metrics);
    scopes.flat_map(|scope| &scope.metrics).flat_map(|metric| {
        let points: Vec<Point<'_>> = match &metric.data {
            Some(Data::Gauge(gauge)) => gauge.data_points.iter().map(Point::Number).collect(),
            Some(Data::Sum(sum)) => sum.data_points.iter().map(Point::Number).collect(),
            Some(Data::Histogram(it)) => it.data_points.iter().map(Point::Histogram).collect(),
            Some(Data::ExponentialHistogram(it)) => {
                it.data_points.iter().map(Point::Exponential).collect()
            }
            Some(Data::Summary(_)) | None => Vec::new(),
        };
        points.into_iter().map(move |point| (metric, point))
    })
}

/// One series of a request.
pub(super) enum Point<'a> {
    Number(&'a opentelemetry_proto::tonic::metrics::v1::NumberDataPoint),
    Histogram(&'a opentelemetry_proto::tonic::metrics::v1::HistogramDataPoint),
    Exponential(&'a opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint),
}
