//! From spans in any order to a tree: linear, without recursion, whatever the parents say.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Root, Trace};
use crate::span::{Span, TraceId};

pub(super) fn assemble(id: TraceId, spans: impl Iterator<Item = Arc<Span>>) -> Trace {
    let spans = in_order(id, spans);
    let index: HashMap<_, _> =
        spans.iter().enumerate().map(|(i, span)| (span.span_id, i)).collect();
    let mut parents: Vec<Option<usize>> =
        spans.iter().map(|span| span.parent_id.and_then(|id| index.get(&id).copied())).collect();
    let mut roots: Vec<(usize, Root)> = Vec::new();
    for (i, span) in spans.iter().enumerate() {
        match (span.parent_id, parents[i]) {
            (None, _) => roots.push((i, Root::Start)),
            (Some(_), None) => roots.push((i, Root::Orphan)),
            (Some(_), Some(_)) => {}
        }
    }
    for cut in cycles(&parents) {
        parents[cut] = None;
        roots.push((cut, Root::Cycle));
    }
    // Indices are in order of start.
    roots.sort_unstable_by_key(|(i, _)| *i);
    let mut children = vec![Vec::new(); spans.len()];
    for (child, parent) in parents.iter().enumerate() {
        if let Some(parent) = parent {
            children[*parent].push(child);
        }
    }
    Trace { id, spans, index, parents, children, roots }
}

/// One span per id, by start; equal starts longest first, as that is likelier to be the parent.
fn in_order(id: TraceId, spans: impl Iterator<Item = Arc<Span>>) -> Vec<Arc<Span>> {
    let latest: HashMap<_, _> =
        spans.filter(|span| span.trace_id == id).map(|span| (span.span_id, span)).collect();
    let mut spans: Vec<_> = latest.into_values().collect();
    spans.sort_unstable_by_key(|span| (span.start, !span.end, span.span_id.to_bytes()));
    spans
}

/// The earliest span of every circle of parents.
fn cycles(parents: &[Option<usize>]) -> Vec<usize> {
    const UNSEEN: usize = usize::MAX;
    // The walk in which each span was first reached: to reach it again in the same walk is to have gone in a circle.
    let mut reached_in = vec![UNSEEN; parents.len()];
    let mut cuts = Vec::new();
    for walk in 0..parents.len() {
        let mut at = Some(walk);
        while let Some(i) = at.filter(|i| reached_in[*i] == UNSEEN) {
            reached_in[i] = walk;
            at = parents[i];
        }
        if let Some(entry) = at.filter(|i| reached_in[*i] == walk) {
            let circle =
                std::iter::successors(parents[entry], |i| parents[*i].filter(|_| *i != entry));
            cuts.push(circle.min().unwrap_or(entry));
        }
    }
    cuts
}
