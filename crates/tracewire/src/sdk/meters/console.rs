//! Measurements as lines on a terminal, for a first look.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;

use super::super::exporter::{Report, print};
use super::otlp::{Point, points};

/// Writes one line for each series to standard output, and reports it.
#[derive(Debug)]
pub(super) struct Console(pub(super) Arc<Report>);

impl PushMetricExporter for Console {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let request = ExportMetricsServiceRequest::from(metrics);
        for (metric, point) in points(&request) {
            let line = line(&metric.name, &metric.unit, &point);
            self.0.at_once(|| print(line.as_bytes()));
        }
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

fn line(name: &str, unit: &str, point: &Point<'_>) -> String {
    let (attributes, value) = match point {
        Point::Number(point) => {
            let value = match point.value {
                Some(Value::AsDouble(value)) => value.to_string(),
                Some(Value::AsInt(value)) => value.to_string(),
                None => String::new(),
            };
            (&point.attributes, value)
        }
        Point::Histogram(point) => (&point.attributes, spread(point.count, point.sum)),
        Point::Exponential(point) => (&point.attributes, spread(point.count, point.sum)),
    };
    format!("{name}{{{}}} {value} {unit}", labels(attributes)).trim_end().to_owned() + "\n"
}

fn spread(count: u64, sum: Option<f64>) -> String {
    format!("count={count} sum={}", sum.unwrap_or_default())
}

fn labels(attributes: &[KeyValue]) -> String {
    let mut labels = String::new();
    for attribute in attributes {
        let comma = if labels.is_empty() { "" } else { "," };
        let value = match attribute.value.as_ref().and_then(|it| it.value.as_ref()) {
            Some(Any::StringValue(text)) => text.clone(),
            Some(Any::IntValue(number)) => number.to_string(),
            Some(Any::DoubleValue(number)) => number.to_string(),
            Some(Any::BoolValue(truth)) => truth.to_string(),
            _ => String::new(),
        };
        // Control characters of what a caller said stay out of the terminal.
        let _ = write!(labels, "{comma}{}={value:?}", attribute.key);
    }
    labels
}
