//! How what is said in code is brought together with the environment, and set going.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{Key, KeyValue, Value, global};
use opentelemetry_proto::tonic::common::v1::EntityRef;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanExporter, SpanProcessor};
use tracing::level_filters::LevelFilter;

use super::super::env::Env;
use super::super::exporter::{
    Client, Console, OtlpSpans, Queue, Report, Route, Sink, ZipkinSpans, say, set_quiet,
};
use super::super::guard::{Live, Turn};
use super::super::limits::Short;
use super::super::meters::About;
use super::super::processor::{All, SampledOnly};
use super::super::provider::Provider;
use super::super::records::Records;
use super::super::resource::{SERVICE_NAME, resource};
use super::super::setup::{self, Destination, InCode, Traces};
use super::super::stats::{Counting, Started};
use super::super::subscriber::{self, Logs};
use super::super::tail::Room;
use super::super::{Batch, Entity, Exporter, Guard, Otlp, Signal, tracer};
use super::Builder;
use crate::{Error, Propagator, Telemetry, doctor};

impl Builder {
    /// Sets up the telemetry of this process.
    ///
    /// # Errors
    /// When a setting cannot be followed, when an earlier guard still lives, or when there is no
    /// thread to be had.
    pub fn init(self) -> Result<Guard, Error> {
        let turn = Turn::take()?;
        setup::begin(self.in_code());
        let env = Env::new(|name| std::env::var(name).ok());
        let (settings, mut env) = self.configured(env)?;
        let live = settings.start(&mut env)?;
        env.into_complaints().iter().for_each(|text| say(text));
        doctor::at_start().iter().for_each(|finding| say(&finding.to_string()));
        Ok(Guard::new(live, turn))
    }

    fn in_code(&self) -> InCode {
        InCode {
            disabled: self.disabled,
            sampler: self.sampler.is_some(),
            exporters: self.exporters.is_some(),
            propagator: self.propagator.is_some(),
            endpoint: self.special(Signal::Traces).or(self.otlp.clone()).endpoint.is_some(),
            zipkin_endpoint: self.zipkin_endpoint.is_some(),
        }
    }

    fn start(self, env: &mut Env) -> Result<Option<Live>, Error> {
        let disabled = env.disabled() || self.disabled;
        let spans = match &self.span_filter {
            Some(directives) => subscriber::span_filter(directives)?,
            None => subscriber::default_filter(),
        };
        let own_level = self.own_level.or_else(|| env.own_log_level());
        set_quiet(own_level.is_some_and(|level| level < LevelFilter::WARN));
        let logs = Logs {
            own_level,
            filter: (self.log_filter.clone())
                .or_else(|| env.log_filter())
                .unwrap_or_else(|| "info".to_owned()),
            color: self.color && !env.no_color(),
            json: self.json_logs,
        };
        env.stability();
        let wants_subscriber = self.subscriber;
        let propagator = (self.propagator.clone()).or_else(|| env.propagator()).unwrap_or_default();
        let live = if disabled {
            Telemetry::propagate_only().propagator(propagator.clone()).install();
            None
        } else {
            Some(self.provide(env, propagator.clone())?)
        };
        global::set_text_map_propagator(propagator);
        setup::ready(wants_subscriber && subscriber::install(&logs, (!disabled).then_some(spans)));
        Ok(live)
    }

