//! What stands between the SDK and the processors that send: nothing unsampled gets through.

use std::time::Duration;

use opentelemetry::logs::Severity;
use opentelemetry::trace::SpanId;
use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::provider::with_random_flag;
use super::together::together;

/// Hands sampled spans to `P` and no others: a batch processor would send whatever it gets.
#[derive(Debug)]
pub(super) struct SampledOnly<P>(pub(super) P);

impl<P: SpanProcessor> SpanProcessor for SampledOnly<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.0.on_start(span, context);
    }

    fn on_end(&self, mut span: SpanData) {
        if span.span_context.is_sampled() {
            // A root has the flag for everybody else already.
            if span.parent_span_id == SpanId::INVALID {
                span.span_context = with_random_flag(&span.span_context);
            }
            self.0.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

/// Hands spans to every processor, as the SDK does with those it knows, and flushes and ends them all
/// at the same time, as the SDK does not.
#[derive(Debug)]
pub(super) struct All(pub(super) Vec<Box<dyn SpanProcessor>>);

impl SpanProcessor for All {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.0.iter().for_each(|it| it.on_start(span, context));
    }

    fn on_end(&self, span: SpanData) {
        if let Some((last, others)) = self.0.split_last() {
            others.iter().for_each(|it| it.on_end(span.clone()));
            last.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        together(&self.0, |it| it.force_flush())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        together(&self.0, |it| it.shutdown_with_timeout(timeout))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.iter_mut().for_each(|it| it.set_resource(resource));
    }
}

/// [`All`] for log records.
#[derive(Debug)]
pub(super) struct AllRecords(pub(super) Vec<Box<dyn LogProcessor>>);

impl LogProcessor for AllRecords {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        self.0.iter().for_each(|it| it.emit(record, scope));
    }

    fn force_flush(&self) -> OTelSdkResult {
        together(&self.0, |it| it.force_flush())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        together(&self.0, |it| it.shutdown_with_timeout(timeout))
    }

    fn event_enabled(&self, level: Severity, target: &str, name: Option<&str>) -> bool {
        self.0.iter().any(|it| it.event_enabled(level, target, name))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.iter_mut().for_each(|it| it.set_resource(resource));
    }
}
