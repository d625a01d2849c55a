//! The variables of metrics.
//!
//! Specification: Environment Variables, "Exemplars", "Periodic exporting MetricReader", "Prometheus
//! Exporter"; OTLP Metrics Exporter.

use std::time::Duration;

use opentelemetry_sdk::metrics::Temporality;

use super::Env;
use crate::measure::ExemplarFilter;
use crate::sdk::{HistogramAggregation, MetricExporter};

impl Env {
    pub(in crate::sdk) fn metric_exporters(&mut self) -> Option<Vec<MetricExporter>> {
        let wanted = "otlp, prometheus, console, otlp/stdout or none";
        self.list("OTEL_METRICS_EXPORTER", wanted, MetricExporter::from_name)
    }

    pub(in crate::sdk) fn metric_interval(&mut self) -> Option<Duration> {
        self.milliseconds(&["OTEL_METRIC_EXPORT_INTERVAL"])
    }

    pub(in crate::sdk) fn metric_timeout(&mut self) -> Option<Duration> {
        self.timeout(&["OTEL_METRIC_EXPORT_TIMEOUT"])
    }

    pub(in crate::sdk) fn temporality(&mut self) -> Option<Temporality> {
        let name = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
        self.choice(&[name], "cumulative, delta or lowmemory", |name| {
            Some(match name.to_ascii_lowercase().as_str() {
                "cumulative" => Temporality::Cumulative,
                "delta" => Temporality::Delta,
                "lowmemory" => Temporality::LowMemory,
                _ => return None,
            })
        })
    }

    pub(in crate::sdk) fn histograms(&mut self) -> Option<HistogramAggregation> {
        let name = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
        let wanted = "explicit_bucket_histogram or base2_exponential_bucket_histogram";
        self.choice(&[name], wanted, HistogramAggregation::from_name)
    }

    pub(in crate::sdk) fn exemplar_filter(&mut self) -> Option<ExemplarFilter> {
        let wanted = "trace_based, always_on or always_off";
        self.choice(&["OTEL_METRICS_EXEMPLAR_FILTER"], wanted, ExemplarFilter::from_name)
    }

    pub(in crate::sdk) fn prometheus_host(&self) -> Option<String> {
        self.text("OTEL_EXPORTER_PROMETHEUS_HOST")
    }

    pub(in crate::sdk) fn prometheus_port(&mut self) -> Option<u16> {
        let port = self.number(&["OTEL_EXPORTER_PROMETHEUS_PORT"], 0..=65_535)?;
        port.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::ask;
    use super::*;

    #[test]
    fn names_in_any_case_and_nothing_else() {
        let cases: &[(&str, Option<Temporality>, usize)] = &[
            ("", None, 0),
            ("Delta", Some(Temporality::Delta), 0),
            ("LowMemory", Some(Temporality::LowMemory), 0),
            ("cumulative", Some(Temporality::Cumulative), 0),
            ("low_memory", None, 1),
        ];
        for (value, expected, complaints) in cases {
            let variables = [("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", *value)];
            assert_eq!(ask(&variables, Env::temporality), (*expected, *complaints), "{value}");
        }
        let cases = [
            ("Explicit_Bucket_Histogram", Some(HistogramAggregation::ExplicitBuckets), 0),
            ("base2_exponential_bucket_histogram", Some(HistogramAggregation::Base2Exponential), 0),
            ("exponential", None, 1),
        ];
        for (value, expected, complaints) in cases {
            let variables = [("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", value)];
            assert_eq!(ask(&variables, Env::histograms), (expected, complaints), "{value}");
        }
        let cases: &[(&str, Option<&[MetricExporter]>, usize)] = &[
            ("none", Some(&[]), 0),
            ("otlp,Prometheus", Some(&[MetricExporter::Otlp, MetricExporter::Prometheus]), 0),
            ("console, statsd", Some(&[MetricExporter::Console]), 1),
            ("statsd", None, 1),
        ];
        for (value, expected, complaints) in cases {
            let variables = [("OTEL_METRICS_EXPORTER", *value)];
            let (found, count) = ask(&variables, Env::metric_exporters);
            assert_eq!((found.as_deref(), count), (*expected, *complaints), "{value}");
        }
        let cases =
            [("9464", Some(9464), 0), ("0", Some(0), 0), ("65536", None, 1), ("-1", None, 1)];
        for (value, expected, complaints) in cases {
            let variables = [("OTEL_EXPORTER_PROMETHEUS_PORT", value)];
            assert_eq!(ask(&variables, Env::prometheus_port), (expected, complaints), "{value}");
        }
    }
}
