//! Says where trace context was lost between services, and as far as spans can tell, by whom.

mod calls;
mod sentence;
mod suspect;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use calls::{Calls, key};
use suspect::Record;

use crate::span::{Span, SpanKind};
use crate::trace::{Node, Root, Trace};

/// One place where a request's trace is broken.
///
/// Its [`Display`](std::fmt::Display) is one paragraph in plain English, safe to print in a terminal.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// What happened.
    pub kind: FindingKind,
    /// Whose fault it is, as far as spans can tell.
    pub suspect: Suspect,
    /// What ties the two spans to each other.
    pub evidence: Evidence,
    /// The span on the near side of the break: the caller's call, or what was being handled; `None` if unknown.
    pub upstream: Option<Arc<Span>>,
    /// The span that should have continued the trace.
    pub downstream: Arc<Span>,
    /// How many more spans started traces at the same place.
    pub more: usize,
}

/// What happened at a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// A service was called within the trace and started a new one.
    NewTrace,
    /// A service continued the trace, then lost it before its own next operation.
    LostInside,
    /// A service started a new trace and linked it to the caller's, as one does that does not trust its caller.
    Restarted,
    /// A span names a parent that is not there.
    MissingParent,
    /// A service started a trace while the request ran, and no client span shows who called it.
    NoCaller,
}

/// Who lost the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Suspect {
    /// The service downstream: it did not take the context up.
    Callee,
    /// The service upstream: it did not pass the context on.
    Caller,
    /// One of the two; the spans cannot tell which.
    Unclear,
    /// Nobody: it was meant so, or the trace itself is whole.
    Nobody,
}

/// What ties the two sides of a break to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Evidence {
    /// Address, port, path or peer name agree, and so do the times.
    Address,
    /// The times agree, and nothing speaks against it.
    Time,
}

/// Finds the breaks in the traces that one request left behind.
///
/// Give it all the traces recorded while the request ran and no others: which traces belong together is exactly what
/// is lost at a break, so it is inferred from addresses, methods, paths and times. One connected trace has no findings.
///
/// ```
/// use tracewire_cli::{FindingKind, Span, SpanId, SpanKind, Suspect, Trace, TraceId, diagnose};
///
/// let call = Span::new(TraceId::from(1), SpanId::from(1), "GET")
///     .service("checkout").kind(SpanKind::Client).time(0, 100).attribute("server.port", 7001);
/// let served = Span::new(TraceId::from(2), SpanId::from(2), "GET /stock")
///     .service("inventory").kind(SpanKind::Server).time(10, 90).attribute("server.port", 7001);
///
/// let findings = diagnose(&Trace::group([call, served]));
///
/// assert_eq!(findings.len(), 1);
/// assert_eq!((findings[0].kind, findings[0].suspect), (FindingKind::NewTrace, Suspect::Unclear));
/// assert_eq!(
///     findings[0].to_string(),
///     "The trace breaks at `inventory`: checkout called it (GET, span 0000000000000001) but inventory started a new \
///      trace (00000000000000000000000000000002). Either checkout did not send the trace headers or inventory did not \
///      read them; these spans cannot tell which.",
/// );
/// ```
pub fn diagnose(traces: &[Trace]) -> Vec<Finding> {
    let by_id: HashMap<_, _> = traces.iter().map(|trace| (trace.id(), trace)).collect();
    let linked = |start: Node<'_>| {
        start.links.iter().find_map(|link| {
            let trace = by_id.get(&link.trace_id).filter(|trace| trace.id() != start.trace_id)?;
            trace.get(link.span_id)
        })
    };
    let (links, starts): (Vec<_>, Vec<_>) =
        starts(traces).into_iter().partition(|start| linked(*start).is_some());
    let served: Vec<_> = starts.iter().copied().filter(|start| is_served(*start)).collect();
    let calls = Calls::of(traces);
    let matched = calls.matched(&served);
    let record = Record::of(traces, matched.values().map(|found| (found.call, found.served)));

    let mut findings = Vec::new();
    // A consumer that links to its producer is how messages are traced, and no break.
    findings.extend(
        links.into_iter().filter(|start| is_served(*start)).map(|start| {
            Finding::new(FindingKind::Restarted, Suspect::Nobody, linked(start), start)
        }),
    );
    let mut lost: HashMap<_, usize> = HashMap::new();
    let mut unexplained = Vec::new();
    for start in starts {
        if let Some(found) = matched.get(&key(start)) {
            let suspect = record.suspect(found.call, start);
            let finding = Finding::new(FindingKind::NewTrace, suspect, Some(found.call), start);
            findings.push(Finding { evidence: found.evidence, ..finding });
        } else if let Some(handled) = calls.handling(start) {
            // Everything a handler does after it lost the trace starts a new one: that is one break.
            match lost.get(&key(handled)) {
                Some(place) => findings[*place].more += 1,
                None => {
                    lost.insert(key(handled), findings.len());
                    findings.push(Finding::new(
                        FindingKind::LostInside,
                        Suspect::Caller,
                        Some(handled),
                        start,
                    ));
                }
            }
        } else {
            unexplained.push(start);
        }
    }
    // The request came in with the one that lasted longest: it waited for all the others that are part of it.
    let entry = unexplained.iter().copied().reduce(|longest, start| {
        match start.duration() > longest.duration() {
            true => start,
            false => longest,
        }
    });
    // Spans of other kinds are work in the background, and nobody's fault.
    let later = unexplained
        .into_iter()
        .filter(|start| is_served(*start) && entry.map(key) != Some(key(*start)));
    findings.extend(later.map(|start| {
        Finding::new(FindingKind::NoCaller, Suspect::Unclear, calls.around(start), start)
    }));
    findings.extend(traces.iter().flat_map(missing_parents));
    findings.sort_by_key(|finding| finding.downstream.start);
    findings
}

// === impl Finding ===

impl Finding {
    fn new(
        kind: FindingKind,
        suspect: Suspect,
        upstream: Option<Node<'_>>,
        downstream: Node<'_>,
    ) -> Self {
        Self {
            kind,
            suspect,
            evidence: Evidence::Time,
            upstream: upstream.map(|node| Arc::clone(node.span())),
            downstream: Arc::clone(downstream.span()),
            more: 0,
        }
    }

    /// The service that lost the trace, where the spans tell.
    pub fn culprit(&self) -> Option<&str> {
        match self.suspect {
            Suspect::Callee => Some(self.downstream.service_name()),
            Suspect::Caller => self.upstream.as_ref().map(|span| span.service_name()),
            Suspect::Unclear | Suspect::Nobody => None,
        }
    }

    /// Whether context was really lost: not by intention, and not just a span that has not come.
    pub fn is_break(&self) -> bool {
        self.suspect != Suspect::Nobody
    }
}

/// The spans that started a trace, the earliest first.
fn starts(traces: &[Trace]) -> Vec<Node<'_>> {
    let mut starts: Vec<_> = traces
        .iter()
        .flat_map(Trace::roots)
        .filter(|root| root.root() == Some(Root::Start))
        .collect();
    starts.sort_by_key(|start| start.start);
    starts
}

fn is_served(start: Node<'_>) -> bool {
    start.kind == SpanKind::Server
}

/// One finding for each span that is named as a parent and not there.
fn missing_parents(trace: &Trace) -> impl Iterator<Item = Finding> {
    let mut named = HashSet::new();
    trace
        .roots()
        .filter(|root| root.root() == Some(Root::Orphan))
        .filter(move |orphan| named.insert(orphan.parent_id))
        .map(|orphan| Finding::new(FindingKind::MissingParent, Suspect::Nobody, None, orphan))
}
