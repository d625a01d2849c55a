//! What is kept of a span: OpenTelemetry's terms, no transport's.

use std::sync::Arc;
use std::time::Duration;

pub use opentelemetry::trace::{SpanId, SpanKind, Status, TraceId};

use crate::attributes::{Attributes, Value};

/// One finished span.
///
/// Times are nanoseconds since the Unix epoch, as in OTLP. They are outside input: `end` may lie before `start`.
///
/// ```
/// use tracewire_cli::{Span, SpanId, SpanKind, TraceId};
///
/// let span = Span::new(TraceId::from(1), SpanId::from(2), "GET /orders/{id}")
///     .service("orders")
///     .kind(SpanKind::Server)
///     .time(1_000_000, 3_500_000)
///     .attribute("http.response.status_code", 200);
///
/// assert_eq!(span.service_name(), "orders");
/// assert_eq!(span.duration().as_micros(), 2_500);
/// assert_eq!(span.attributes.get("http.response.status_code").and_then(|v| v.as_i64()), Some(200));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Span {
    /// The trace the span belongs to.
    pub trace_id: TraceId,
    /// The span's own id.
    pub span_id: SpanId,
    /// The span that caused this one; `None` for the start of a trace.
    pub parent_id: Option<SpanId>,
    /// The operation, such as `GET /orders/{id}`.
    pub name: String,
    /// Which side of a call this is.
    pub kind: SpanKind,
    /// Start, in nanoseconds since the Unix epoch.
    pub start: u64,
    /// End, in nanoseconds since the Unix epoch.
    pub end: u64,
    /// Unset, ok, or error with a message.
    pub status: Status,
    /// What the span says about its operation.
    pub attributes: Attributes,
    /// Moments inside the span.
    pub events: Vec<Event>,
    /// Other spans this one is related to but not caused by.
    pub links: Vec<Link>,
    /// Who recorded the span; shared by all spans of one export.
    pub resource: Arc<Resource>,
    /// The instrumentation scope's name; shared by all spans of one scope.
    pub scope: Arc<str>,
}

/// Something that happened at one moment of a span.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// What happened.
    pub name: String,
    /// When, in nanoseconds since the Unix epoch.
    pub time: u64,
    /// More about it.
    pub attributes: Attributes,
}

/// A pointer to a span, usually in another trace.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Link {
    /// The trace pointed to.
    pub trace_id: TraceId,
    /// The span pointed to.
    pub span_id: SpanId,
    /// Why, or for which message.
    pub attributes: Attributes,
}

/// Who recorded a span.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Resource {
    /// `service.name`, or `unknown_service` where it is missing.
    pub service: Arc<str>,
    /// All resource attributes, `service.name` among them.
    pub attributes: Attributes,
}

const UNKNOWN_SERVICE: &str = "unknown_service";

// === impl Span ===

impl Span {
    /// An internal span without parent, time or attributes; set the rest with the methods below or on the fields.
    pub fn new(trace_id: TraceId, span_id: SpanId, name: impl Into<String>) -> Self {
        Self {
            trace_id,
            span_id,
            parent_id: None,
            name: name.into(),
            kind: SpanKind::Internal,
            start: 0,
            end: 0,
            status: Status::Unset,
            attributes: Attributes::default(),
            events: Vec::new(),
            links: Vec::new(),
            resource: Arc::default(),
            scope: Arc::from(""),
        }
    }

    /// Sets the parent.
    #[must_use]
    pub fn parent(mut self, id: SpanId) -> Self {
        self.parent_id = Some(id);
        self
    }

    /// Sets the kind.
    #[must_use]
    pub fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets start and end, in nanoseconds since the Unix epoch.
    #[must_use]
    pub fn time(mut self, start: u64, end: u64) -> Self {
        (self.start, self.end) = (start, end);
        self
    }

    /// Sets the service that recorded the span.
    #[must_use]
    pub fn service(mut self, name: &str) -> Self {
        self.resource = Arc::new(Resource::new([("service.name", name)].into_iter().collect()));
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.attributes.push(key, value);
        self
    }

    /// Sets the status to error, with a message (which may be empty).
    #[must_use]
    pub fn failed(mut self, message: impl Into<String>) -> Self {
        self.status = Status::error(message.into());
        self
    }

    /// Adds a link to a span of another trace.
    #[must_use]
    pub fn link(mut self, trace_id: TraceId, span_id: SpanId) -> Self {
        self.links.push(Link { trace_id, span_id, attributes: Attributes::default() });
        self
    }

    /// The service that recorded the span.
    pub fn service_name(&self) -> &str {
        &self.resource.service
    }

    /// End minus start; zero when the end lies before the start.
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.end.saturating_sub(self.start))
    }

    /// Whether the span's status is error.
    pub fn is_error(&self) -> bool {
        matches!(self.status, Status::Error { .. })
    }

    /// What went wrong, if something did: the status message, else `error.type`, else the last exception, else `error`.
    pub fn error(&self) -> Option<&str> {
        let Status::Error { description } = &self.status else {
            return None;
        };
        let exception = || {
            let event = self.events.iter().rev().find(|e| e.name == "exception")?;
            event
                .attributes
                .text("exception.message")
                .or_else(|| event.attributes.text("exception.type"))
        };
        Some(description.as_ref())
            .filter(|message| !message.is_empty())
            .or_else(|| self.attributes.text("error.type"))
            .or_else(exception)
            .or(Some("error"))
    }

    /// About how many bytes the span holds by itself, its shared resource not counted.
    pub(crate) fn size(&self) -> usize {
        let events = self.events.iter().map(|e| e.name.len() + e.attributes.size() + 64);
        let links = self.links.iter().map(|l| l.attributes.size() + 64);
        let message = match &self.status {
            Status::Error { description } => description.len(),
            _ => 0,
        };
        size_of::<Self>()
            + self.name.len()
            + message
            + self.attributes.size()
            + events.chain(links).sum::<usize>()
    }
}

// === impl Event ===

impl Event {
    /// An event at a moment given in nanoseconds since the Unix epoch.
    pub fn new(name: impl Into<String>, time: u64, attributes: Attributes) -> Self {
        Self { name: name.into(), time, attributes }
    }
}

// === impl Link ===

impl Link {
    /// A link with attributes.
    pub fn new(trace_id: TraceId, span_id: SpanId, attributes: Attributes) -> Self {
        Self { trace_id, span_id, attributes }
    }
}

// === impl Resource ===

impl Resource {
    /// A resource; its service is read from `service.name`.
    pub fn new(attributes: Attributes) -> Self {
        Self {
            service: attributes.text("service.name").unwrap_or(UNKNOWN_SERVICE).into(),
            attributes,
        }
    }

    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.service.len() + self.attributes.size()
    }
}

impl Default for Resource {
    fn default() -> Self {
        Self::new(Attributes::default())
    }
}
