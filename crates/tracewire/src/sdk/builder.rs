//! Everything that can be said in code.

mod configured;
mod readers;
mod records;
mod start;

use std::time::Duration;

use opentelemetry::{Key, KeyValue, Value};
use tracing::level_filters::LevelFilter;

use self::configured::{Destinations, Source};
use self::records::Settings as Records;
use super::config::{MetricDestination, Patterns};
use super::meters::Settings as Meters;
use super::resource::{
    DEPLOYMENT_ENVIRONMENT_NAME, SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_NAMESPACE,
    SERVICE_VERSION,
};
use super::{
    Batch, Detector, Entity, Exporter, Limits, Otlp, Protocol, Sampler, Signal, TailSampling,
};
use crate::Propagator;

/// Settings of a process's telemetry.
///
/// What is said here beats the environment, which beats the defaults. [`builder`](super::builder)
/// makes one.
#[must_use = "nothing happens before `init` is called"]
#[derive(Debug)]
pub struct Builder {
    config: Option<Source>,
    disabled: bool,
    attributes: Vec<KeyValue>,
    entities: Vec<Entity>,
    detectors: Option<Vec<Detector>>,
    /// Which attributes of the detectors are wanted.
    detected: Patterns,
    otlp: Otlp,
    otlp_for: Vec<(Signal, Otlp)>,
    batch: Batch,
    limits: Limits,
    zipkin_endpoint: Option<String>,
    zipkin_timeout: Option<Duration>,
    exporters: Option<Vec<Exporter>>,
    /// Where a configuration sends spans, unless code says where they go.
    destinations: Option<Destinations>,
    /// Whether spans are made at all; a configuration may say that they are not.
    spans: bool,
    sampler: Option<Sampler>,
    tail: Option<TailSampling>,
    propagator: Option<Propagator>,
    span_filter: Option<String>,
    log_filter: Option<String>,
    json_logs: bool,
    color: bool,
    records: Records,
    own_level: Option<LevelFilter>,
    subscriber: bool,
    exception_events: bool,
    pub(crate) meters: Meters,
    /// Where a configuration has measurements read, unless code says by what.
    metric_destinations: Option<Destinations<MetricDestination>>,
    shutdown_timeout: Duration,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            config: None,
            disabled: false,
            attributes: Vec::new(),
            entities: Vec::new(),
            detectors: None,
            detected: Patterns::default(),
            otlp: Otlp::new(),
            otlp_for: Vec::new(),
            batch: Batch::new(),
            limits: Limits::new(),
            zipkin_endpoint: None,
            zipkin_timeout: None,
            exporters: None,
            destinations: None,
            spans: true,
            sampler: None,
            tail: None,
            propagator: None,
            span_filter: None,
            log_filter: None,
            json_logs: false,
            color: true,
            records: Records::default(),
            own_level: None,
            subscriber: true,
            exception_events: false,
            meters: Meters::default(),
            metric_destinations: None,
            shutdown_timeout: Duration::from_secs(5),
        }
    }

    /// Makes no spans and sends nothing; context still travels. Variable: `OTEL_SDK_DISABLED`.
    pub fn disabled(mut self) -> Self {
        self.disabled = true;
        self
    }

    /// The name of the service, `service.name`. Variable: `OTEL_SERVICE_NAME`.
    pub fn service_name(self, name: impl Into<String>) -> Self {
        self.resource_attribute(SERVICE_NAME, name.into())
    }

    /// The version of the service, `service.version`.
    pub fn service_version(self, version: impl Into<String>) -> Self {
        self.resource_attribute(SERVICE_VERSION, version.into())
    }

    /// What the service belongs to, `service.namespace`.
    pub fn service_namespace(self, namespace: impl Into<String>) -> Self {
        self.resource_attribute(SERVICE_NAMESPACE, namespace.into())
    }

    /// What tells this process from others of the same service, `service.instance.id`. A new UUID
    /// for each start by default.
    pub fn service_instance_id(self, id: impl Into<String>) -> Self {
        self.resource_attribute(SERVICE_INSTANCE_ID, id.into())
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

    /// Something that telemetry is about; its attributes are attributes of the resource, for which what
    /// is said of these one by one counts for more. Variable: `OTEL_ENTITIES`.
    pub fn entity(mut self, entity: Entity) -> Self {
        self.entities.push(entity);
        self
    }

    /// What to find out about the place where the process runs; nothing by default. What is said in
    /// other ways counts for more. Variable: `OTEL_EXPERIMENTAL_RESOURCE_DETECTORS`.
    pub fn detectors(mut self, detectors: impl IntoIterator<Item = Detector>) -> Self {
        self.detectors = Some(detectors.into_iter().collect());
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

    /// How much one span may hold. Variables: `OTEL_SPAN_…_LIMIT`, `OTEL_ATTRIBUTE_…_LIMIT`,
    /// `OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT`, `OTEL_LINK_ATTRIBUTE_COUNT_LIMIT`.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits.or(self.limits);
        self
    }

    /// Where spans go; an empty list means nowhere. Variable: `OTEL_TRACES_EXPORTER`.
    pub fn exporters(mut self, exporters: impl IntoIterator<Item = Exporter>) -> Self {
        self.exporters = Some(exporters.into_iter().collect());
        self
    }

    /// The whole URL of a Zipkin server, for [`Exporter::Zipkin`]. Variable:
    /// `OTEL_EXPORTER_ZIPKIN_ENDPOINT`.
    pub fn zipkin_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.zipkin_endpoint = Some(endpoint.into());
        self
    }

    /// How long one export to a Zipkin server may take; ten seconds by default. Variable:
    /// `OTEL_EXPORTER_ZIPKIN_TIMEOUT`.
    pub fn zipkin_timeout(mut self, timeout: Duration) -> Self {
        self.zipkin_timeout = Some(timeout);
        self
    }

    /// Which traces are kept. Variables: `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG`.
    pub fn sampler(mut self, sampler: impl Into<Sampler>) -> Self {
        self.sampler = Some(sampler.into());
        self
    }

    /// Decides when a trace has ended whether it is sent, out of those that the sampler has let
    /// through.
    pub fn tail_sampling(mut self, tail: TailSampling) -> Self {
        self.tail = Some(tail);
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

    /// Writes log lines without colors, also to a terminal. Variable: `NO_COLOR`.
    pub fn without_color(mut self) -> Self {
        self.color = false;
        self
    }

    /// Records exceptions as span events too, beside the log records, for back ends that know nothing
    /// else. Variable: `OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN`.
    pub fn exception_events(mut self) -> Self {
        self.exception_events = true;
        self
    }

    /// How much telemetry says about itself, such as warnings that spans do not arrive. By default
    /// that is warnings of tracewire and nothing of OpenTelemetry's SDK. What
    /// [`log_filter`](Self::log_filter) says about these targets counts for more. Variable:
    /// `OTEL_LOG_LEVEL`.
    pub fn own_log_level(mut self, level: LevelFilter) -> Self {
        self.own_level = Some(level);
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
