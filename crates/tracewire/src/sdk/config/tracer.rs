//! `tracer_provider`: which spans are made, and where they go.

use std::time::Duration;

use super::node::{Fault, Mark, Node};
use super::section::{Notes, Section, list, only, unknown};
use super::{otlp, sampler};
use crate::sdk::{Batch, Limits, Otlp, Sampler};

/// What the document says of spans.
#[derive(Clone, Debug)]
pub(in crate::sdk) struct Traces {
    pub(in crate::sdk) destinations: Vec<Destination>,
    pub(in crate::sdk) limits: Limits,
    /// `None` for the default.
    pub(in crate::sdk) sampler: Option<Sampler>,
}

/// A place that spans go to, and how they are gathered for it.
#[derive(Clone, Debug)]
pub(in crate::sdk) struct Destination {
    /// Where in the document it stands.
    pub(in crate::sdk) at: Mark,
    pub(in crate::sdk) to: To,
    pub(in crate::sdk) batch: Batch,
}

#[derive(Clone, Debug)]
pub(in crate::sdk) enum To {
    Console,
    Otlp(Box<Otlp>),
    Zipkin { endpoint: Option<String>, timeout: Option<Duration> },
}

/// A queue takes its memory at once, so its length has an end.
const SPANS: std::ops::RangeInclusive<i64> = 1..=1_000_000;

impl Traces {
    pub(super) fn read(mut section: Section<'_>, notes: &mut Notes) -> Result<Self, Fault> {
        let processors = list("processors", section.required("processors")?)?;
        let destinations =
            processors.iter().map(|node| processor(node, notes)).collect::<Result<_, _>>()?;
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

fn processor(node: &Node, notes: &mut Notes) -> Result<Destination, Fault> {
    let (key, settings) = only("processors", node)?;
    let mut section = Section::new(&key.name, settings)?;
    let batch = match &*key.name {
        "batch" => {
            let size = |number: i64| usize::try_from(number).ok();
            // Without any delay the queue would be looked at all the time.
            let least = Duration::from_millis(1);
            Batch {
                schedule_delay: section.milliseconds("schedule_delay")?.map(|it| it.max(least)),
                export_timeout: section.timeout("export_timeout")?,
                max_queue_size: section.whole("max_queue_size", SPANS)?.and_then(size),
                max_export_batch_size: section
                    .whole("max_export_batch_size", SPANS)?
                    .and_then(size),
            }
        }
        // Each span by itself as soon as it ends, yet nobody waits for it to be sent.
        "simple" => Batch { max_export_batch_size: Some(1), ..Batch::new() },
        _ => return Err(unknown("processor", key, "batch and simple")),
    };
    let exporter = section.required("exporter")?;
    let to = self::exporter(exporter, notes)?;
    section.end(notes);
    Ok(Destination { at: exporter.at, to, batch })
}

fn exporter(node: &Node, notes: &mut Notes) -> Result<To, Fault> {
    let (key, settings) = only("exporter", node)?;
    let mut section = Section::new(&key.name, settings)?;
    Ok(match &*key.name {
        "otlp_http" => To::Otlp(Box::new(otlp::http(section, notes)?)),
        "otlp_grpc" => To::Otlp(Box::new(otlp::grpc(section, notes)?)),
        "console" => {
            section.end(notes);
            To::Console
        }
        "zipkin" => {
            let endpoint = section.text("endpoint")?.map(str::to_owned);
            let timeout = section.timeout("timeout")?;
            section.end(notes);
            To::Zipkin { endpoint, timeout }
        }
        _ => return Err(unknown("exporter", key, "otlp_http, otlp_grpc, zipkin and console")),
    })
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
