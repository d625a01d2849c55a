//! Writes on the spans that are kept why they were, and for how many they stand.

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanContext, TraceState};
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
        if let Some(state) = self.state(&span.span_context) {
            let context = &span.span_context;
            let (trace, id) = (context.trace_id(), context.span_id());
            let (flags, remote) = (context.trace_flags(), context.is_remote());
            span.span_context = SpanContext::new(trace, id, flags, remote, state);
        }
        span
    }

    /// `None` where it stays as it is. A threshold by which the trace should not be here is erased.
    fn state(&self, context: &SpanContext) -> Option<TraceState> {
        let ot = Ot::read(context.trace_state());
        let wrong = || ot.threshold.is_some() && ot.threshold_of(context).is_none();
        (self.threshold.is_some() || wrong()).then(|| ot.with_threshold(self.threshold))
    }
}
