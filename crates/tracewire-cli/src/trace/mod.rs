//! A trace as a tree, and what can be asked of it.

mod assemble;
mod time;

use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

pub use time::Segment;

use crate::span::{Span, SpanId, TraceId};

/// The spans of one trace as a tree, or as several where spans are missing.
///
/// Any spans make a trace: a span whose parent is not there becomes a root ([`Root::Orphan`]), and a circle of parents
/// is cut open at its earliest span ([`Root::Cycle`]). Siblings are in order of their start.
///
/// ```
/// use tracewire_cli::{Span, SpanId, Trace, TraceId};
///
/// let id = TraceId::from(1);
/// let span = |n: u64, name: &str| Span::new(id, SpanId::from(n), name);
/// let trace = Trace::new(id, [
///     span(3, "SELECT orders").parent(SpanId::from(2)).service("orders").time(40, 90),
///     span(1, "POST /checkout").service("gateway").time(0, 100),
///     span(2, "GET /orders").parent(SpanId::from(1)).service("orders").time(10, 95),
/// ]);
///
/// let outline: Vec<_> = trace.walk().map(|step| (step.depth, step.node.span().name.as_str())).collect();
/// assert_eq!(outline, [(0, "POST /checkout"), (1, "GET /orders"), (2, "SELECT orders")]);
/// assert!(trace.is_connected());
/// assert_eq!(trace.services(), ["gateway", "orders"]);
/// assert_eq!(trace.bottleneck().map(|node| node.span().name.as_str()), Some("SELECT orders"));
/// ```
#[derive(Clone, Debug)]
pub struct Trace {
    id: TraceId,
    /// In order of start, so that every list of children below is too.
    spans: Vec<Arc<Span>>,
    index: HashMap<SpanId, usize>,
    parents: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
    roots: Vec<(usize, Root)>,
}

/// A span in its place in a [`Trace`]; gives the [`Span`] itself by dereference.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    trace: &'a Trace,
    index: usize,
}

/// Why a span has no parent in its [`Trace`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Root {
    /// It started the trace.
    Start,
    /// It names a parent that is not there: lost, late, not sampled, or recorded elsewhere.
    Orphan,
    /// Its parents go round in a circle, which was cut here.
    Cycle,
}

/// One step of [`Trace::walk`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Step<'a> {
    /// The span.
    pub node: Node<'a>,
    /// How many ancestors it has.
    pub depth: usize,
    /// Whether it is the last of its siblings.
    pub last: bool,
}

/// A span of another trace that links to a span of this one.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Linked<'a> {
    /// The span here, such as a message's producer.
    pub from: Node<'a>,
    /// The span there, such as its consumer.
    pub to: Node<'a>,
}

// === impl Trace ===

impl Trace {
    /// Assembles a trace. Spans with another trace id are left out; of two with the same span id the later one stays.
    pub fn new<S: Into<Arc<Span>>>(id: TraceId, spans: impl IntoIterator<Item = S>) -> Self {
        assemble::assemble(id, spans.into_iter().map(Into::into))
    }

    /// Assembles spans of any traces, in the order in which each trace first occurs.
    pub fn group<S: Into<Arc<Span>>>(spans: impl IntoIterator<Item = S>) -> Vec<Self> {
        let mut groups: Vec<(TraceId, Vec<Arc<Span>>)> = Vec::new();
        let mut places = HashMap::new();
        for span in spans.into_iter().map(Into::into) {
            let place = *places.entry(span.trace_id).or_insert(groups.len());
            match groups.get_mut(place) {
                Some((_, group)) => group.push(span),
                None => groups.push((span.trace_id, vec![span])),
            }
        }
        groups.into_iter().map(|(id, spans)| Self::new(id, spans)).collect()
    }

    /// The trace's id.
    pub fn id(&self) -> TraceId {
        self.id
    }

