//! How what is said in code is brought together with the environment, and set going.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{KeyValue, global};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;

use super::super::env::Env;
use super::super::exporter::{
    Client, Console, OtlpSpans, Queue, Report, Route, Stop, ZipkinSpans, say, set_quiet,
};
use super::super::guard::{Live, Turn};
use super::super::limits::Short;
use super::super::processor::SampledOnly;
use super::super::records::Records;
use super::super::resource::{SERVICE_NAME, resource};
use super::super::stats::{Counting, Started};
use super::super::subscriber::{self, Logs};
use super::super::{Exporter, Guard, Otlp, Signal, tracer};
use super::Builder;
use crate::{Error, Propagator, Telemetry};

impl Builder {
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
            color: !env.no_color(),
            json: self.json_logs,
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
        let limits = self.limits.or(env.limits(Signal::Traces));
        let started = Arc::new(Started::default());
        let resource = self.resource(env);
        let records = self.records(env, resource.clone())?;
        let provider = SdkTracerProvider::builder()
            .with_sampler(Counting::new(sampler.into_inner(), started.clone()))
            .with_span_limits(limits.of_spans())
            .with_resource(resource);
        let exporters = (self.exporters.take())
            .or_else(|| env.exporters())
            .unwrap_or_else(|| vec![Exporter::Otlp]);
        let mut live = Vec::new();
        let mut provider = provider;
        let mut done = Vec::new();
        for exporter in exporters {
            if done.contains(&exporter) {
                continue;
            }
            done.push(exporter);
            provider = match exporter {
                Exporter::Console => {
                    let console = Short::new(Console, &limits);
                    provider.with_span_processor(SampledOnly(console))
                }
                Exporter::Otlp | Exporter::Zipkin => {
                    let (queue, report, stop) = self.queue(exporter, env)?;
                    live.push((report, stop));
                    provider.with_span_processor(SampledOnly(Short::new(queue, &limits)))
                }
            };
        }
        let provider = provider.build();
        tracer::connect(&provider, sampling);
        records.iter().for_each(Records::connect);
        Telemetry::new(&provider).propagator(propagator).sampling(sampling).install();
        global::set_tracer_provider(provider.clone());
        Ok(Live { provider, started, exporters: live, records, timeout: self.shutdown_timeout })
    }

    fn resource(&mut self, env: &mut Env) -> Resource {
        let detectors = self.detectors.take().or_else(|| env.detectors()).unwrap_or_default();
        let mut attributes: Vec<_> =
            detectors.into_iter().flat_map(|detector| detector.detect(env)).collect();
        attributes.append(&mut env.resource_attributes());
        let name = env.service_name();
        attributes.extend(name.map(|name| KeyValue::new(SERVICE_NAME, name)));
        attributes.append(&mut self.attributes);
        resource(attributes)
    }

    /// The way of a signal, from everything that is said about it.
    pub(super) fn route(&self, signal: Signal, env: &mut Env) -> Result<Route, Error> {
        let special = self.otlp_for.iter().filter(|(of, _)| *of == signal);
        let special = special.fold(Otlp::new(), |all, (_, way)| all.or(way.clone()));
        Route::find(signal, &special, &self.otlp, env)
    }

    /// What gathers spans and sends them, on threads of its own.
    fn queue(
        &self,
        exporter: Exporter,
        env: &mut Env,
    ) -> Result<(Queue, Arc<Report>, Stop), Error> {
        let batch = self.batch.or(env.batch(Signal::Traces));
        let mut route = match exporter {
            Exporter::Zipkin => self.zipkin(env)?,
            _ => self.route(Signal::Traces, env)?,
        };
        route.timeout = route.timeout.min(batch.timeout());
        let report = Arc::new(Report::new(Signal::Traces, &route.endpoint));
        let (client, stop) = Client::start(route)?;
        let queue = match exporter {
            Exporter::Zipkin => {
                let spans = ZipkinSpans::new(client, report.clone());
                Queue::new(spans, &batch, report.clone())
            }
            _ => {
                let spans = OtlpSpans::new(client, report.clone());
                Queue::new(spans, &batch, report.clone())
            }
        };
        Ok((queue, report, stop))
    }

    fn zipkin(&self, env: &mut Env) -> Result<Route, Error> {
        let endpoint = (self.zipkin_endpoint.clone()).or_else(|| env.zipkin_endpoint());
        let endpoint = endpoint.as_deref().unwrap_or("http://localhost:9411/api/v2/spans");
        let timeout = self.zipkin_timeout.or_else(|| env.zipkin_timeout());
        Route::zipkin(endpoint, timeout.unwrap_or(Duration::from_secs(10)))
    }
}
