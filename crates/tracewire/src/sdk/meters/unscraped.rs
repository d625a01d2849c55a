//! Nobody fetches anything.

use opentelemetry_sdk::metrics::MeterProviderBuilder;

use crate::prometheus_sdk::Metrics;

pub(crate) fn read(_: MeterProviderBuilder, metrics: &Metrics) -> MeterProviderBuilder {
    match *metrics {}
}
