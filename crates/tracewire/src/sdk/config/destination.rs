//! `processors` of spans and of log records: where these go, and how they are gathered for it.

use std::time::Duration;

use super::node::{Fault, Mark, Node};
use super::otlp;
use super::section::{Notes, Section, only, unknown, wrong};
use crate::sdk::{Batch, Otlp, Signal};

/// A place that spans or log records go to, and how they are gathered for it.
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
    OtlpStdout,
    /// For spans alone.
    Zipkin {
        endpoint: Option<String>,
        timeout: Option<Duration>,
    },
}

/// Something that stands somewhere in the document.
pub(in crate::sdk) trait Situated {
    fn at(&self) -> Mark;
}

impl Situated for Destination {
    fn at(&self) -> Mark {
        self.at
    }
}

/// A queue takes its memory at once, so its length has an end.
const PIECES: std::ops::RangeInclusive<i64> = 1..=1_000_000;

impl Destination {
    /// A processor of this signal.
    pub(super) fn read(signal: Signal, node: &Node, notes: &mut Notes) -> Result<Self, Fault> {
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
                    max_queue_size: section.whole("max_queue_size", PIECES)?.and_then(size),
                    max_export_batch_size: section
                        .whole("max_export_batch_size", PIECES)?
                        .and_then(size),
                }
            }
            // Each by itself as soon as it ends, yet nobody waits for it to be sent.
            "simple" => Batch { max_export_batch_size: Some(1), ..Batch::new() },
            _ => return Err(unknown("processor", key, "batch and simple")),
        };
        let exporter = section.required("exporter")?;
        let to = self::exporter(signal, exporter, notes)?;
        section.end(notes);
        Ok(Self { at: exporter.at, to, batch })
    }
}

fn exporter(signal: Signal, node: &Node, notes: &mut Notes) -> Result<To, Fault> {
    let (key, settings) = only("exporter", node)?;
    let mut section = Section::new(&key.name, settings)?;
    Ok(match &*key.name {
        "otlp_http" => To::Otlp(Box::new(otlp::http(section, notes)?)),
        "otlp_grpc" => To::Otlp(Box::new(otlp::grpc(section, notes)?)),
        "otlp_file/development" => {
            stdout(&mut section)?;
            section.end(notes);
            To::OtlpStdout
        }
        "console" => {
            section.end(notes);
            To::Console
        }
        "zipkin" if signal == Signal::Traces => {
            let endpoint = section.text("endpoint")?.map(str::to_owned);
            let timeout = section.timeout("timeout")?;
            section.end(notes);
            To::Zipkin { endpoint, timeout }
        }
        _ if signal == Signal::Traces => {
            let known = "otlp_http, otlp_grpc, otlp_file/development, zipkin and console";
            return Err(unknown("exporter", key, known));
        }
        _ => {
            let known = "otlp_http, otlp_grpc, otlp_file/development and console";
            return Err(unknown("exporter", key, known));
        }
    })
}

/// Refuses to write to anything else than standard output.
pub(super) fn stdout(section: &mut Section<'_>) -> Result<(), Fault> {
    let Some(node) = section.node("output_stream").filter(|node| !node.is_null()) else {
        return Ok(());
    };
    match super::section::text("output_stream", node)? {
        "stdout" => Ok(()),
        _ => Err(wrong("output_stream", node, "stdout")),
    }
}
