//! Whether spans are made, kept and sent.

use std::env;

use super::{Finding, Kind};
use crate::sdk::Keeps;
use crate::sdk::setup::{Place, Setup, State, Traces};
use crate::span::source::probe::{Layer, Maker};

const INIT: &str = "let _telemetry = tracewire::sdk::init()?;";

/// What sends spans, in a configuration file.
const PIPELINE: &str =
    "tracer_provider: { processors: [{ batch: { exporter: { otlp_http: {} } } }] }";

/// Everything about them, as far as it can be seen.
pub(super) fn examine(state: &State, maker: Maker, layer: Option<Layer>) -> Vec<Finding> {
    match state {
        State::Never => nobody(maker, layer).into_iter().collect(),
        State::Ended => vec![Finding::new(
            Kind::NoProvider,
            "Nobody makes spans any more: the guard that `init` returned has been dropped. \
             (`let _ =` drops it at once; `let _telemetry =` keeps it until the end of `main`.)",
            INIT,
        )],
        State::Live(setup) => match &setup.traces {
            None => vec![disabled(setup)],
            Some(traces) => {
                [exporter(setup, traces), sampler(setup, traces), service(setup, traces)]
                    .into_iter()
                    .flatten()
                    .collect()
            }
        },
    }
}

fn nobody(maker: Maker, layer: Option<Layer>) -> Option<Finding> {
    let why = match (maker, layer) {
        (Maker::Nobody, _) => "tracewire was given a telemetry without a tracer provider",
        (Maker::Layer, Some(Layer::Idle)) => {
            "there is no tracer provider, and the `tracing-opentelemetry` layer has no tracer"
        }
        (Maker::Layer, Some(Layer::NoSubscriber | Layer::Missing)) => {
            "there is no tracer provider, and no `tracing-opentelemetry` layer either"
        }
        _ => return None,
    };
    let problem =
        format!("Nobody makes spans: {why}. Context travels on, and nothing is recorded.");
    Some(Finding::new(Kind::NoProvider, problem, INIT))
}

fn disabled(setup: &Setup) -> Finding {
    let (by, remedy) = match setup.place(setup.in_code.disabled) {
        Place::Code => ("`disabled()` in the program", INIT),
        Place::File => {
            ("the configuration file, by `disabled` or for want of a `tracer_provider`", PIPELINE)
        }
        Place::Environment => ("OTEL_SDK_DISABLED", "OTEL_SDK_DISABLED=false"),
    };
    // A file without spans may still have metrics and log records.
    let what = if setup.from_file { "Spans are" } else { "Telemetry is" };
    let problem =
        format!("{what} switched off by {by}. Context travels on, and nothing is recorded.");
    Finding::new(Kind::Disabled, problem, remedy)
}

fn exporter(setup: &Setup, traces: &Traces) -> Option<Finding> {
    if traces.sent {
        return None;
    }
    let (why, remedy) = match setup.place(setup.in_code.exporters) {
        Place::Code => {
            ("the program says `exporters([])`", ".exporters([tracewire::sdk::Exporter::Otlp])")
        }
        Place::File => ("the configuration file has no `processors`", PIPELINE),
        Place::Environment => {
            ("the environment says OTEL_TRACES_EXPORTER=none", "OTEL_TRACES_EXPORTER=otlp")
        }
    };
    Some(Finding::new(Kind::NoExporter, format!("Spans are sent nowhere: {why}."), remedy))
}

/// Whether the sampler can keep anything.
pub(super) fn sampler(setup: &Setup, traces: &Traces) -> Option<Finding> {
    let keeps = match traces.keeps {
        Keeps::Some => return None,
        Keeps::OfCallers => "keeps no trace that begins here, only those that callers have sampled",
        Keeps::Nothing => "keeps nothing",
    };
    let (sampler, remedy) = match setup.place(setup.in_code.sampler) {
        Place::Code => (
            "in the program".to_owned(),
            ".sampler(tracewire::sdk::Sampler::parent_based(tracewire::sdk::Sampler::ratio(0.1)))",
        ),
        Place::File => (
            "in the configuration file".to_owned(),
            "sampler: { parent_based: { root: { always_on: {} } } }",
        ),
        Place::Environment => {
            let text = |name| env::var(name).unwrap_or_default();
            let named = match (text("OTEL_TRACES_SAMPLER"), text("OTEL_TRACES_SAMPLER_ARG")) {
                (name, argument) if argument.is_empty() => name,
                (name, argument) => format!("{name}({argument})"),
            };
            (format!("{named} of OTEL_TRACES_SAMPLER"), "OTEL_TRACES_SAMPLER=parentbased_always_on")
        }
    };
    let problem = format!("The sampler {sampler} {keeps}.");
    Some(Finding::new(Kind::SamplerKeepsNothing, problem, remedy))
}

/// Whether the service has a name.
pub(super) fn service(setup: &Setup, traces: &Traces) -> Option<Finding> {
    if !traces.service.starts_with("unknown_service") {
        return None;
    }
    let problem = format!("The service has no name: its spans are those of {}.", traces.service);
    let remedy = match setup.place(false) {
        Place::File => "resource: { attributes: [{ name: service.name, value: checkout }] }",
        Place::Code | Place::Environment => "OTEL_SERVICE_NAME=checkout",
    };
    Some(Finding::new(Kind::ServiceUnnamed, problem, remedy))
}
