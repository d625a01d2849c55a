//! Spans as trees, printed as an indented outline.

use std::fmt;

use opentelemetry::trace::{SpanId, SpanKind, Status, TraceId};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

use super::expect;

/// The spans of one trace.
///
/// Its `Display` is an outline with one line for each span and, below it, its attributes in the order
/// of their names and then its children in the order of their starts.
#[derive(Clone, Debug)]
pub struct Trace {
    id: TraceId,
    roots: Vec<Node>,
}

/// A span and its children.
#[derive(Clone, Debug)]
pub struct Node {
    /// The span as it was exported.
    pub span: SpanData,
    /// Its children in the order of their starts.
    pub children: Vec<Node>,
}

impl Trace {
    pub(super) fn all(mut spans: Vec<SpanData>) -> Vec<Self> {
        spans.sort_by_key(|span| span.start_time);
        let mut ids: Vec<TraceId> = Vec::new();
        for span in &spans {
            if !ids.contains(&span.span_context.trace_id()) {
                ids.push(span.span_context.trace_id());
            }
        }
        let of = |id| spans.iter().filter(move |span| span.span_context.trace_id() == id).cloned();
        ids.iter().map(|id| Self { id: *id, roots: roots(&of(*id).collect::<Vec<_>>()) }).collect()
    }

    /// The trace id.
    pub fn id(&self) -> TraceId {
        self.id
    }

    /// The spans without a parent in this capture: one, unless spans are missing.
    pub fn roots(&self) -> &[Node] {
        &self.roots
    }

    /// Every span, parents before their children.
    pub fn spans(&self) -> Vec<&SpanData> {
        let mut found = Vec::new();
        let mut left: Vec<&Node> = self.roots.iter().rev().collect();
        while let Some(node) = left.pop() {
            found.push(&node.span);
            left.extend(node.children.iter().rev());
        }
        found
    }

    /// Compares the whole trace.
    ///
    /// # Panics
    /// When it differs; the message tells all differences.
    #[track_caller]
    pub fn assert(&self, expected: expect::Span) {
        expect::compare(self, &[expected]);
    }
}

fn roots(spans: &[SpanData]) -> Vec<Node> {
    let known = |id: SpanId| spans.iter().any(|span| span.span_context.span_id() == id);
    let is_root = |span: &&SpanData| !known(span.parent_span_id);
    spans.iter().filter(is_root).map(|span| Node::new(span, spans)).collect()
}

impl Node {
    fn new(span: &SpanData, spans: &[SpanData]) -> Self {
        let id = span.span_context.span_id();
        let is_child =
            |other: &&SpanData| other.parent_span_id == id && other.span_context.span_id() != id;
        let children = spans.iter().filter(is_child).map(|child| Self::new(child, spans)).collect();
        Self { span: span.clone(), children }
    }

    /// An attribute's value; the last one where a key stands twice.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        let matches = |attribute: &&KeyValue| attribute.key.as_str() == key;
        self.span.attributes.iter().rev().find(matches).map(|attribute| &attribute.value)
    }

    fn outline(&self, depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indent = "  ".repeat(depth);
        write!(f, "{indent}{} [{}]", self.span.name, kind_name(&self.span.span_kind))?;
        match &self.span.status {
            Status::Unset => writeln!(f)?,
            Status::Ok => writeln!(f, " ok")?,
            Status::Error { description } if description.is_empty() => writeln!(f, " error")?,
            Status::Error { description } => writeln!(f, " error: {description}")?,
        }
        let mut attributes: Vec<_> = self.span.attributes.iter().collect();
        attributes.sort_by_key(|attribute| attribute.key.as_str());
        for KeyValue { key, value, .. } in attributes {
            writeln!(f, "{indent}  {key}: {value}")?;
        }
        for link in self.span.links.iter() {
            let (trace, span) = (link.span_context.trace_id(), link.span_context.span_id());
            writeln!(f, "{indent}  -> {trace}/{span}")?;
        }
        self.children.iter().try_for_each(|child| child.outline(depth + 1, f))
    }
}

pub(super) fn kind_name(kind: &SpanKind) -> &'static str {
    match kind {
        SpanKind::Client => "client",
        SpanKind::Server => "server",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
        SpanKind::Internal => "internal",
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.roots.iter().try_for_each(|root| root.outline(0, f))
    }
}