    /// How many spans there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The span with this id.
    pub fn get(&self, id: SpanId) -> Option<Node<'_>> {
        self.index.get(&id).map(|index| self.node(*index))
    }

    /// All spans, in order of their start.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        (0..self.spans.len()).map(|index| self.node(index))
    }

    /// The spans without a parent here, in order of their start.
    pub fn roots(&self) -> impl Iterator<Item = Node<'_>> {
        self.roots.iter().map(|(index, _)| self.node(*index))
    }

    /// All spans, each before its children: the order of a waterfall.
    pub fn walk(&self) -> impl Iterator<Item = Step<'_>> {
        let roots: Vec<_> = self.roots.iter().map(|(index, _)| *index).collect();
        let mut stack = Vec::new();
        push_siblings(&mut stack, &roots, 0);
        std::iter::from_fn(move || {
            let (index, depth, last) = stack.pop()?;
            push_siblings(&mut stack, &self.children[index], depth + 1);
            Some(Step { node: self.node(index), depth, last })
        })
    }

    /// Whether this is one tree with its start: no second root, no missing parent.
    pub fn is_connected(&self) -> bool {
        matches!(self.roots.as_slice(), [(_, Root::Start)])
    }

    /// The services that took part, in the order of [`walk`](Self::walk).
    pub fn services(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        self.walk()
            .map(|step| step.node.span().service_name())
            .filter(|service| seen.insert(*service))
            .collect()
    }

    /// The earliest start of a span, in nanoseconds since the Unix epoch; 0 without spans.
    pub fn start(&self) -> u64 {
        self.spans.first().map_or(0, |span| span.start)
    }

    /// The latest end (or start) of a span, in nanoseconds since the Unix epoch; 0 without spans.
    pub fn end(&self) -> u64 {
        self.spans.iter().map(|span| span.end.max(span.start)).max().unwrap_or(0)
    }

    /// From the earliest start to the latest end.
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.end() - self.start())
    }

    /// The spans whose status is error, in the order of [`walk`](Self::walk).
    pub fn errors(&self) -> impl Iterator<Item = Node<'_>> {
        self.walk().map(|step| step.node).filter(|node| node.is_error())
    }

    /// The errors that no child's error explains: where to look first.
    pub fn error_sources(&self) -> impl Iterator<Item = Node<'_>> {
        self.errors().filter(|node| !node.children().any(|child| child.is_error()))
    }

    /// The span with the greatest [self time](Node::self_time); of equals the first in the order of [`walk`](Self::walk).
    pub fn bottleneck(&self) -> Option<Node<'_>> {
        self.walk()
            .map(|step| (step.node.self_time(), step.node))
            .reduce(|best, next| if next.0 > best.0 { next } else { best })
            .map(|(_, node)| node)
    }

    /// The chain of spans that the first root's duration consists of, in order of time, without gaps or overlaps.
    ///
    /// Shortening a span beside this path does not make the trace shorter.
    pub fn critical_path(&self) -> Vec<Segment<'_>> {
        self.roots().next().map(time::critical_path).unwrap_or_default()
    }

    /// The spans of other traces that link to spans of this one, in the order given.
    pub fn linked<'a>(&'a self, others: &'a [Trace]) -> Vec<Linked<'a>> {
        let others = others.iter().filter(|other| other.id != self.id);
        others
            .flat_map(|other| other.walk().map(|step| step.node))
            .flat_map(|to| to.span().links.iter().map(move |link| (to, link)))
            .filter(|(_, link)| link.trace_id == self.id)
            .filter_map(|(to, link)| Some(Linked { from: self.get(link.span_id)?, to }))
            .collect()
    }

    fn node(&self, index: usize) -> Node<'_> {
        Node { trace: self, index }
    }
}

fn push_siblings(stack: &mut Vec<(usize, usize, bool)>, siblings: &[usize], depth: usize) {
    let last_first = siblings.iter().rev().enumerate();
    stack.extend(last_first.map(|(place, index)| (*index, depth, place == 0)));
}

// === impl Node ===

impl<'a> Node<'a> {
    /// The span, to keep.
    pub fn span(self) -> &'a Arc<Span> {
        &self.trace.spans[self.index]
    }

    /// The trace it stands in.
    pub fn trace(self) -> &'a Trace {
        self.trace
    }

    /// The span that caused this one, if it is in the trace.
    pub fn parent(self) -> Option<Node<'a>> {
        let parent = self.trace.parents[self.index]?;
        Some(self.trace.node(parent))
    }

    /// The spans this one caused, in order of their start.
    pub fn children(self) -> impl DoubleEndedIterator<Item = Node<'a>> {
        let children = &self.trace.children[self.index];
        children.iter().map(move |index| self.trace.node(*index))
    }

    /// Why it has no parent here; `None` if it has one.
    pub fn root(self) -> Option<Root> {
        let roots = &self.trace.roots;
        let place = roots.binary_search_by_key(&self.index, |(index, _)| *index);
        place.ok().map(|place| roots[place].1)
    }

    /// The part of its duration in which no child was running.
    pub fn self_time(self) -> Duration {
        time::self_time(self)
    }
}

impl Deref for Node<'_> {
    type Target = Span;

    fn deref(&self) -> &Span {
        self.span()
    }
}
