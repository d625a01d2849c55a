//! `logger_provider`: which log records are made, and where they go.

use super::destination::Destination;
use super::node::Fault;
use super::section::{Notes, Section, list};
use super::tracer::attribute_limits;
use crate::sdk::{Limits, Signal};

/// What the document says of log records.
#[derive(Clone, Debug, Default)]
pub(in crate::sdk) struct Records {
    pub(in crate::sdk) destinations: Vec<Destination>,
    pub(in crate::sdk) limits: Limits,
}

impl Records {
    pub(super) fn read(mut section: Section<'_>, notes: &mut Notes) -> Result<Self, Fault> {
        let processors = list("processors", section.required("processors")?)?.iter();
        let destinations = processors
            .map(|node| Destination::read(Signal::Logs, node, notes))
            .collect::<Result<_, _>>()?;
        let limits = match section.section("limits")? {
            Some(mut limits) => {
                let found = attribute_limits(&mut limits)?;
                limits.end(notes);
                found
            }
            None => Limits::new(),
        };
        let why = "`log_filter` in code says which log records there are";
        section.not_followed("logger_configurator/development", why, notes);
        section.end(notes);
        Ok(Self { destinations, limits })
    }
}
