//! `resource`: who sends the spans.

use opentelemetry::{Array, KeyValue, StringValue, Value as Attribute};

use super::node::{Content, Fault, Node, Value};
use super::pattern::Patterns;
use super::section::{Notes, Section, list, only, text, wrong};
use super::substitute::Lookup;
use crate::sdk::Detector;
use crate::sdk::env::attribute;
use crate::sdk::resource::SERVICE_NAME;

/// What the document says of the resource.
#[derive(Clone, Debug, Default)]
pub(in crate::sdk) struct Identity {
    /// Later ones count for more.
    pub(in crate::sdk) attributes: Vec<KeyValue>,
    pub(in crate::sdk) detectors: Vec<Detector>,
    /// Which attributes of the detectors are wanted.
    pub(in crate::sdk) wanted: Patterns,
}

impl Identity {
    pub(super) fn read(
        mut section: Section<'_>,
        lookup: &Lookup<'_>,
        notes: &mut Notes,
    ) -> Result<Self, Fault> {
        let mut found = Self::default();
        if let Some(detection) = section.section("detection/development")? {
            found.detect(detection, lookup, notes)?;
        }
        if let Some(node) = section.node("attributes_list").filter(|node| !node.is_null()) {
            let text = text("attributes_list", node)?;
            let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
            let pairs: Option<Vec<_>> = pairs.map(attribute).collect();
            let wanted = "key=value,…, percent-encoded";
            found.attributes.extend(pairs.ok_or_else(|| wrong("attributes_list", node, wanted))?);
        }
        for node in section.list("attributes")?.unwrap_or_default() {
            found.attributes.push(key_value(node, notes)?);
        }
        let why = "the attributes follow a schema of their own";
        section.not_followed("schema_url", why, notes);
        section.end(notes);
        Ok(found)
    }

    fn detect(
        &mut self,
        mut section: Section<'_>,
        lookup: &Lookup<'_>,
        notes: &mut Notes,
    ) -> Result<(), Fault> {
        for node in section.list("detectors")?.unwrap_or_default() {
            let (key, settings) = only("detectors", node)?;
            let detectors: &[_] = match &*key.name {
                "container" => &[Detector::Container],
                "host" => &[Detector::Host, Detector::Os],
                "os" => &[Detector::Os],
                "process" => &[Detector::Process],
                "k8s" => &[Detector::Kubernetes],
                // Its other attribute, `service.instance.id`, is always there.
                "service" => {
                    let name = lookup("OTEL_SERVICE_NAME").filter(|name| !name.is_empty());
                    self.attributes.extend(name.map(|name| KeyValue::new(SERVICE_NAME, name)));
                    &[]
                }
                other => {
                    // Each language has detectors of its own, and they may share a file.
                    let why = "there is no such detector here";
                    notes.push((key.at, format!("`{}` is ignored: {why}", other.escape_debug())));
                    continue;
                }
            };
            Section::new(&key.name, settings)?.end(notes);
            for detector in detectors {
                if !self.detectors.contains(detector) {
                    self.detectors.push(*detector);
                }
            }
        }
        if let Some(attributes) = section.section("attributes")? {
            self.wanted = patterns(attributes, notes)?;
        }
        section.end(notes);
        Ok(())
    }
}

fn patterns(mut section: Section<'_>, notes: &mut Notes) -> Result<Patterns, Fault> {
    let found = included(&mut section)?;
    section.end(notes);
    Ok(found)
}

/// `included` and `excluded` of a map.
pub(super) fn included(section: &mut Section<'_>) -> Result<Patterns, Fault> {
    let own = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
    Ok(Patterns {
        included: section.texts("included")?.map(own),
        excluded: section.texts("excluded")?.map(own).unwrap_or_default(),
    })
}

fn key_value(node: &Node, notes: &mut Notes) -> Result<KeyValue, Fault> {
    let mut section = Section::new("attributes", node)?;
    let key = text("name", section.required("name")?)?.to_owned();
    let value = section.required("value")?;
    let value = match section.text("type")?.unwrap_or("string") {
        "string" => Some(Attribute::from(text("value", value)?.to_owned())),
        "bool" => flag(value).map(Attribute::from),
        "int" => int(value).map(Attribute::from),
        "double" => double(value).map(Attribute::from),
        "string_array" => array(value, |it| Some(StringValue::from(text("", it).ok()?.to_owned()))),
        "bool_array" => array(value, flag),
        "int_array" => array(value, int),
        "double_array" => array(value, double),
        _ => {
            let known = "string, bool, int, double or one of these with `_array`";
            return Err(Fault::at(value.at, format!("the `type` of `{key}` should be {known}")));
        }
    }
    .ok_or_else(|| wrong(&key, value, "of the `type` that is said"))?;
    section.end(notes);
    Ok(KeyValue::new(key, value))
}

fn array<T>(node: &Node, item: impl Fn(&Node) -> Option<T>) -> Option<Attribute>
where
    Array: From<Vec<T>>,
{
    let items: Option<Vec<T>> = list("", node).ok()?.iter().map(item).collect();
    Some(Attribute::Array(items?.into()))
}

fn scalar(node: &Node) -> Option<Value<'_>> {
    match &node.content {
        Content::Scalar(scalar) => Some(scalar.value()),
        Content::List(_) | Content::Map(_) => None,
    }
}

fn flag(node: &Node) -> Option<bool> {
    if let Value::Bool(flag) = scalar(node)? { Some(flag) } else { None }
}

fn int(node: &Node) -> Option<i64> {
    if let Value::Int(int) = scalar(node)? { Some(int) } else { None }
}

fn double(node: &Node) -> Option<f64> {
    match (scalar(node)?, &node.content) {
        (Value::Float(double), _) => Some(double),
        (Value::Int(_), Content::Scalar(int)) => int.text.parse().ok(),
        _ => None,
    }
}
