//! Whether everybody speaks the same headers.

use std::collections::BTreeSet;

use opentelemetry::global;
use opentelemetry::propagation::TextMapPropagator;

use super::{Finding, Kind};
use crate::sdk::setup::{Place, State};
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
pub(super) fn of_callers(state: &State, own: &Propagator) -> Option<Finding> {
    let formats = own.read_formats();
    if formats.contains(&Format::TraceContext) {
        return None;
    }
    let read: Vec<&str> = formats.iter().map(|format| format.name()).collect();
    let instead = match read.is_empty() {
        true => "nor anything else".to_owned(),
        false => format!("only {}", read.join(", ")),
    };
    let problem = format!(
        "W3C Trace Context is not read, {instead}: a request from a caller that speaks it begins a \
         new trace."
    );
    let more: Vec<Format> = [Format::TraceContext].iter().chain(formats).copied().collect();
    let place = match state {
        State::Live(setup) => setup.place(setup.in_code.propagator),
        State::Never | State::Ended => Place::Code,
    };
    let names = more.iter().map(|format| format.name()).collect::<Vec<_>>().join(",");
    let remedy = match place {
        Place::Code => format!(".propagator({})", code(&more)),
        Place::File => format!("propagator: {{ composite_list: \"{names}\" }}"),
        Place::Environment => format!("OTEL_PROPAGATORS={names}"),
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
