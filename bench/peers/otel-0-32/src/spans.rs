//! Caller and provider as the harness has them, for another OpenTelemetry.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt as _, TraceFlags, TraceState};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter,
};

pub(crate) fn parent(sampled: bool, members: usize) -> Context {
    let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    let pairs = (0..members).map(|member| (format!("member{member}"), "00f067aa0ba902b7"));
    let state = TraceState::from_key_value(pairs).expect("valid members");
    Context::new().with_remote_span_context(SpanContext::new(
        7.into(),
        7.into(),
        flags,
        true,
        state,
    ))
}

#[derive(Debug)]
struct Sink;

impl SpanExporter for Sink {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}

/// The batch processor, with a queue that no bench fills.
pub(crate) fn provider() -> SdkTracerProvider {
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(32_768)
        .with_max_export_batch_size(32_768)
        .with_scheduled_delay(Duration::from_secs(3600))
        .build();
    let processor = BatchSpanProcessor::builder(Sink).with_batch_config(config).build();
    let sampler = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
    SdkTracerProvider::builder().with_sampler(sampler).with_span_processor(processor).build()
}
