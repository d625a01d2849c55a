//! The queue of finished spans, which counts what it has no room for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};

use super::{Batch, Report};

/// The SDK's batch processor behind a door that knows how many are inside.
///
/// The SDK drops spans for which its queue has no room without telling anybody how many, so none is
/// handed to it then.
#[derive(Debug)]
pub(crate) struct Queue {
    batches: BatchSpanProcessor,
    report: Arc<Report>,
    size: usize,
    closed: AtomicBool,
}

impl Queue {
    pub(crate) fn new<E>(exporter: E, batch: &Batch, report: Arc<Report>) -> Self
    where
        E: SpanExporter + 'static,
    {
        let exporter = Taken { exporter, report: report.clone() };
        Self {
            batches: BatchSpanProcessor::new(exporter, batch.of_spans()),
            report,
            size: batch.queue_size(),
            closed: AtomicBool::new(false),
        }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.closed.load(Ordering::Relaxed) {
            self.report.late();
        } else if self.report.queue(self.size) {
            self.batches.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.closed.store(true, Ordering::Relaxed);
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// Tells the report when spans have left the queue.
#[derive(Debug)]
struct Taken<E> {
    exporter: E,
    report: Arc<Report>,
}

impl<E: SpanExporter> SpanExporter for Taken<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.report.taken(batch.len());
        self.exporter.export(batch).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
