//! `sampler`: which traces are kept.

use super::composite;
use super::node::{Fault, Key, Node};
use super::section::{Notes, Section, only, text, unknown, wrong};
use crate::sdk::{Consistent, JaegerRemote, ParentBased, Sampler};

const KNOWN: &str = "always_on, always_off, trace_id_ratio_based, parent_based, \
                     probability/development, composite/development and jaeger_remote/development";

pub(super) fn read(name: &str, node: &Node, notes: &mut Notes) -> Result<Sampler, Fault> {
    let (key, settings) = only(name, node)?;
    if &*key.name == "composite/development" {
        return Ok(composite::read(&key.name, settings, notes)?.into());
    }
    let mut section = Section::new(&key.name, settings)?;
    let sampler = match &*key.name {
        "parent_based" => parent_based(&mut section, notes)?,
        "jaeger_remote/development" => jaeger_remote(&mut section, notes)?,
        "probability/development" => {
            Consistent::probability(section.ratio("ratio")?.unwrap_or(1.0)).into()
        }
        _ => match share(key, &mut section)? {
            Some(share) if key.name == "trace_id_ratio_based" => Sampler::ratio(share),
            Some(share) if share > 0.0 => Sampler::always_on(),
            Some(_) => Sampler::always_off(),
            None => return Err(unknown("sampler", key, KNOWN)),
        },
    };
    section.end(notes);
    Ok(sampler)
}

/// What share of all traces a sampler keeps that looks at nothing else.
fn share(key: &Key, section: &mut Section<'_>) -> Result<Option<f64>, Fault> {
    Ok(match &*key.name {
        "always_on" => Some(1.0),
        "always_off" => Some(0.0),
        "trace_id_ratio_based" | "probability/development" => {
            Some(section.ratio("ratio")?.unwrap_or(1.0))
        }
        _ => None,
    })
}

fn parent_based(section: &mut Section<'_>, notes: &mut Notes) -> Result<Sampler, Fault> {
    let mut branch = |key| {
        let node = section.node(key).filter(|node| !node.is_null());
        node.map(|node| read(key, node, notes)).transpose()
    };
    let mut sampler = ParentBased::new(branch("root")?.unwrap_or_else(Sampler::always_on));
    if let Some(remote) = branch("remote_parent_sampled")? {
        sampler = sampler.remote_parent_sampled(remote);
    }
    if let Some(remote) = branch("remote_parent_not_sampled")? {
        sampler = sampler.remote_parent_not_sampled(remote);
    }
    if let Some(local) = branch("local_parent_sampled")? {
        sampler = sampler.local_parent_sampled(local);
    }
    if let Some(local) = branch("local_parent_not_sampled")? {
        sampler = sampler.local_parent_not_sampled(local);
    }
    Ok(sampler.into())
}

fn jaeger_remote(section: &mut Section<'_>, notes: &mut Notes) -> Result<Sampler, Fault> {
    let endpoint = section.required("endpoint")?;
    let initial = section.required("initial_sampler")?;
    let (key, settings) = only("initial_sampler", initial)?;
    let mut inner = Section::new(&key.name, settings)?;
    let rate = share(key, &mut inner)?.ok_or_else(|| {
        let known = "always_on, always_off, trace_id_ratio_based and probability/development";
        unknown("initial sampler", key, known)
    })?;
    inner.end(notes);
    let wanted = "an http:// address without a query";
    let mut sampler = JaegerRemote::new()
        .endpoint(text("endpoint", endpoint)?)
        .map_err(|_| wrong("endpoint", endpoint, wanted))?
        .initial_sampling_rate(rate);
    if let Some(interval) = section.milliseconds("interval")? {
        sampler = sampler.polling_interval(interval);
    }
    Ok(sampler.into())
}
