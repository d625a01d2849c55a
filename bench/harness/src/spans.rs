//! Where spans go: the batch processor, and an exporter that forgets them unless it is asked what they were.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter,
    SpanProcessor,
};

use crate::Operation;

/// More than a bench makes before it flushes, so that the processor's thread sleeps while something is measured.
const QUEUE: usize = 16384;

#[derive(Debug)]
struct Sink;

impl SpanExporter for Sink {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.as_mut() {
            kept.extend(batch);
        }
        Ok(())
    }
}

/// What was exported, while somebody wants to know.
static KEPT: Mutex<Option<Vec<SpanData>>> = Mutex::new(None);

static RECORDS: OnceLock<SdkTracerProvider> = OnceLock::new();
static DROPS: OnceLock<SdkTracerProvider> = OnceLock::new();
static BEHIND: OnceLock<SdkTracerProvider> = OnceLock::new();

/// The provider that follows the caller, and decides so for requests that have none.
pub fn provider(sampled: bool) -> SdkTracerProvider {
    let (place, root) =
        if sampled { (&RECORDS, Sampler::AlwaysOn) } else { (&DROPS, Sampler::AlwaysOff) };
    place.get_or_init(|| build(root, batch())).clone()
}

/// The one provider that records, with something in front of the batch processor.
pub fn behind<P: SpanProcessor + 'static>(
    front: impl FnOnce(BatchSpanProcessor) -> P,
) -> SdkTracerProvider {
    BEHIND.get_or_init(|| build(Sampler::AlwaysOn, front(batch()))).clone()
}

fn build(root: Sampler, processor: impl SpanProcessor + 'static) -> SdkTracerProvider {
    let sampler = Sampler::ParentBased(Box::new(root));
    SdkTracerProvider::builder().with_sampler(sampler).with_span_processor(processor).build()
}

fn batch() -> BatchSpanProcessor {
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE)
        .with_max_export_batch_size(QUEUE)
        .with_scheduled_delay(Duration::from_secs(3600))
        .build();
    BatchSpanProcessor::builder(Sink).with_batch_config(config).build()
}

/// The spans that one operation records.
pub fn recorded(operation: &mut Operation) -> Vec<SpanData> {
    let keep = |what| KEPT.lock().map(|mut kept| std::mem::replace(&mut *kept, what));
    flush();
    keep(Some(Vec::new())).expect("no panic");
    operation();
    flush();
    keep(None).expect("no panic").unwrap_or_default()
}

/// Empties the queues.
pub(crate) fn flush() {
    for provider in [&RECORDS, &DROPS, &BEHIND].into_iter().filter_map(|it| it.get()) {
        provider.force_flush().expect("a flush");
    }
}
