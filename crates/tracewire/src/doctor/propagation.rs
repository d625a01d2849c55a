//! Whether everybody speaks the same headers.

use std::collections::BTreeSet;
use std::env;

use opentelemetry::global;
use opentelemetry::propagation::TextMapPropagator;

use super::{Finding, Kind};
use crate::{Format, Propagator};

/// Whether OpenTelemetry's global propagator, which other instrumentations use, writes what
/// tracewire writes.
pub(super) fn of_others(own: &Propagator) -> Option<Finding> {
    let others = global::get_text_map_propagator(|global| fields(global));
    let ours = fields(own);
    if others == ours {
        return None;
    }
    let problem = if others.is_empty() {
        format!(
            "OpenTelemetry's global propagator is not set: instrumentations other than tracewire \
             read and write no headers, where tracewire writes {}.",
            list(&ours)
        )
    } else {
        format!(
            "OpenTelemetry's global propagator, which other instrumentations use, writes {}, and \
             tracewire writes {}.",
            list(&others),
            list(&ours)
        )
    };
    let remedy =
        format!("tracewire::otel::global::set_text_map_propagator({});", code(own.read_formats()));
    Some(Finding::new(Kind::PropagatorsDisagree, problem, remedy))
}

/// Whether tracewire understands callers that speak W3C Trace Context.
pub(super) fn of_callers(own: &Propagator) -> Option<Finding> {
    let formats = own.read_formats();
    if formats.contains(&Format::TraceContext) {
        return None;
    }
    let read: Vec<&str> = formats.iter().map(|format| format.name()).collect();
    let problem = format!(
        "W3C Trace Context is not read, only {}: a request from a caller that speaks it begins a \
         new trace.",
        if read.is_empty() { "nothing".to_owned() } else { read.join(", ") }
    );
    let more: Vec<Format> = [Format::TraceContext].iter().chain(formats).copied().collect();
    let remedy = if env::var("OTEL_PROPAGATORS").is_ok_and(|text| !text.trim().is_empty()) {
        let names: Vec<&str> = more.iter().map(|format| format.name()).collect();
        format!("OTEL_PROPAGATORS={}", names.join(","))
    } else {
        format!(".propagator({})", code(&more))
    };
    Some(Finding::new(Kind::TraceContextNotRead, problem, remedy))
}

/// What it writes, in any order and case.
fn fields(propagator: &dyn TextMapPropagator) -> BTreeSet<String> {
    propagator.fields().map(str::to_ascii_lowercase).collect()
}

fn list(fields: &BTreeSet<String>) -> String {
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    if fields.is_empty() { "none".to_owned() } else { fields.join(", ") }
}

/// A propagator of these formats.
fn code(formats: &[Format]) -> String {
    if formats == Propagator::default().read_formats() {
        return "tracewire::Propagator::default()".to_owned();
    }
    let names: Vec<_> =
        formats.iter().map(|format| format!("tracewire::Format::{format:?}")).collect();
    format!("tracewire::Propagator::new([{}])", names.join(", "))
}
