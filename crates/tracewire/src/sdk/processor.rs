//! What stands between the SDK and the processors that send: nothing unsampled gets through.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::SpanId;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::provider::with_random_flag;

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

/// Hands spans to every processor, as the SDK does with those it knows.
#[derive(Debug)]
pub(super) struct All(pub(super) Vec<Box<dyn SpanProcessor>>);

impl All {
    /// Asks every one, even after an error; the first error counts.
    fn each(&self, ask: impl Fn(&dyn SpanProcessor) -> OTelSdkResult) -> OTelSdkResult {
        self.0.iter().map(|it| ask(&**it)).fold(Ok(()), OTelSdkResult::and)
    }
}

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
        self.each(|it| it.force_flush())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.each(|it| it.shutdown_with_timeout(timeout))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.iter_mut().for_each(|it| it.set_resource(resource));
    }
}
