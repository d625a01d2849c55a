//! Writes on the spans that are kept why they were, and for how many they stand.

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanContext;
use opentelemetry_sdk::trace::SpanData;

use super::rules::Mark;
use crate::sdk::sampler::ot::Ot;

/// The rule by which the trace was kept. The conventions have no name for it.
const POLICY: &str = "tracewire.sampling.policy";
/// For how many spans it stands, a number that need not be whole. The conventions have no name for it.
const ADJUSTED_COUNT: &str = "tracewire.sampling.adjusted_count";

impl Mark {
    /// The span with its marks, and with the threshold in `ot=th` where there is one to write.
    pub(super) fn write(&self, mut span: SpanData) -> SpanData {
        span.attributes.reserve_exact(2);
        span.attributes.push(KeyValue::new(POLICY, self.policy.value()));
        span.attributes.push(KeyValue::new(ADJUSTED_COUNT, self.adjusted_count));
        if self.threshold.is_some() {
            let context = &span.span_context;
            let state = Ot::read(context.trace_state()).with_threshold(self.threshold);
            span.span_context = SpanContext::new(
                context.trace_id(),
                context.span_id(),
                context.trace_flags(),
                context.is_remote(),
                state,
            );
        }
        span
    }
}
