//! A span as its sampler sees it.

use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceContextExt as _};
use opentelemetry::{Context, KeyValue, Value};

/// A span that is about to start.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    pub(super) parent: Option<&'a Context>,
    pub(super) name: &'a str,
    pub(super) kind: &'a SpanKind,
    pub(super) attributes: &'a [KeyValue],
    pub(super) links: &'a [Link],
}

impl<'a> Candidate<'a> {
    /// Its name.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Its kind.
    pub fn kind(&self) -> &'a SpanKind {
        self.kind
    }

    /// Its first attributes.
    pub fn attributes(&self) -> &'a [KeyValue] {
        self.attributes
    }

    /// Its first links.
    pub fn links(&self) -> &'a [Link] {
        self.links
    }

    /// One of its attributes.
    pub fn attribute(&self, key: &str) -> Option<&'a Value> {
        let found = self.attributes.iter().find(|attribute| attribute.key.as_str() == key);
        found.map(|attribute| &attribute.value)
    }

    /// The context that it starts in, which also has the baggage.
    pub fn context(&self) -> Option<&'a Context> {
        self.parent
    }

    /// Its parent, if it has one.
    pub fn parent(&self) -> Option<SpanContext> {
        let parent = self.parent?.span().span_context().clone();
        parent.is_valid().then_some(parent)
    }
}
