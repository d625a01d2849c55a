//! What measurements are read by, and how often.

use std::time::Duration;

use opentelemetry_sdk::metrics::Temporality;

use super::super::env::Env;
use super::super::exporter::Route;
use super::HistogramAggregation;

/// One of the things that measurements are read by.
#[derive(Debug)]
pub(in crate::sdk) struct Reader {
    pub(in crate::sdk) to: To,
    pub(in crate::sdk) pace: Pace,
}

#[derive(Debug)]
pub(in crate::sdk) enum To {
    Otlp(Box<Route>),
    OtlpStdout,
    Console,
    /// Waits here to be asked.
    Prometheus {
        host: String,
        port: u16,
    },
}

/// When it reads, and in which form.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::sdk) struct Pace {
    pub(in crate::sdk) interval: Option<Duration>,
    pub(in crate::sdk) timeout: Option<Duration>,
    pub(in crate::sdk) temporality: Option<Temporality>,
    pub(in crate::sdk) histograms: Option<HistogramAggregation>,
}

/// Where Prometheus looks by default.
const PROMETHEUS: (&str, u16) = ("localhost", 9464);

impl To {
    /// Where Prometheus asks, with defaults for what is not said.
    pub(in crate::sdk) fn prometheus(host: Option<String>, port: Option<u16>) -> Self {
        let (usual_host, usual_port) = PROMETHEUS;
        let host = host.unwrap_or_else(|| usual_host.to_owned());
        Self::Prometheus { host, port: port.unwrap_or(usual_port) }
    }
}

impl Pace {
    /// As variables have it.
    pub(in crate::sdk) fn of(env: &mut Env) -> Self {
        Self {
            interval: env.metric_interval(),
            timeout: env.metric_timeout(),
            temporality: env.temporality(),
            histograms: env.histograms(),
        }
    }

    /// What is said here, and else what `other` says.
    pub(in crate::sdk) fn or(self, other: Self) -> Self {
        Self {
            interval: self.interval.or(other.interval),
            timeout: self.timeout.or(other.timeout),
            temporality: self.temporality.or(other.temporality),
            histograms: self.histograms.or(other.histograms),
        }
    }

    pub(super) fn interval(&self) -> Duration {
        self.interval.unwrap_or(Duration::from_secs(60))
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(Duration::from_secs(30))
    }
}
