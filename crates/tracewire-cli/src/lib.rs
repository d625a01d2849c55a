//! Receive OTLP, keep the last traces, draw their waterfall.

mod attributes;
mod diagnose;
mod receive;
mod span;
mod store;
mod text;
mod trace;

pub use attributes::{Attributes, Value};
pub use diagnose::{Evidence, Finding, FindingKind, Suspect, diagnose};
pub use receive::{Listen, MAX_BODY, Receiver};
pub use span::{Event, Link, Resource, Span, SpanId, SpanKind, Status, TraceId};
pub use store::{Limits, Stats, Store};
pub use trace::{Linked, Node, Root, Segment, Step, Trace};
