//! Nothing is there for Prometheus.

use std::io;

use opentelemetry::KeyValue;

use crate::Telemetry;
use crate::measure::{ExemplarFilter, IsKept};

/// Never there.
#[derive(Clone, Debug)]
pub(crate) enum Metrics {}

/// Never there.
#[derive(Debug)]
pub(crate) enum Listener {}

pub(crate) fn new() -> Option<Metrics> {
    None
}

pub(crate) fn listen(metrics: &Metrics, _: &str, _: u16) -> io::Result<Listener> {
    match *metrics {}
}

pub(crate) fn prepare(
    metrics: &Metrics,
    _: Vec<KeyValue>,
    _: Option<ExemplarFilter>,
    _: Option<IsKept>,
) {
    match *metrics {}
}

pub(crate) fn attach(_: Telemetry, metrics: &Metrics) -> Telemetry {
    match *metrics {}
}
