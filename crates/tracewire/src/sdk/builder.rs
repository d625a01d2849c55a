//! Everything that can be said in code, and how it is brought together with the environment.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{Key, KeyValue, Value, global};
use opentelemetry_sdk::trace::{
    BatchConfig, BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanProcessor,
};

use super::env::{EndpointVariable, Env};
use super::exporter::{Console, Endpoint, Otlp, Report, say, start};
use super::guard::{Live, Turn};
use super::processor::{All, SampledOnly};
use super::provider::Provider;
use super::resource::{DEPLOYMENT_ENVIRONMENT_NAME, SERVICE_NAME, SERVICE_VERSION, resource};
use super::subscriber::{self, Logs};
use super::tail::Room;
use super::{Exporter, Guard, Protocol, Sampler, TailSampling, tracer};
use crate::{Error, Propagator, Telemetry};

/// Settings of a process's telemetry.
///
/// What is said here beats the environment, which beats the defaults. [`builder`](super::builder)
/// makes one.
#[must_use = "nothing happens before `init` is called"]
#[derive(Debug)]
pub struct Builder {
    attributes: Vec<KeyValue>,
    endpoint: Option<String>,
    protocol: Option<Protocol>,
    exporters: Option<Vec<Exporter>>,
    sampler: Option<Sampler>,
    tail: Option<TailSampling>,
    propagator: Option<Propagator>,
    span_filter: Option<String>,
    log_filter: Option<String>,
    subscriber: bool,
    shutdown_timeout: Duration,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            attributes: Vec::new(),
            endpoint: None,
            protocol: None,
            exporters: None,
            sampler: None,
            tail: None,
            propagator: None,
            span_filter: None,
            log_filter: None,
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

