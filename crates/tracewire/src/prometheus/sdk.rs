//! What the start of a process has to do for Prometheus.

use std::io;

use opentelemetry::KeyValue;

use crate::Telemetry;
use crate::measure::{ExemplarFilter, IsKept};
use crate::sdk::Builder;

pub(crate) use crate::prometheus::{Listener, Metrics};

impl Builder {
    /// Measures for Prometheus: serve `metrics` from a router, or where else it can fetch them.
    /// Nothing is then sent to a Collector unless that is asked for.
    pub fn prometheus(mut self, metrics: &Metrics) -> Self {
        self.meters.prometheus = Some(metrics.clone());
        self
    }
}

/// Where nobody else has made them.
pub(crate) fn new() -> Option<Metrics> {
    Some(Metrics::new())
}

pub(crate) fn listen(metrics: &Metrics, host: &str, port: u16) -> io::Result<Listener> {
    metrics.listen((host.trim_start_matches('[').trim_end_matches(']'), port))
}

/// Says what the process is, and which traces exemplars may lead to.
pub(crate) fn prepare(
    metrics: &Metrics,
    target: Vec<KeyValue>,
    filter: Option<ExemplarFilter>,
    is_kept: Option<IsKept>,
) {
    let _ = metrics.clone().target(target);
    if let Some(filter) = filter {
        metrics.examples().filter_by_default(filter);
    }
    metrics.examples().decided_by(is_kept);
}

pub(crate) fn attach(telemetry: Telemetry, metrics: &Metrics) -> Telemetry {
    telemetry.prometheus(metrics)
}
