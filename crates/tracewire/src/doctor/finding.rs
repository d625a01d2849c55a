//! What was found, and how it is told.

use std::borrow::Cow;
use std::fmt;

/// What an examination has found; as text, all of it.
#[derive(Clone, Debug)]
pub struct Report {
    findings: Vec<Finding>,
    /// Whether everything was looked at.
    whole: bool,
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Finding {
    kind: Kind,
    problem: Cow<'static, str>,
    remedy: Cow<'static, str>,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Nobody makes spans.
    NoProvider,
    /// Telemetry has been switched off.
    Disabled,
    /// Spans are sent nowhere.
    NoExporter,
    /// The sampler keeps nothing, or nothing that begins here.
    SamplerKeepsNothing,
    /// Nobody accepts connections where spans are sent to.
    EndpointUnreachable,
    /// The `tracing` subscriber has no `tracing-opentelemetry` layer.
    LayerMissing,
    /// The `tracing-opentelemetry` layer has no tracer.
    LayerIdle,
    /// A filter keeps `tracing` spans from the `tracing-opentelemetry` layer.
    FilterHidesSpans,
    /// The `tracing-opentelemetry` layer does not make its spans current.
    ContextActivationOff,
    /// OpenTelemetry's global propagator writes other headers than tracewire.
    PropagatorsDisagree,
    /// W3C Trace Context is not read.
    TraceContextNotRead,
    /// The service has no name.
    ServiceUnnamed,
    /// The program has two versions of a crate of OpenTelemetry.
    TwoVersions,
}

impl Report {
    pub(super) fn new(findings: Vec<Finding>, whole: bool) -> Self {
        Self { findings, whole }
    }

    /// Everything that was found; what keeps all spans from arriving comes first.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

impl Finding {
    pub(super) fn new(
        kind: Kind,
        problem: impl Into<Cow<'static, str>>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { kind, problem: problem.into(), remedy: remedy.into() }
    }

    /// What is wrong, for programs.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What is wrong, in a sentence or two.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// The line that mends it: of code, of the environment or of a shell.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

impl Kind {
    /// Whether no span is recorded at all, so that nothing else matters yet.
    pub(super) fn is_silence(self) -> bool {
        matches!(self, Self::NoProvider | Self::Disabled)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.findings.len() {
            0 => f.write_str("tracewire found no problem.")?,
            1 => f.write_str("tracewire found 1 problem.")?,
            many => write!(f, "tracewire found {many} problems.")?,
        }
        for (index, Finding { problem, remedy, .. }) in self.findings.iter().enumerate() {
            write!(f, "\n\n{}. {problem}\n   {remedy}", index + 1)?;
        }
        if !self.whole {
            f.write_str(
                "\n\nTelemetry is not that of `tracewire::sdk::init`, so its sampler, exporter and \
                 service name were not looked at.",
            )?;
        }
        Ok(())
    }
}

/// On one line.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} To mend it: {}", self.problem, self.remedy)
    }
}
