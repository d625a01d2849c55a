//! One thing to measure, and the command line that measures many of them.

use std::fmt;

use crate::{allocations, clock, instructions, spans};

/// Something that is done again and again.
pub type Operation = Box<dyn FnMut()>;

/// What happens to the spans of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// No tracing at all; what everything else is compared with.
    Bare,
    /// Spans are recorded and handed to the batch processor.
    Sampled,
    /// The caller, or the sampler where there is no caller, decided against recording.
    Unsampled,
    /// There is no SDK; what still can be done is done.
    Off,
}

/// One operation under one library in one mode.
///
/// Its name is `area/scenario/variant/mode`, by which other programs know it.
pub struct Case {
    /// What is traced: `server`, `client`, …
    pub area: &'static str,
    /// What is special about it: `tracestate`, …
    pub scenario: String,
    /// Who traces.
    pub variant: &'static str,
    /// What becomes of the spans.
    pub mode: Mode,
    /// Sets everything up. Called once in a process.
    pub make: Box<dyn Fn() -> Operation>,
}

impl Case {
    /// A case without tracing.
    pub fn bare(
        area: &'static str,
        scenario: impl Into<String>,
        make: impl Fn() -> Operation + 'static,
    ) -> Self {
        Self::new(area, scenario, "bare", Mode::Bare, make)
    }

    /// A case with tracing.
    pub fn new(
        area: &'static str,
        scenario: impl Into<String>,
        variant: &'static str,
        mode: Mode,
        make: impl Fn() -> Operation + 'static,
    ) -> Self {
        Self { area, scenario: scenario.into(), variant, mode, make: Box::new(make) }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.area, self.scenario, self.variant, self.mode)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bare => "bare",
            Self::Sampled => "sampled",
            Self::Unsampled => "unsampled",
            Self::Off => "off",
        })
    }
}

/// Does what the command line asks for. Each measure has a process of its own, where a case may set what is global, and
/// where nobody else has left anything in the allocator.
///
/// | arguments | printed |
/// |---|---|
/// | `list` | the names of all cases |
/// | `allocations NAME` | allocations and bytes of one operation |
/// | `instructions BATCHES NAME` | how many operations callgrind has counted, see `instructions` |
/// | `spans NAME` | the spans that one operation records |
/// | `time NAME` | nanoseconds of one operation |
pub fn run(cases: &[Case]) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let operation = |name: &str| {
        let case = cases.iter().find(|case| case.to_string() == name);
        (case.expect("a case of this name").make)()
    };
    match arguments[..] {
        ["list"] => cases.iter().for_each(|case| println!("{case}")),
        ["allocations", name] => allocations::print(operation(name)),
        ["instructions", batches, name] => {
            instructions::print(operation(name), batches.parse().expect("a number"));
        }
        ["spans", name] => print_spans(operation(name)),
        ["time", name] => clock::print(operation(name)),
        _ => panic!("list | allocations NAME | instructions BATCHES NAME | spans NAME | time NAME"),
    }
}

/// A line for each span and each of its attributes, so that two libraries can be compared.
fn print_spans(mut operation: Operation) {
    for span in spans::recorded(&mut operation) {
        println!("{:?} {:?} {:?}", span.span_kind, span.name, span.status);
        let mut lines: Vec<String> =
            span.attributes.iter().map(|it| format!("  {} = {:?}", it.key, it.value)).collect();
        lines.sort_unstable();
        lines.iter().for_each(|line| println!("{line}"));
    }
}
