//! Where log records go.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::EntityRef;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{LogProcessor, SdkLoggerProvider};

use super::super::config::To;
use super::super::env::Env;
use super::super::exporter::{Client, ConsoleRecords, OtlpRecords, RecordQueue, Route, Sink, say};
use super::super::limits::RecordLimits;
use super::super::processor::AllRecords;
use super::super::records::Records;
use super::super::{Batch, Exporter, Limits, Signal};
use super::Builder;
use super::configured::Destinations;
use crate::Error;

/// What is said of log records, besides where they go over the network.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) exporters: Option<Vec<Exporter>>,
    /// Where a configuration sends them, unless code says where they go.
    pub(super) destinations: Option<Destinations>,
    batch: Batch,
    pub(super) limits: Limits,
}

impl Builder {
    /// Where log records go besides standard error; nowhere by default, as not every receiver of
    /// spans takes them, though the specification says `otlp`. Zipkin takes none. Variable:
    /// `OTEL_LOGS_EXPORTER`.
    pub fn log_exporters(mut self, exporters: impl IntoIterator<Item = Exporter>) -> Self {
        self.records.exporters = Some(exporters.into_iter().collect());
        self
    }

    /// How log records are gathered; the first of a batch waits for one second by default. Variables:
    /// `OTEL_BLRP_…`.
    pub fn log_batch(mut self, batch: Batch) -> Self {
        self.records.batch = batch.or(self.records.batch);
        self
    }

    /// How much one log record that is sent may hold. Variables: `OTEL_LOGRECORD_…_LIMIT`,
    /// `OTEL_ATTRIBUTE_…_LIMIT`.
    pub fn log_limits(mut self, limits: Limits) -> Self {
        self.records.limits = limits.or(self.records.limits);
        self
    }

    /// What makes and sends log records, not connected yet; `None` when they go nowhere.
    pub(super) fn records(
        &mut self,
        env: &mut Env,
        resource: Resource,
        entities: &Arc<[EntityRef]>,
    ) -> Result<Option<Records>, Error> {
        let limits = self.records.limits.or(env.limits(Signal::Logs));
        let mut sinks = Sinks {
            processors: Vec::new(),
            exporters: Vec::new(),
            limits: RecordLimits::new(&limits),
            entities,
        };
        match self.records.destinations.take() {
            Some(destinations) => self.configured_records(destinations, env, &mut sinks)?,
            None => self.said_records(env, &mut sinks)?,
        }
        let Sinks { processors, exporters, .. } = sinks;
        if exporters.is_empty() {
            return Ok(None);
        }
        let provider = SdkLoggerProvider::builder().with_resource(resource);
        let provider = provider.with_log_processor(AllRecords(processors)).build();
        Ok(Some(Records { provider, exporters }))
    }

    fn said_records(&mut self, env: &mut Env, sinks: &mut Sinks<'_>) -> Result<(), Error> {
        let exporters = self.records.exporters.take().or_else(|| env.log_exporters());
        let exporters = exporters.unwrap_or_default();
        for (index, exporter) in exporters.iter().enumerate() {
            let mut batch = || {
                let said = env.batch(Signal::Logs);
                env.batch_of(Signal::Logs, self.records.batch, said)
            };
            match exporter {
                twice if exporters[..index].contains(twice) => {}
                Exporter::Zipkin => say("log records do not go to Zipkin, which takes none"),
                Exporter::Console => sinks.console(),
                Exporter::OtlpStdout => sinks.stdout(&batch()),
                Exporter::Otlp => {
                    let batch = batch();
                    sinks.network(self.route(Signal::Logs, env)?, &batch)?;
                }
            }
        }
        Ok(())
    }

    fn configured_records(
        &self,
        destinations: Destinations,
        env: &mut Env,
        sinks: &mut Sinks<'_>,
    ) -> Result<(), Error> {
        for (place, destination) in destinations.each() {
            let batch = env.batch_of(Signal::Logs, self.records.batch, destination.batch);
            match destination.to {
                To::Console => sinks.console(),
                To::OtlpStdout => sinks.stdout(&batch),
                To::Otlp(way) => {
                    let route = self.configured_route(Signal::Logs, *way, env);
                    sinks.network(route.map_err(|error| place.of(error))?, &batch)?;
                }
                // No configuration has it.
                To::Zipkin { .. } => {}
            }
        }
        Ok(())
    }
}

/// What log records are sent to.
struct Sinks<'a> {
    processors: Vec<Box<dyn LogProcessor>>,
    exporters: Vec<Sink>,
    limits: RecordLimits,
    entities: &'a Arc<[EntityRef]>,
}

impl Sinks<'_> {
    /// Standard output, in lines for people.
    fn console(&mut self) {
        let (_, sink) = Sink::stdout(Signal::Logs);
        let console = ConsoleRecords { report: sink.report.clone(), limits: self.limits };
        self.processors.push(Box::new(console));
        self.exporters.push(sink);
    }

    fn stdout(&mut self, batch: &Batch) {
        let (client, sink) = Sink::stdout(Signal::Logs);
        self.queue(client, sink, batch);
    }

    fn network(&mut self, mut route: Route, batch: &Batch) -> Result<(), Error> {
        route.timeout = route.timeout.min(batch.timeout());
        let (client, sink) = Sink::network(route)?;
        self.queue(client, sink, batch);
        Ok(())
    }

    fn queue(&mut self, client: Client, sink: Sink, batch: &Batch) {
        let client = client.about(self.entities.clone());
        let records = OtlpRecords::new(client, sink.report.clone(), self.limits);
        self.processors.push(Box::new(RecordQueue::new(records, batch)));
        self.exporters.push(sink);
    }
}
