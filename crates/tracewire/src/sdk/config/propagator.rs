//! `propagator`: which headers are read and written.

use super::node::{Fault, Mark};
use super::section::{Notes, Section, only};
use crate::{Format, Propagator};

const KNOWN: &str = "tracecontext, baggage, b3, b3multi, jaeger, xray and datadog";

pub(super) fn read(mut section: Section<'_>, notes: &mut Notes) -> Result<Propagator, Fault> {
    let mut formats = Vec::new();
    for node in section.list("composite")?.unwrap_or_default() {
        let (key, settings) = only("composite", node)?;
        formats.push(format(&key.name, key.at)?);
        Section::new(&key.name, settings)?.end(notes);
    }
    if let Some(list) = section.text("composite_list")? {
        let at = section.at();
        let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
        for name in names.filter(|name| !name.eq_ignore_ascii_case("none")) {
            formats.push(format(name, at)?);
        }
    }
    section.end(notes);
    Ok(Propagator::new(formats))
}

fn format(name: &str, at: Mark) -> Result<Format, Fault> {
    Format::from_name(name).ok_or_else(|| {
        let name = name.escape_debug();
        Fault::at(at, format!("there is no propagator `{name}` here; there are {KNOWN}"))
    })
}
