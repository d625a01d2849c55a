//! Who lost the trace: judged by what else each side did in the same request.

use std::collections::{HashMap, HashSet};

use super::Suspect;
use crate::span::SpanKind;
use crate::trace::{Node, Trace};

/// What each service did with trace context, as far as these traces show.
pub(super) struct Record<'a> {
    /// Services one of whose calls was continued by its callee.
    sends: HashSet<&'a str>,
    /// Services that continued a trace they were called in.
    reads: HashSet<&'a str>,
    /// Per service, those it called that started new traces.
    broken: HashMap<&'a str, HashSet<&'a str>>,
}

// === impl Record ===

impl<'a> Record<'a> {
    /// The breaks are pairs of a call and the request served for it.
    pub(super) fn of(
        traces: &'a [Trace],
        breaks: impl Iterator<Item = (Node<'a>, Node<'a>)>,
    ) -> Self {
        let mut record =
            Self { sends: HashSet::new(), reads: HashSet::new(), broken: HashMap::new() };
        let served =
            traces.iter().flat_map(Trace::nodes).filter(|node| node.kind == SpanKind::Server);
        for node in served.filter(|node| node.parent_id.is_some()) {
            record.reads.insert(node.span().service_name());
            if let Some(parent) = node.parent() {
                record.sends.insert(parent.span().service_name());
            }
        }
        for (call, served) in breaks {
            let callees = record.broken.entry(call.span().service_name()).or_default();
            callees.insert(served.span().service_name());
        }
        record
    }

    pub(super) fn suspect(&self, call: Node<'_>, served: Node<'_>) -> Suspect {
        let sends = self.sends.contains(call.service_name());
        let reads = self.reads.contains(served.service_name());
        let all_break =
            self.broken.get(call.service_name()).is_some_and(|callees| callees.len() > 1);
        match (sends, reads) {
            (true, false) => Suspect::Callee,
            (false, true) => Suspect::Caller,
            (false, false) if all_break => Suspect::Caller,
            _ => Suspect::Unclear,
        }
    }
}
