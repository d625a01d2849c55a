//! `tracer_provider`: which spans are made, and where they go.

use super::destination::Destination;
use super::node::Fault;
use super::sampler;
use super::section::{Notes, Section, list};
use crate::sdk::{Limits, Sampler, Signal};

/// What the document says of spans.
#[derive(Clone, Debug)]
pub(in crate::sdk) struct Traces {
    pub(in crate::sdk) destinations: Vec<Destination>,
    pub(in crate::sdk) limits: Limits,
    /// `None` for the default.
    pub(in crate::sdk) sampler: Option<Sampler>,
}

impl Traces {
    pub(super) fn read(mut section: Section<'_>, notes: &mut Notes) -> Result<Self, Fault> {
        let processors = list("processors", section.required("processors")?)?.iter();
        let destinations = processors
            .map(|node| Destination::read(Signal::Traces, node, notes))
            .collect::<Result<_, _>>()?;
        let limits = match section.section("limits")? {
            Some(limits) => self::limits(limits, notes)?,
            None => Limits::new(),
        };
        let sampler = match section.node("sampler").filter(|node| !node.is_null()) {
            Some(node) => Some(sampler::read("sampler", node, notes)?),
            None => None,
        };
        let why = "tracers cannot be told apart here";
        section.not_followed("tracer_configurator/development", why, notes);
        section.end(notes);
        Ok(Self { destinations, limits, sampler })
    }
}

fn limits(mut section: Section<'_>, notes: &mut Notes) -> Result<Limits, Fault> {
    let mut limits = attribute_limits(&mut section)?;
    limits.events = limit(&mut section, "event_count_limit")?;
    limits.links = limit(&mut section, "link_count_limit")?;
    limits.event_attributes = limit(&mut section, "event_attribute_count_limit")?;
    limits.link_attributes = limit(&mut section, "link_attribute_count_limit")?;
    section.end(notes);
    Ok(limits)
}

/// The limits that can also be said for every signal.
pub(super) fn attribute_limits(section: &mut Section<'_>) -> Result<Limits, Fault> {
    let length = limit(section, "attribute_value_length_limit")?;
    Ok(Limits {
        value_length: length.and_then(|length| length.try_into().ok()),
        attributes: limit(section, "attribute_count_limit")?,
        ..Limits::new()
    })
}

fn limit<'a>(section: &mut Section<'a>, key: &'a str) -> Result<Option<u32>, Fault> {
    let limit = section.whole(key, 0..=i64::from(u32::MAX))?;
    Ok(limit.and_then(|limit| limit.try_into().ok()))
}
