//! Log records on their way to a Collector, or to standard output.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::Severity;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::logs::tonic::group_logs_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{
    BatchLogProcessor, LogBatch, LogExporter, LogProcessor, SdkLogRecord,
};

use super::client::print;
use super::{Batch, Client, Report};
use crate::sdk::limits::RecordLimits;

/// Sends batches of log records by OTLP and reports what does not arrive.
#[derive(Debug)]
pub(crate) struct OtlpRecords {
    client: Client,
    report: Arc<Report>,
    resource: ResourceAttributesWithSchema,
    limits: RecordLimits,
}

impl OtlpRecords {
    pub(crate) fn new(client: Client, report: Arc<Report>, limits: RecordLimits) -> Self {
        Self { client, report, resource: ResourceAttributesWithSchema::default(), limits }
    }
}

impl LogExporter for OtlpRecords {
    /// Always `Ok`: what went wrong is in the report, and the SDK would log it once more.
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        self.report.taken(batch.iter().count());
        let resource_logs = group_logs_by_resource_and_scope(&batch, &self.resource);
        let mut request = ExportLogsServiceRequest { resource_logs };
        self.limits.hold(&mut request);
        self.client.send(request, &self.report).await;
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

/// The SDK's batch processor behind a door that knows how many are inside, and counts those for whom
/// there is no room.
#[derive(Debug)]
pub(crate) struct RecordQueue {
    batches: BatchLogProcessor,
    report: Arc<Report>,
    size: usize,
    closed: AtomicBool,
}

impl RecordQueue {
    pub(crate) fn new(exporter: OtlpRecords, batch: &Batch) -> Self {
        let report = exporter.report.clone();
        let batches = BatchLogProcessor::builder(exporter).with_batch_config(batch.of_records());
        let (size, closed) = (batch.queue_size(), AtomicBool::new(false));
        Self { batches: batches.build(), report, size, closed }
    }
}

impl LogProcessor for RecordQueue {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        if self.closed.load(Ordering::Relaxed) {
            self.report.late();
        } else if self.report.queue(self.size) {
            self.batches.emit(record, scope);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.closed.store(true, Ordering::Relaxed);
        self.batches.shutdown_with_timeout(timeout)
    }

    fn event_enabled(&self, level: Severity, target: &str, name: Option<&str>) -> bool {
        self.batches.event_enabled(level, target, name)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// Writes one line for each log record, and reports it.
#[derive(Debug)]
pub(crate) struct ConsoleRecords {
    pub(crate) report: Arc<Report>,
    pub(crate) limits: RecordLimits,
}

impl LogProcessor for ConsoleRecords {
    fn emit(&self, record: &mut SdkLogRecord, _: &InstrumentationScope) {
        self.report.at_once(|| print(line(record, &self.limits).as_bytes()));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn line(record: &SdkLogRecord, limits: &RecordLimits) -> String {
    let place = record.trace_context();
    let mut line = match place {
        Some(place) => format!("{} {} ", place.trace_id, place.span_id),
        None => String::new(),
    };
    line.push_str(record.severity_text().unwrap_or("-"));
    if let Some(target) = record.target() {
        line.push_str(&format!(" {target}"));
    }
    if let Some(body) = record.body() {
        line.push_str(&format!(" {body:?}"));
    }
    for (key, value) in limits.shown(record.attributes_iter()) {
        line.push_str(&format!(" {key}={value}"));
    }
    line.push('\n');
    line
}