    /// Everything that makes telemetry and sends it.
    fn provide(mut self, env: &mut Env, propagator: Propagator) -> Result<Live, Error> {
        let sampler = (self.sampler.take()).or_else(|| env.sampler()).unwrap_or_default();
        let sampling = sampler.sampling();
        let limits = self.limits.or(env.limits(Signal::Traces));
        let started = Arc::new(Started::default());
        let (resource, entities) = self.resource(env);
        let records = self.records(env, resource.clone(), &entities)?;
        let readers = self.readers(env)?;
        let exemplars = self.meters.filter.or_else(|| env.exemplar_filter());
        let mut provider = SdkTracerProvider::builder()
            .with_sampler(Counting::new(sampler.clone(), started.clone()))
            .with_span_limits(limits.of_spans())
            .with_resource(resource.clone());
        let sinks = Sinks { entities: entities.clone(), ..Sinks::default() };
        let Sinks { processors, exporters, rooms, destinations, .. } = self.sinks(env, sinks)?;
        let sent = !processors.is_empty();
        let mut tail = None;
        if sent {
            let processors = Short::new(All(processors), &limits);
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
        let mut polling = Vec::new();
        let random = Provider(provider.clone());
        let telemetry = if self.spans {
            let (keeps, service) = (sampler.keeps(), service.as_str().into_owned());
            polling = sampler.poll(&service);
            setup::traces(Traces { service, keeps, sent, destinations });
            tracer::connect(&random, sampling);
            Telemetry::new(&random).sampling(sampling)
        } else {
            Telemetry::without_spans()
        };
        records.iter().for_each(Records::connect);
        let mut telemetry = telemetry.propagator(propagator);
        if self.exception_events || env.exception_events() {
            telemetry = telemetry.exception_events();
        }
        let meters = std::mem::take(&mut self.meters);
        let about = About { resource: &resource, entities, tail: tail.as_ref() };
        let (telemetry, meters) = meters.attach(telemetry, readers, exemplars, &about)?;
        telemetry.install();
        if self.spans {
            global::set_tracer_provider(random);
        }
        let timeout = self.shutdown_timeout;
        Ok(Live {
            provider,
            started,
            exporters,
            records,
            tail,
            meters,
            _sampling: polling,
            timeout,
        })
    }

    fn resource(&mut self, env: &mut Env) -> (Resource, Arc<[EntityRef]>) {
        let detectors = self.detectors.take().or_else(|| env.detectors()).unwrap_or_default();
        let mut attributes: Vec<_> =
            detectors.into_iter().flat_map(|detector| detector.detect(env)).collect();
        attributes.retain(|attribute| self.detected.matches(attribute.key.as_str()));
        let mut entities = env.entities();
        for entity in self.entities.drain(..) {
            // What code says is meant to count for more.
            entity.join(&mut entities);
        }
        attributes.extend(entities.iter().flat_map(Entity::attributes));
        attributes.append(&mut env.resource_attributes());
        let name = env.service_name();
        attributes.extend(name.map(|name| KeyValue::new(SERVICE_NAME, name)));
        attributes.append(&mut self.attributes);
        (resource(attributes), entities.iter().map(Entity::reference).collect())
    }

    /// The way of a signal, from everything that is said about it.
    pub(super) fn route(&self, signal: Signal, env: &mut Env) -> Result<Route, Error> {
        Route::find(signal, &self.special(signal), &self.otlp, env)
    }

    /// What is said about a signal alone.
    pub(super) fn special(&self, signal: Signal) -> Otlp {
        let special = self.otlp_for.iter().filter(|(of, _)| *of == signal);
        special.fold(Otlp::new(), |all, (_, way)| all.or(way.clone()))
    }

    /// Everything that spans are sent to.
    fn sinks(&mut self, env: &mut Env, mut sinks: Sinks) -> Result<Sinks, Error> {
        if !self.spans {
            return Ok(sinks);
        }
        if let Some(destinations) = self.destinations.take() {
            self.configured_sinks(destinations, env, &mut sinks)?;
            return Ok(sinks);
        }
        let wanted = (self.exporters.take())
            .or_else(|| env.exporters())
            .unwrap_or_else(|| vec![Exporter::Otlp]);
        for (index, exporter) in wanted.iter().enumerate() {
            let mut batch = || {
                let said = env.batch(Signal::Traces);
                env.batch_of(Signal::Traces, self.batch, said)
            };
            match exporter {
                twice if wanted[..index].contains(twice) => {}
                Exporter::Console => sinks.console(),
                Exporter::OtlpStdout => sinks.stdout(&batch()),
                Exporter::Otlp => {
                    let batch = batch();
                    let route = self.route(Signal::Traces, env)?;
                    sinks.destinations.push(Destination::of(&route));
                    sinks.network(route, &batch, OtlpSpans::new)?;
                }
                Exporter::Zipkin => {
                    let batch = batch();
                    let route = self.zipkin(env)?;
                    sinks.destinations.push(Destination::zipkin(&route));
                    sinks.network(route, &batch, ZipkinSpans::new)?;
                }
            }
        }
        Ok(sinks)
    }

    fn zipkin(&self, env: &mut Env) -> Result<Route, Error> {
        let endpoint = (self.zipkin_endpoint.clone()).or_else(|| env.zipkin_endpoint());
        zipkin(endpoint.as_deref(), self.zipkin_timeout.or_else(|| env.zipkin_timeout()))
    }
}

/// The way to a Zipkin server, with defaults for what is not said.
pub(super) fn zipkin(endpoint: Option<&str>, timeout: Option<Duration>) -> Result<Route, Error> {
    let endpoint = endpoint.unwrap_or("http://localhost:9411/api/v2/spans");
    Route::zipkin(endpoint, timeout.unwrap_or(Duration::from_secs(10)))
}

/// What spans are sent to, and what is known about it.
#[derive(Default)]
pub(super) struct Sinks {
    processors: Vec<Box<dyn SpanProcessor>>,
    exporters: Vec<Sink>,
    rooms: Vec<(Room, usize)>,
    pub(super) destinations: Vec<Destination>,
    /// What the resource consists of.
    entities: Arc<[EntityRef]>,
}

impl Sinks {
    /// Standard output, in lines for people.
    pub(super) fn console(&mut self) {
        let (_, sink) = Sink::stdout(Signal::Traces);
        self.processors.push(Box::new(Console::new(sink.report.clone())));
        self.exporters.push(sink);
    }

    /// Standard output, in OTLP.
    pub(super) fn stdout(&mut self, batch: &Batch) {
        let (client, sink) = Sink::stdout(Signal::Traces);
        self.queue(client, sink, batch, OtlpSpans::new);
    }

    /// A server, by a thread of its own.
    pub(super) fn network<E: SpanExporter + 'static>(
        &mut self,
        mut route: Route,
        batch: &Batch,
        exporter: impl FnOnce(Client, Arc<Report>) -> E,
    ) -> Result<(), Error> {
        route.timeout = route.timeout.min(batch.timeout());
        let (client, sink) = Sink::network(route)?;
        self.queue(client, sink, batch, exporter);
        Ok(())
    }

    fn queue<E: SpanExporter + 'static>(
        &mut self,
        client: Client,
        sink: Sink,
        batch: &Batch,
        exporter: impl FnOnce(Client, Arc<Report>) -> E,
    ) {
        let (size, report) = (batch.queue_size(), sink.report.clone());
        let client = client.about(self.entities.clone());
        let (room, exporter) = Room::of_queue(size, exporter(client, report.clone()));
        self.processors.push(Box::new(Queue::new(exporter, batch, report)));
        self.rooms.push((room, size));
        self.exporters.push(sink);
    }
}
