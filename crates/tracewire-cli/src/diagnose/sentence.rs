//! A finding in plain English.

use std::fmt;

use super::{Evidence, Finding, FindingKind, Suspect};
use crate::span::Span;
use crate::text::fit;

/// The longest name quoted, in columns.
const NAME: usize = 60;

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let downstream = &*self.downstream;
        let callee = service(downstream);
        let new_trace = downstream.trace_id;
        match (self.kind, self.upstream.as_deref()) {
            (FindingKind::NewTrace, Some(call)) => {
                let caller = service(call);
                let (called, span) = (said(call), call.span_id);
                write!(f, "The trace breaks at `{callee}`: ")?;
                let did = match self.evidence {
                    Evidence::Address => "called it",
                    Evidence::Time => "was making a call",
                };
                write!(f, "{caller} {did} ({called}, span {span})")?;
                write!(f, " but {callee} started a new trace ({new_trace}). ")?;
                match self.suspect {
                    Suspect::Callee => write!(
                        f,
                        "Other calls of {caller} kept the trace, so {callee} most likely does not read the trace headers."
                    ),
                    Suspect::Caller => write!(
                        f,
                        "None of {caller}'s calls kept the trace, so {caller} most likely does not send the trace headers."
                    ),
                    Suspect::Unclear | Suspect::Nobody => write!(
                        f,
                        "Either {caller} did not send the trace headers or {callee} did not read them; these spans \
                         cannot tell which."
                    ),
                }
            }
            (FindingKind::LostInside, Some(handled)) => {
                write!(
                    f,
                    "The trace breaks inside `{callee}`: while it handled {} (span {}), its own {} (span {}) started a \
                     new trace ({new_trace})",
                    said(handled),
                    handled.span_id,
                    said(downstream),
                    downstream.span_id,
                )?;
                if self.more > 0 {
                    write!(f, ", as did {} more", self.more)?;
                }
                f.write_str(". If that is part of the request, it moved to a task or thread without its context.")
            }
            (FindingKind::Restarted, Some(linked)) => write!(
                f,
                "`{callee}` started a new trace ({new_trace}) and linked it to {}'s (span {}), as a service does that \
                 does not trust its caller's.",
                service(linked),
                linked.span_id,
            ),
            (FindingKind::MissingParent, _) => write!(
                f,
                "`{callee}` continued the trace ({}, span {}), but the parent it names, span {}, is not here: not \
                 exported yet, not sampled, lost, or sent elsewhere.",
                said(downstream),
                downstream.span_id,
                downstream.parent_id.map(|id| id.to_string()).unwrap_or_default(),
            ),
            (_, handled) => {
                write!(
                    f,
                    "`{callee}` started a new trace ({new_trace}) with {} (span {}), and no client span shows who \
                     called it.",
                    said(downstream),
                    downstream.span_id,
                )?;
                match handled {
                    Some(handled) => write!(
                        f,
                        " At that moment {} was handling {} (span {}); if it made the call, its client is not traced.",
                        service(handled),
                        said(handled),
                        handled.span_id,
                    ),
                    None => Ok(()),
                }
            }
        }
    }
}

fn service(span: &Span) -> String {
    fit(span.service_name(), NAME)
}

fn said(span: &Span) -> String {
    fit(&span.name, NAME)
}
