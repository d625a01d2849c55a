//! Nothing arrives? Finds what is wrong with the telemetry of this process, and says how to mend it.
//!
//! ```
//! let report = tracewire::doctor::examine();
//! println!("{report}");
//! # use tracewire::doctor::Kind;
//! # assert_eq!(report.findings()[0].kind(), Kind::NoProvider);
//! # assert_eq!(report.findings()[0].remedy(), "let _telemetry = tracewire::sdk::init()?;");
//! ```
//!
//! ```text
//! tracewire found 1 problem.
//!
//! 1. Nobody makes spans: …
//!    let _telemetry = tracewire::sdk::init()?;
//! ```
//!
//! Examine a process where it does its work, after everything has been set up. That takes up to one
//! and a half seconds, blocks the thread, makes no span that anybody gets to see, and sends nothing
//! but an attempt to connect to where spans go.
//!
//! # Findings
//! Those marked with a star are logged as warnings by [`sdk::init`](crate::sdk::init) too, unless
//! `OTEL_LOG_LEVEL` is below `warn`. Those marked with a dagger are looked for only where `init` has
//! set up telemetry: of a provider that a program builds for itself these things cannot be seen.
//!
//! | kind | what is wrong |
//! |---|---|
//! | [`NoProvider`](Kind::NoProvider) | nobody makes spans, or the guard has been dropped |
//! | [`Disabled`](Kind::Disabled) † | `OTEL_SDK_DISABLED=true` |
//! | [`NoExporter`](Kind::NoExporter) † | `OTEL_TRACES_EXPORTER=none` |
//! | [`SamplerKeepsNothing`](Kind::SamplerKeepsNothing) * † | a ratio of 0, `always_off` |
//! | [`EndpointUnreachable`](Kind::EndpointUnreachable) † | nobody accepts connections where spans go |
//! | [`LayerMissing`](Kind::LayerMissing) * | `tracing` spans do not get into traces: there is no layer for them |
//! | [`LayerIdle`](Kind::LayerIdle) | the layer has no tracer |
//! | [`FilterHidesSpans`](Kind::FilterHidesSpans) * | a filter keeps `tracing` spans from the layer |
//! | [`ContextActivationOff`](Kind::ContextActivationOff) * | `tracing` spans are not parents of what happens in them |
//! | [`PropagatorsDisagree`](Kind::PropagatorsDisagree) | other instrumentations write other headers |
//! | [`TraceContextNotRead`](Kind::TraceContextNotRead) | callers that speak W3C Trace Context are not understood |
//! | [`ServiceUnnamed`](Kind::ServiceUnnamed) * † | `service.name` is `unknown_service` |
//! | [`TwoVersions`](Kind::TwoVersions) | the program has two versions of OpenTelemetry |
//!
//! Two versions are found by the paths of source files in the executable, of which panics tell. Where
//! these have been removed, by `trim-paths` or by vendoring, nothing is found.

mod finding;
mod layer;
mod propagation;
mod reach;
mod traces;
mod versions;

pub use finding::{Finding, Kind, Report};

use crate::Telemetry;
use crate::sdk::setup::{self, State};
use crate::span::source::probe;

/// Looks for everything that may be wrong.
///
/// Blocks for up to one and a half seconds.
#[must_use]
pub fn examine() -> Report {
    let state = setup::state();
    // The slow ones work while the others do.
    let versions = versions::search();
    let connections = match &state {
        State::Live(setup) => reach::knock(setup),
        State::Never | State::Ended => Vec::new(),
    };
    let (source, propagator) = Telemetry::default().parts();
    let (maker, layer) = (source.maker(), probe::layer());
    let mut findings = traces::examine(&state, maker, layer);
    findings.extend(connections.into_iter().filter_map(reach::Knock::finding));
    let silent = findings.iter().any(|finding| finding.kind().is_silence());
    if !silent {
        findings.extend(layer::examine(&state, maker, layer));
        findings.extend(propagation::of_others(&propagator));
    }
    findings.extend(propagation::of_callers(&state, &propagator));
    findings.extend(versions.findings());
    Report::new(findings, silent || matches!(state, State::Live(_)))
}

/// What can be found at once when `init` has done its work.
pub(crate) fn at_start() -> Vec<Finding> {
    let state = setup::state();
    let State::Live(setup) = &state else {
        return Vec::new();
    };
    let Some(traces) = &setup.traces else {
        return Vec::new();
    };
    let mut findings: Vec<Finding> =
        [traces::sampler(setup, traces), traces::service(setup, traces)]
            .into_iter()
            .flatten()
            .collect();
    // Where there is no subscriber yet, there may be one later.
    if setup.own_subscriber == Some(false) && tracing::dispatcher::has_been_set() {
        let (source, _) = Telemetry::default().parts();
        findings.extend(layer::examine(&state, source.maker(), probe::layer()));
    }
    findings
}
