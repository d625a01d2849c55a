//! Spans on standard output.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::Status;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::Report;
use super::client::print;

/// Writes one line for each span when it ends, and reports it.
#[derive(Debug)]
pub(crate) struct Console(Arc<Report>);

impl Console {
    pub(crate) fn new(report: Arc<Report>) -> Self {
        Self(report)
    }
}

impl SpanProcessor for Console {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.at_once(|| print(line(&span).as_bytes()));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn line(span: &SpanData) -> String {
    let (context, parent) = (&span.span_context, span.parent_span_id);
    let (trace, id) = (context.trace_id(), context.span_id());
    let took = span.end_time.duration_since(span.start_time);
    let took = took.unwrap_or_default();
    let (kind, name) = (&span.span_kind, &span.name);
    let mut line = format!("{trace} {parent} > {id} {kind:?} {name:?} {took:?}");
    if let Status::Error { description } = &span.status {
        line.push_str(" error");
        if !description.is_empty() {
            line.push_str(&format!(" {description:?}"));
        }
    }
    for attribute in &span.attributes {
        line.push_str(&format!(" {}={:?}", attribute.key, attribute.value.as_str()));
    }
    line.push('\n');
    line
}