    /// The address of the Collector, as `http://host:port`; over HTTP, the path `/v1/traces` is
    /// added. Variables: `OTEL_EXPORTER_OTLP_ENDPOINT`, and `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`
    /// for a whole URL.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// How spans travel to the Collector. Variable: `OTEL_EXPORTER_OTLP_PROTOCOL`.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// Where spans go; an empty list means nowhere. Variable: `OTEL_TRACES_EXPORTER`.
    pub fn exporters(mut self, exporters: impl IntoIterator<Item = Exporter>) -> Self {
        self.exporters = Some(exporters.into_iter().collect());
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

    /// Installs no `tracing` subscriber. Add [`layer`](super::layer) to your own, so that
    /// `#[instrument]` spans are in traces.
    pub fn without_subscriber(mut self) -> Self {
        self.subscriber = false;
        self
    }

    /// How long dropping the guard may take; five seconds by default.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// Sets up the telemetry of this process.
    ///
    /// # Errors
    /// When a setting cannot be followed, when an earlier guard still lives, or when there is no
    /// thread to be had.
    pub fn init(self) -> Result<Guard, Error> {
        let turn = Turn::take()?;
        let mut env = Env::new(|name| std::env::var(name).ok());
        let live = self.start(&mut env)?;
        env.into_complaints().iter().for_each(|text| say(text));
        Ok(Guard::new(live, turn))
    }

    fn start(self, env: &mut Env) -> Result<Option<Live>, Error> {
        let disabled = env.disabled();
        let spans = match &self.span_filter {
            Some(directives) => subscriber::span_filter(directives)?,
            None => subscriber::default_filter(),
        };
        let logs = Logs {
            filter: (self.log_filter.clone())
                .or_else(|| env.log_filter())
                .unwrap_or_else(|| "info".to_owned()),
            color: !env.no_color(),
        };
        let wants_subscriber = self.subscriber;
        let propagator = (self.propagator.clone()).or_else(|| env.propagator()).unwrap_or_default();
        let live = if disabled {
            Telemetry::propagate_only().propagator(propagator.clone()).install();
            None
        } else {
            Some(self.provide(env, propagator.clone())?)
        };
        global::set_text_map_propagator(propagator);
        if wants_subscriber && !subscriber::install(&logs, (!disabled).then_some(spans)) {
            tracing::debug!(
                target: "tracewire",
                "there is a tracing subscriber already; `tracewire::sdk::layer()` in it brings \
                 `#[instrument]` spans into traces"
            );
        }
        Ok(live)
    }

    /// Everything that makes spans and sends them.
    fn provide(mut self, env: &mut Env, propagator: Propagator) -> Result<Live, Error> {
        let sampler = (self.sampler.take()).or_else(|| env.sampler()).unwrap_or_default();
        let sampling = sampler.sampling();
        let mut attributes = env.resource_attributes();
        let name = env.service_name();
        attributes.extend(name.map(|name| KeyValue::new(SERVICE_NAME, name)));
        attributes.append(&mut self.attributes);
        let resource = resource(attributes);
        let mut provider = SdkTracerProvider::builder()
            .with_sampler(sampler.clone())
            .with_resource(resource.clone());
        let exporters = (self.exporters.take())
            .or_else(|| env.exporters())
            .unwrap_or_else(|| vec![Exporter::Otlp]);
        let (mut processors, mut rooms) = (Vec::<Box<dyn SpanProcessor>>::new(), Vec::new());
        if exporters.contains(&Exporter::Console) {
            processors.push(Box::new(Console));
        }
        let mut worker = None;
        if exporters.contains(&Exporter::Otlp) {
            let (queue, batch) = batch(env);
            let otlp = self.otlp(env, resource.clone())?;
            let report = Arc::new(Report::new(otlp.endpoint.clone()));
            let (courier, stop) = start(otlp, report.clone())?;
            let (room, courier) = Room::of_queue(queue, courier);
            rooms.push((room, queue));
            processors.push(Box::new(BatchSpanProcessor::new(courier, batch)));
            worker = Some((report, stop));
        }
        let mut tail = None;
        if !processors.is_empty() {
            let processors = All(processors);
            provider = match self.tail.take() {
                Some(settings) => {
                    let processor = settings.in_front_of(processors).with_rooms(rooms);
                    tail = Some(processor.handle());
                    provider.with_span_processor(SampledOnly(processor))
                }
                None => provider.with_span_processor(SampledOnly(processors)),
            };
        }
        let provider = provider.build();
        let service = resource.get(&Key::from_static_str(SERVICE_NAME));
        let service = service.unwrap_or_else(|| Value::from(""));
        let polling = sampler.poll(&service.as_str());
        let random = Provider(provider.clone());
        tracer::connect(&random, sampling);
        Telemetry::new(&random).propagator(propagator).sampling(sampling).install();
        global::set_tracer_provider(random);
        let timeout = self.shutdown_timeout;
        Ok(Live { provider, otlp: worker, tail, _sampling: polling, timeout })
    }

    fn otlp(&self, env: &mut Env, resource: opentelemetry_sdk::Resource) -> Result<Otlp, Error> {
        let protocol = self.protocol.or_else(|| env.protocol()).unwrap_or_default();
        let insecure = env.insecure();
        let given = self.endpoint.clone().map(EndpointVariable::Base);
        let endpoint = match given.or_else(|| env.endpoint()) {
            Some(EndpointVariable::Exact(text)) => Endpoint::exact(&text, protocol, insecure)?,
            Some(EndpointVariable::Base(text)) => Endpoint::base(&text, protocol, insecure)?,
            None => Endpoint::local(protocol),
        };
        let batch_timeout = env.export_timeout().unwrap_or(Duration::from_secs(30));
        let timeout = env.timeout().unwrap_or(Duration::from_secs(10));
        Ok(Otlp {
            protocol,
            endpoint,
            timeout: timeout.min(batch_timeout),
            gzip: env.gzip(),
            resource,
        })
    }
}

/// The size of the queue, and everything about batches.
fn batch(env: &mut Env) -> (usize, BatchConfig) {
    let delay = env.schedule_delay().unwrap_or(Duration::from_secs(5));
    let queue = env.max_queue_size().unwrap_or(2048);
    let config = BatchConfigBuilder::default()
        .with_scheduled_delay(delay)
        .with_max_queue_size(queue)
        .with_max_export_batch_size(env.max_export_batch_size().unwrap_or(512))
        .build();
    (queue, config)
}
