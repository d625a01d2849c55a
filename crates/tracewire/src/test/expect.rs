//! What a trace should be, and how it differs.
#![allow(clippy::panic, reason = "assertions panic")]

use std::borrow::Cow;

use opentelemetry::Value;
use opentelemetry::trace::{SpanKind, Status};

use super::tree::{Node, Trace, kind_name};
use crate::span::attributes::{ERROR_TYPE, HTTP_RESPONSE_STATUS_CODE};
use crate::span::{Outcome, Side};

/// A span that should be there.
///
/// What is not said is not compared, with two exceptions: an error is only right where it is
/// expected, and the children must be exactly those named, in the order of their starts.
#[must_use = "an expectation does nothing until it is compared"]
#[derive(Clone, Debug)]
pub struct Span {
    name: Cow<'static, str>,
    kind: Option<SpanKind>,
    error_type: Option<Cow<'static, str>>,
    status_code: Option<u16>,
    attributes: Vec<(&'static str, Option<Value>)>,
    links: Option<usize>,
    children: Vec<Span>,
    any_order: bool,
}

/// Expects a span of this name.
pub fn span(name: impl Into<Cow<'static, str>>) -> Span {
    Span {
        name: name.into(),
        kind: None,
        error_type: None,
        status_code: None,
        attributes: Vec::new(),
        links: None,
        children: Vec::new(),
        any_order: false,
    }
}

impl Span {
    /// Of kind server.
    pub fn server(self) -> Self {
        self.kind(SpanKind::Server)
    }

    /// Of kind client.
    pub fn client(self) -> Self {
        self.kind(SpanKind::Client)
    }

    /// Of kind producer.
    pub fn producer(self) -> Self {
        self.kind(SpanKind::Producer)
    }

    /// Of kind consumer.
    pub fn consumer(self) -> Self {
        self.kind(SpanKind::Consumer)
    }

    /// Of kind internal.
    pub fn internal(self) -> Self {
        self.kind(SpanKind::Internal)
    }

    fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// With this HTTP status code, and with the error that the code means on its side.
    pub fn status(mut self, code: u16) -> Self {
        self.status_code = Some(code);
        self
    }

    /// With status error and this `error.type`.
    pub fn error(mut self, error_type: impl Into<Cow<'static, str>>) -> Self {
        self.error_type = Some(error_type.into());
        self
    }

    /// With this attribute, of this value and type.
    pub fn attribute(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push((key, Some(value.into())));
        self
    }

    /// Without this attribute.
    pub fn without(mut self, key: &'static str) -> Self {
        self.attributes.push((key, None));
        self
    }

    /// With so many links.
    pub fn links(mut self, count: usize) -> Self {
        self.links = Some(count);
        self
    }

    /// With this child after those named before.
    pub fn child(mut self, child: Span) -> Self {
        self.children.push(child);
        self
    }

    /// With its children in any order, for work done side by side.
    pub fn in_any_order(mut self) -> Self {
        self.any_order = true;
        self
    }

    /// The error this span should have, if any.
    fn expected_error(&self) -> Option<Cow<'static, str>> {
        let side = Side::of(self.kind.as_ref().unwrap_or(&SpanKind::Internal));
        let by_code = || Outcome::Http(self.status_code?).verdict(side).error_type;
        self.error_type.clone().or_else(by_code)
    }

    fn differences(&self, node: &Node, path: &str, found: &mut Vec<String>) {
        let path = if path.is_empty() {
            self.name.to_string()
        } else {
            format!("{path} › {}", self.name)
        };
        let mut differs = |what: String| found.push(format!("at {path}: {what}"));
        if node.span.name != self.name {
            differs(format!("the name is `{}`", node.span.name));
        }
        if let Some(kind) = &self.kind
            && *kind != node.span.span_kind
        {
            differs(format!(
                "expected kind {}, found {}",
                kind_name(kind),
                kind_name(&node.span.span_kind)
            ));
        }
        let mut wanted = self.attributes.clone();
        if let Some(code) = self.status_code {
            wanted.push((HTTP_RESPONSE_STATUS_CODE, Some(Value::I64(code.into()))));
        }
        let error = self.expected_error();
        wanted.push((ERROR_TYPE, error.clone().map(Value::from)));
        for (key, value) in wanted {
            match (value, node.attribute(key)) {
                (Some(value), Some(other)) if value == *other => {}
                (None, None) => {}
                (Some(value), Some(other)) => {
                    differs(format!("{key}: expected {value:?}, found {other:?}"));
                }
                (Some(value), None) => differs(format!("{key}: expected {value:?}, found nothing")),
                (None, Some(other)) => differs(format!("{key}: expected nothing, found {other:?}")),
            }
        }
        let is_error = matches!(node.span.status, Status::Error { .. });
        if is_error != error.is_some() {
            let word = if error.is_some() { "an error" } else { "no error" };
            differs(format!("expected status {word}, found {:?}", node.span.status));
        }
        if let Some(links) = self.links
            && links != node.span.links.len()
        {
            differs(format!("expected {links} links, found {}", node.span.links.len()));
        }
        siblings(&self.children, &node.children, self.any_order, &path, found);
    }
}

fn siblings(
    expected: &[Span],
    nodes: &[Node],
    any_order: bool,
    path: &str,
    found: &mut Vec<String>,
) {
    let mut left: Vec<&Node> = nodes.iter().collect();
    for span in expected {
        let matching = |node: &&Node| {
            let mut differences = Vec::new();
            span.differences(node, path, &mut differences);
            differences.is_empty()
        };
        let best = if any_order { left.iter().position(matching) } else { None };
        let best = best.or_else(|| {
            any_order.then(|| left.iter().position(|node| node.span.name == span.name))?
        });
        match best.or((!any_order && !left.is_empty()).then_some(0)) {
            Some(index) => span.differences(left.remove(index), path, found),
            None => found.push(format!("below {}: `{}` is missing", place(path), span.name)),
        }
    }
    for node in left {
        found.push(format!("below {}: `{}` is one too many", place(path), node.span.name));
    }
}

fn place(path: &str) -> &str {
    if path.is_empty() { "the root" } else { path }
}

#[track_caller]
pub(super) fn compare(trace: &Trace, expected: &[Span]) {
    let mut found = Vec::new();
    siblings(expected, trace.roots(), false, "", &mut found);
    if !found.is_empty() {
        let list = found.join("\n  ");
        fail(&format!("the trace differs:\n  {list}\n\nfound:\n{trace}"));
    }
}

#[track_caller]
pub(crate) fn fail(message: &str) -> ! {
    panic!("{message}")
}
