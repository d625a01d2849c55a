//! Instruments of the program's own, for Prometheus to fetch.

use opentelemetry_sdk::metrics::MeterProviderBuilder;

use crate::prometheus::Metrics;

/// Has what the provider's instruments stand at among these metrics.
pub(crate) fn read(provider: MeterProviderBuilder, metrics: &Metrics) -> MeterProviderBuilder {
    provider.with_reader(metrics.reader())
}
