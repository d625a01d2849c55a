//! The document as a whole.
//!
//! Schema: opentelemetry-configuration 1.0, "OpenTelemetryConfiguration".

use tracing::level_filters::LevelFilter;

use super::logger::Records;
use super::meter::Metrics;
use super::node::{Fault, Node};
use super::propagator;
use super::resource::Identity;
use super::section::{Notes, Section, text, wrong};
use super::substitute::Lookup;
use super::tracer::{Traces, attribute_limits};
use crate::Propagator;
use crate::sdk::Limits;

/// Everything that a document says.
#[derive(Clone, Debug)]
pub(in crate::sdk) struct Settings {
    pub(in crate::sdk) disabled: bool,
    pub(in crate::sdk) own_level: Option<LevelFilter>,
    pub(in crate::sdk) identity: Identity,
    pub(in crate::sdk) propagator: Propagator,
    /// `None` makes no spans.
    pub(in crate::sdk) traces: Option<Traces>,
    pub(in crate::sdk) records: Option<Records>,
    pub(in crate::sdk) metrics: Option<Metrics>,
}

impl Settings {
    pub(super) fn read(node: &Node, lookup: &Lookup<'_>, notes: &mut Notes) -> Result<Self, Fault> {
        let mut root = Section::new("the configuration", node)?;
        version(root.required("file_format")?, notes)?;
        let disabled = root.flag("disabled")?.unwrap_or(false);
        let wanted = "trace, debug, info, warn, error or fatal";
        let own_level = root.name("log_level", wanted, level)?;
        let general = match root.section("attribute_limits")? {
            Some(mut section) => {
                let limits = attribute_limits(&mut section)?;
                section.end(notes);
                limits
            }
            None => Limits::new(),
        };
        let identity = match root.section("resource")? {
            Some(section) => Identity::read(section, lookup, notes)?,
            None => Identity::default(),
        };
        let propagator = match root.section("propagator")? {
            Some(section) => propagator::read(section, notes)?,
            None => Propagator::new([]),
        };
        let traces = match root.section("tracer_provider")? {
            Some(section) => {
                let traces = Traces::read(section, notes)?;
                Some(Traces { limits: traces.limits.or(general), ..traces })
            }
            None => None,
        };
        let records = match root.section("logger_provider")? {
            Some(section) => {
                let records = Records::read(section, notes)?;
                Some(Records { limits: records.limits.or(general), ..records })
            }
            None => None,
        };
        let metrics = match root.section("meter_provider")? {
            Some(section) => Some(Metrics::read(section, notes)?),
            None => None,
        };
        for key in ["instrumentation/development", "distribution"] {
            root.not_followed(key, "layers and wrappers are set up in code", notes);
        }
        root.end(notes);
        Ok(Self { disabled, own_level, identity, propagator, traces, records, metrics })
    }
}

/// `1.0`, with anything after a `-`; a later minor version may have what is not known here.
fn version(node: &Node, notes: &mut Notes) -> Result<(), Fault> {
    let format = text("file_format", node)?;
    let number = format.split_once('-').map_or(format, |(number, _)| number);
    let minor = number.strip_prefix("1.").and_then(|minor| minor.parse::<u32>().ok());
    match minor {
        Some(0) => {}
        Some(_) => {
            let why = format!("`file_format` is {}, of which 1.0 is understood", node.shown());
            notes.push((node.at, why));
        }
        None => return Err(wrong("file_format", node, "1.0")),
    }
    Ok(())
}

/// The names of severities, which have numbers behind them for what lies between.
fn level(name: &str) -> Option<LevelFilter> {
    Some(match name.strip_suffix(['2', '3', '4']).unwrap_or(name) {
        "trace" => LevelFilter::TRACE,
        "debug" => LevelFilter::DEBUG,
        "info" => LevelFilter::INFO,
        "warn" => LevelFilter::WARN,
        "error" | "fatal" => LevelFilter::ERROR,
        _ => return None,
    })
}
