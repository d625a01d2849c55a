//! Whether spans of `tracing` get into traces.

use super::{Finding, Kind};
use crate::sdk::setup::State;
use crate::span::source::probe::{Layer, Maker};

/// What keeps them out, or from being parents.
pub(super) fn examine(state: &State, maker: Maker, layer: Option<Layer>) -> Option<Finding> {
    let live = match state {
        State::Live(setup) => Some(setup),
        State::Never | State::Ended => None,
    };
    let with_layer = match live {
        Some(_) => ".with(tracewire::sdk::layer())",
        None => ".with(tracing_opentelemetry::layer().with_tracer(provider.tracer(\"app\")))",
    };
    Some(match layer? {
        Layer::NoSubscriber => Finding::new(
            Kind::LayerMissing,
            "There is no `tracing` subscriber: spans of `#[instrument]` are missing from traces.",
            format!("tracing_subscriber::registry(){with_layer}.init();"),
        ),
        Layer::Missing => Finding::new(
            Kind::LayerMissing,
            "The `tracing` subscriber has no `tracing-opentelemetry` layer: spans of \
             `#[instrument]` are missing from traces.",
            with_layer,
        ),
        // The layer of tracewire has a tracer that is nobody's while telemetry is suppressed.
        Layer::Idle if live.is_some() => return None,
        Layer::Idle => Finding::new(
            Kind::LayerIdle,
            "The `tracing-opentelemetry` layer has no tracer of a provider: spans of \
             `#[instrument]` are missing from traces.",
            with_layer,
        ),
        Layer::Hidden => {
            let whose = match maker {
                Maker::Layer => "requests and spans of `#[instrument]` are",
                _ => "spans of `#[instrument]` are",
            };
            let remedy = match live {
                Some(setup) if setup.own_subscriber == Some(true) => ".span_filter(\"info\")",
                _ => {
                    ".with(tracing_subscriber::fmt::layer().with_filter(\
                     EnvFilter::from_default_env())) // for log lines; none over everything"
                }
            };
            let problem = format!(
                "A filter keeps `tracing` spans of level info from the `tracing-opentelemetry` \
                 layer: {whose} missing from traces."
            );
            Finding::new(Kind::FilterHidesSpans, problem, remedy)
        }
        Layer::Unclear if maker == Maker::Layer => Finding::new(
            Kind::FilterHidesSpans,
            "A filter keeps `tracing` spans of the target `tracewire` from the \
             `tracing-opentelemetry` layer: requests are missing from traces.",
            ".add_directive(\"tracewire=info\".parse()?)",
        ),
        Layer::Inactive => Finding::new(
            Kind::ContextActivationOff,
            "The `tracing-opentelemetry` layer does not make its spans current for OpenTelemetry: \
             what is called inside of `#[instrument]` is not below it in traces.",
            ".with_context_activation(true)",
        ),
        Layer::Unclear | Layer::Works => return None,
    })
}
