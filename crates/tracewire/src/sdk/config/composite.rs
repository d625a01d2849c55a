//! `composite/development`: samplers on whose probabilities all services agree.

use opentelemetry::trace::SpanKind;
use opentelemetry::{Array, Value};

use super::node::{Fault, Node};
use super::resource::included;
use super::section::{Notes, Section, list, only, text, unknown, wrong};
use crate::sdk::{Candidate, Consistent, Rules, When};

const KNOWN: &str = "always_on, always_off, probability, parent_threshold and rule_based";

pub(super) fn read(name: &str, node: &Node, notes: &mut Notes) -> Result<Consistent, Fault> {
    let (key, settings) = only(name, node)?;
    let mut section = Section::new(&key.name, settings)?;
    let sampler = match &*key.name {
        "always_on" => Consistent::always_on(),
        "always_off" => Consistent::always_off(),
        "probability" => Consistent::probability(section.ratio("ratio")?.unwrap_or(1.0)),
        "parent_threshold" => {
            Consistent::parent_threshold(read("root", section.required("root")?, notes)?)
        }
        "rule_based" => {
            let mut rules = Rules::<Consistent>::new();
            for node in section.list("rules")?.unwrap_or_default() {
                let (when, sampler) = rule(node, notes)?;
                rules = rules.when(when, sampler);
            }
            rules.into()
        }
        _ => return Err(unknown("composite sampler", key, KNOWN)),
    };
    section.end(notes);
    Ok(sampler)
}

/// All its conditions have to hold.
fn rule(node: &Node, notes: &mut Notes) -> Result<(When, Consistent), Fault> {
    let mut section = Section::new("rules", node)?;
    let mut when = When::always();
    if let Some(mut values) = section.section("attribute_values")? {
        let key = text("key", values.required("key")?)?.to_owned();
        let wanted = list("values", values.required("values")?)?;
        let wanted: Vec<String> = (wanted.iter())
            .map(|node| Ok(text("values", node)?.to_owned()))
            .collect::<Result<_, _>>()?;
        values.end(notes);
        when = when.and(attribute(key, move |found| wanted.iter().any(|wanted| wanted == found)));
    }
    if let Some(mut patterns) = section.section("attribute_patterns")? {
        let key = text("key", patterns.required("key")?)?.to_owned();
        let wanted = included(&mut patterns)?;
        patterns.end(notes);
        when = when.and(attribute(key, move |found| wanted.matches(found)));
    }
    if let Some(nodes) = section.list("span_kinds")? {
        let wanted = "internal, server, client, producer or consumer";
        let kinds = names("span_kinds", nodes, wanted, |name| {
            Some(match name {
                "internal" => SpanKind::Internal,
                "server" => SpanKind::Server,
                "client" => SpanKind::Client,
                "producer" => SpanKind::Producer,
                "consumer" => SpanKind::Consumer,
                _ => return None,
            })
        })?;
        when = when.and(When::matching(move |span| kinds.contains(span.kind())));
    }
    if let Some(nodes) = section.list("parent")? {
        let parents = names("parent", nodes, "none, remote or local", |name| match name {
            "none" => Some(None),
            "remote" => Some(Some(true)),
            "local" => Some(Some(false)),
            _ => None,
        })?;
        when = when.and(When::matching(move |span| {
            parents.contains(&span.parent().map(|parent| parent.is_remote()))
        }));
    }
    let sampler = read("sampler", section.required("sampler")?, notes)?;
    section.end(notes);
    Ok((when, sampler))
}

fn names<T>(
    key: &str,
    nodes: &[Node],
    wanted: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Fault> {
    let name = |node| parse(text(key, node)?).ok_or_else(|| wrong(key, node, wanted));
    nodes.iter().map(name).collect()
}

/// An attribute as text, or one of its items.
fn attribute(key: String, test: impl Fn(&str) -> bool + Send + Sync + 'static) -> When {
    When::matching(move |span: &Candidate<'_>| match span.attribute(&key) {
        Some(Value::Array(Array::String(items))) => items.iter().any(|item| test(item.as_str())),
        Some(Value::Array(Array::I64(items))) => any(items, &test),
        Some(Value::Array(Array::F64(items))) => any(items, &test),
        Some(Value::Array(Array::Bool(items))) => any(items, &test),
        Some(value) => test(&value.as_str()),
        None => false,
    })
}

fn any<T: ToString>(items: &[T], test: impl Fn(&str) -> bool) -> bool {
    items.iter().any(|item| test(&item.to_string()))
}
