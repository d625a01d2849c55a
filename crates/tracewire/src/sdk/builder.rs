//! Everything that can be said in code.

mod records;
mod start;

use std::time::Duration;

use opentelemetry::{Key, KeyValue, Value};

use super::resource::{DEPLOYMENT_ENVIRONMENT_NAME, SERVICE_NAME, SERVICE_VERSION};
use super::{Batch, Exporter, Otlp, Protocol, Sampler, Signal};
use crate::Propagator;

/// Settings of a process's telemetry.
///
/// What is said here beats the environment, which beats the defaults. [`builder`](super::builder)
/// makes one.
#[must_use = "nothing happens before `init` is called"]
#[derive(Debug)]
pub struct Builder {
    attributes: Vec<KeyValue>,
    otlp: Otlp,
    otlp_for: Vec<(Signal, Otlp)>,
    batch: Batch,
    exporters: Option<Vec<Exporter>>,
    sampler: Option<Sampler>,
    propagator: Option<Propagator>,
    span_filter: Option<String>,
    log_filter: Option<String>,
    json_logs: bool,
    log_exporters: Option<Vec<Exporter>>,
    subscriber: bool,
    shutdown_timeout: Duration,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            attributes: Vec::new(),
            otlp: Otlp::new(),
            otlp_for: Vec::new(),
            batch: Batch::new(),
            exporters: None,
            sampler: None,
            propagator: None,
            span_filter: None,
            log_filter: None,
            json_logs: false,
            log_exporters: None,
            subscriber: true,
            shutdown_timeout: Duration::from_secs(5),
        }
    }

    /// The name of the service, `service.name`. Variable: `OTEL_SERVICE_NAME`.
    pub fn service_name(self, name: impl Into<String>) -> Self {
        self.resource_attribute(SERVICE_NAME, name.into())
    }

    /// The version of the service, `service.version`.
    pub fn service_version(self, version: impl Into<String>) -> Self {
        self.resource_attribute(SERVICE_VERSION, version.into())
    }

    /// Where the service is deployed, `deployment.environment.name`: `production`, `staging`,
    /// `test`, `development`.
    pub fn environment(self, name: impl Into<String>) -> Self {
        self.resource_attribute(DEPLOYMENT_ENVIRONMENT_NAME, name.into())
    }

    /// Another attribute of the resource. Variable: `OTEL_RESOURCE_ATTRIBUTES`.
    pub fn resource_attribute(mut self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        self.attributes.push(KeyValue::new(key, value));
        self
    }

    /// The address of the Collector, as `http://host:port` or `https://host:port`; over HTTP, the
    /// path `/v1/traces` is added. Variable: `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.otlp = self.otlp.endpoint(endpoint);
        self
    }

    /// How telemetry travels to the Collector. Variable: `OTEL_EXPORTER_OTLP_PROTOCOL`.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.otlp = self.otlp.protocol(protocol);
        self
    }

    /// The way to the Collector, for all signals. Variables: `OTEL_EXPORTER_OTLP_…`.
    pub fn otlp(mut self, way: Otlp) -> Self {
        self.otlp = way.or(self.otlp);
        self
    }

    /// The way to the Collector for one signal, where it differs. Variables:
    /// `OTEL_EXPORTER_OTLP_TRACES_…`, `OTEL_EXPORTER_OTLP_METRICS_…`, `OTEL_EXPORTER_OTLP_LOGS_…`.
    pub fn otlp_for(mut self, signal: Signal, way: Otlp) -> Self {
        self.otlp_for.insert(0, (signal, way));
        self
    }

    /// How finished spans are gathered. Variables: `OTEL_BSP_…`.
    pub fn batch(mut self, batch: Batch) -> Self {
        self.batch = batch.or(self.batch);
        self
    }

    /// Where spans go; an empty list means nowhere. Variable: `OTEL_TRACES_EXPORTER`.
    pub fn exporters(mut self, exporters: impl IntoIterator<Item = Exporter>) -> Self {
        self.exporters = Some(exporters.into_iter().collect());
        self
    }

    /// Which traces are kept. Variables: `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG`.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.sampler = Some(sampler);
        self
    }

    /// Which headers are read and written. Variable: `OTEL_PROPAGATORS`.
    pub fn propagator(mut self, propagator: Propagator) -> Self {
        self.propagator = Some(propagator);
        self
    }

    /// Which `tracing` spans, and events in them, go into traces: targets and levels, such as
    /// `info,my_crate::pool=debug,noisy_crate=off`. The default is `info`. `RUST_LOG` has no say
    /// in it.
    pub fn span_filter(mut self, directives: impl Into<String>) -> Self {
        self.span_filter = Some(directives.into());
        self
    }

    /// Which log lines are written, in the terms of `tracing_subscriber::EnvFilter`. The default is
    /// `info`. Variable: `RUST_LOG`.
    pub fn log_filter(mut self, directives: impl Into<String>) -> Self {
        self.log_filter = Some(directives.into());
        self
    }

    /// Writes each log line as a JSON object.
    pub fn json_logs(mut self) -> Self {
        self.json_logs = true;
        self
    }

    /// Where log records go besides standard error; nowhere by default, as not every receiver of
    /// spans takes them. Variable: `OTEL_LOGS_EXPORTER`.
    pub fn log_exporters(mut self, exporters: impl IntoIterator<Item = Exporter>) -> Self {
        self.log_exporters = Some(exporters.into_iter().collect());
        self
    }

    /// Installs no `tracing` subscriber. Add [`layer`](super::layer) to your own, so that
    /// `#[instrument]` spans are in traces, and [`log_layer`](super::log_layer) to send log records.
    pub fn without_subscriber(mut self) -> Self {
        self.subscriber = false;
        self
    }

    /// How long dropping the guard may take; five seconds by default.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }
}
