//! A map of the document, asked for what it may hold.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::node::{Content, Fault, Key, Mark, Node, Value};

/// What is ignored, and where.
pub(super) type Notes = Vec<(Mark, String)>;

/// A map. What nobody asked it for is told of in the end.
pub(super) struct Section<'a> {
    name: &'a str,
    at: Mark,
    entries: &'a [(Key, Node)],
    asked: Vec<&'a str>,
}

/// A day; nobody means a longer one.
const LONGEST: i64 = 86_400_000;

impl<'a> Section<'a> {
    /// The map called `name`; null is an empty one.
    pub(super) fn new(name: &'a str, node: &'a Node) -> Result<Self, Fault> {
        let entries = match &node.content {
            Content::Map(entries) => &**entries,
            _ if node.is_null() => &[],
            _ => return Err(wrong(name, node, "a mapping")),
        };
        Ok(Self { name, at: node.at, entries, asked: Vec::new() })
    }

    /// Where it begins.
    pub(super) fn at(&self) -> Mark {
        self.at
    }

    /// The value of `key`, which is null when it stands there without one.
    pub(super) fn node(&mut self, key: &'a str) -> Option<&'a Node> {
        self.asked.push(key);
        let entry = self.entries.iter().find(|(found, _)| found.name == key);
        entry.map(|(_, node)| node)
    }

    /// The value of `key`, unless it is null.
    fn value(&mut self, key: &'a str) -> Option<&'a Node> {
        self.node(key).filter(|node| !node.is_null())
    }

    /// The value of `key`, which has to be there.
    pub(super) fn required(&mut self, key: &'a str) -> Result<&'a Node, Fault> {
        let value = self.value(key);
        value.ok_or_else(|| Fault::at(self.at, format!("`{}` needs a `{key}`", self.name)))
    }

    /// A map in it; null is as good as none.
    pub(super) fn section(&mut self, key: &'a str) -> Result<Option<Section<'a>>, Fault> {
        self.value(key).map(|node| Section::new(key, node)).transpose()
    }

    pub(super) fn list(&mut self, key: &'a str) -> Result<Option<&'a [Node]>, Fault> {
        self.value(key).map(|node| list(key, node)).transpose()
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, key: &'a str) -> Result<Option<Vec<&'a str>>, Fault> {
        let list = self.list(key)?;
        list.map(|list| list.iter().map(|node| text(key, node)).collect()).transpose()
    }

    pub(super) fn text(&mut self, key: &'a str) -> Result<Option<&'a str>, Fault> {
        self.value(key).map(|node| text(key, node)).transpose()
    }

    pub(super) fn flag(&mut self, key: &'a str) -> Result<Option<bool>, Fault> {
        self.choose(key, "true or false", |value| match value {
            Value::Bool(flag) => Some(flag),
            _ => None,
        })
    }

    /// One of several names.
    pub(super) fn name<T>(
        &mut self,
        key: &'a str,
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        self.choose(key, wanted, |value| match value {
            Value::Text(name) => parse(name),
            _ => None,
        })
    }

    /// A share, from 0 to 1.
    pub(super) fn ratio(&mut self, key: &'a str) -> Result<Option<f64>, Fault> {
        self.choose(key, "a number from 0 to 1", |value| {
            let ratio = match value {
                Value::Int(0) => 0.0,
                Value::Int(1) => 1.0,
                Value::Float(ratio) => ratio,
                _ => return None,
            };
            (0.0..=1.0).contains(&ratio).then_some(ratio)
        })
    }

    pub(super) fn whole(
        &mut self,
        key: &'a str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<i64>, Fault> {
        let (least, most) = range.clone().into_inner();
        let wanted = format!("a whole number from {least} to {most}");
        self.choose(key, &wanted, |value| match value {
            Value::Int(number) => Some(number).filter(|number| range.contains(number)),
            _ => None,
        })
    }

    pub(super) fn milliseconds(&mut self, key: &'a str) -> Result<Option<Duration>, Fault> {
        let milliseconds = self.whole(key, 0..=LONGEST)?;
        Ok(milliseconds.map(|number| Duration::from_millis(number.unsigned_abs())))
    }

    /// How long something may take; 0 is as long as it likes, which here is a day.
    pub(super) fn timeout(&mut self, key: &'a str) -> Result<Option<Duration>, Fault> {
        let longest = Duration::from_millis(LONGEST.unsigned_abs());
        let timeout = self.milliseconds(key)?;
        Ok(timeout.map(|timeout| if timeout.is_zero() { longest } else { timeout }))
    }

    /// Tells of `key`, if it is there, that nothing follows from it.
    pub(super) fn not_followed(&mut self, key: &'a str, why: &str, notes: &mut Notes) {
        self.asked.push(key);
        if let Some((key, _)) = self.entries.iter().find(|(found, _)| found.name == key) {
            notes.push((key.at, format!("`{}` is ignored: {why}", key.name)));
        }
    }

    /// Tells of everything that nobody asked for.
    pub(super) fn end(self, notes: &mut Notes) {
        let rest = self.entries.iter().filter(|(key, _)| !self.asked.contains(&&*key.name));
        notes.extend(rest.map(|(key, _)| {
            let name = key.name.escape_debug();
            (key.at, format!("`{name}` is ignored: nothing in `{}` has this name", self.name))
        }));
    }

    fn choose<T>(
        &mut self,
        key: &'a str,
        wanted: &str,
        parse: impl Fn(Value<'_>) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        let Some(node) = self.value(key) else {
            return Ok(None);
        };
        let parsed = match &node.content {
            Content::Scalar(scalar) => parse(scalar.value()),
            Content::List(_) | Content::Map(_) => None,
        };
        parsed.map(Some).ok_or_else(|| wrong(key, node, wanted))
    }
}

/// The one entry of a map that names one of several things, with what is said about it, perhaps null.
pub(super) fn only<'a>(name: &str, node: &'a Node) -> Result<(&'a Key, &'a Node), Fault> {
    match &node.content {
        Content::Map(entries) => match &**entries {
            [(key, node)] => Ok((key, node)),
            _ => Err(wrong(name, node, "a mapping with one entry")),
        },
        _ => Err(wrong(name, node, "a mapping with one entry")),
    }
}

/// A list with something in it.
pub(super) fn list<'a>(name: &str, node: &'a Node) -> Result<&'a [Node], Fault> {
    match &node.content {
        Content::List(list) if !list.is_empty() => Ok(list),
        _ => Err(wrong(name, node, "a list with something in it")),
    }
}

/// A text as it is written, also where it looks like a number: variables often do.
pub(super) fn text<'a>(name: &str, node: &'a Node) -> Result<&'a str, Fault> {
    match &node.content {
        Content::Scalar(scalar) if !node.is_null() => Ok(&scalar.text),
        _ => Err(wrong(name, node, "a text")),
    }
}

pub(super) fn wrong(name: &str, node: &Node, wanted: &str) -> Fault {
    Fault::at(node.at, format!("`{name}` should be {wanted}, not {}", node.shown()))
}

/// The name of one of several things that is none of them.
pub(super) fn unknown(what: &str, key: &Key, known: &str) -> Fault {
    let name = key.name.escape_debug();
    Fault::at(key.at, format!("there is no {what} `{name}` here; there are {known}"))
}
