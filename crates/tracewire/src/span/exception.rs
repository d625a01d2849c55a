//! Exceptions: as log records, and by choice as span events for back ends that know nothing else.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::LazyLock;

use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, KeyValue};

use super::Side;
use super::attributes::{EXCEPTION_MESSAGE, EXCEPTION_TYPE};

/// What kind of work an operation is. It names the log records of its exceptions.
///
/// | domain | a client's or producer's | a server's or consumer's |
/// |---|---|---|
/// | `General` | `exception` | `exception` |
/// | `Http` | `http.client.request.exception` | `http.server.request.exception` |
/// | `Rpc` | `rpc.client.call.exception` | `rpc.server.call.exception` |
/// | `Database` | `db.client.operation.exception` | the same |
/// | `MessagingCreate` and its kin | `messaging.create.exception` and so on | the same |
///
/// What a server or a consumer could not do is of level `ERROR`; the rest may still be handled by
/// the caller and is of level `WARN` (OpenTelemetry semantic conventions, "Exceptions in logs").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Domain {
    /// Anything else.
    #[default]
    General,
    /// HTTP requests.
    Http,
    /// Calls of remote procedures.
    Rpc,
    /// Databases and caches.
    Database,
    /// A message is made.
    MessagingCreate,
    /// Messages are sent.
    MessagingSend,
    /// Messages are fetched.
    MessagingReceive,
    /// A message is worked on.
    MessagingProcess,
    /// A message is acknowledged or refused.
    MessagingSettle,
}

/// What is known about an error. At least one of the two is there.
#[derive(Clone, Debug)]
pub(super) struct Exception<'a> {
    pub(super) kind: Option<Cow<'a, str>>,
    pub(super) message: Option<Cow<'a, str>>,
}

impl<'a> Exception<'a> {
    pub(super) fn of<E: Display + ?Sized>(error: &E) -> Self {
        let message = Some(Cow::Owned(error.to_string()));
        Self { kind: type_name::<E>().map(Cow::Borrowed), message }
    }

    /// As an outcome tells it; an empty message is none.
    pub(super) fn told(kind: &'a str, message: &'a str) -> Self {
        let message = (!message.is_empty()).then_some(Cow::Borrowed(message));
        Self { kind: Some(Cow::Borrowed(kind)), message }
    }

    /// Writes a log record that belongs to the span of `context`, and a span event if `as_event`.
    pub(super) fn record(&self, context: &Context, domain: Domain, side: Side, as_event: bool) {
        if context.is_telemetry_suppressed() {
            return;
        }
        if as_event {
            context.span().add_event("exception", self.attributes());
        }
        let _current = context.clone().attach();
        self.log(domain, side);
    }

    fn attributes(&self) -> Vec<KeyValue> {
        let pairs = [(EXCEPTION_TYPE, &self.kind), (EXCEPTION_MESSAGE, &self.message)];
        let known = pairs.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        known.map(|(name, value)| KeyValue::new(name, value.to_owned())).collect()
    }

    fn log(&self, domain: Domain, side: Side) {
        let (kind, message) = (self.kind.as_deref(), self.message.as_deref());
        macro_rules! log {
            ($level:ident, $name:literal, $body:literal) => {
                tracing::event!(
                    name: $name,
                    target: "tracewire::exception",
                    tracing::Level::$level,
                    "exception.type" = kind,
                    "exception.message" = message,
                    $body
                )
            };
        }
        match (domain, side) {
            (Domain::General, Side::Caller) => log!(WARN, "exception", "a call failed"),
            (Domain::General, Side::Called) => log!(ERROR, "exception", "an operation failed"),
            (Domain::Http, Side::Caller) => {
                log!(WARN, "http.client.request.exception", "an HTTP request failed");
            }
            (Domain::Http, Side::Called) => {
                log!(ERROR, "http.server.request.exception", "serving an HTTP request failed");
            }
            (Domain::Rpc, Side::Caller) => {
                log!(WARN, "rpc.client.call.exception", "a remote call failed");
            }
            (Domain::Rpc, Side::Called) => {
                log!(ERROR, "rpc.server.call.exception", "serving a remote call failed");
            }
            (Domain::Database, _) => {
                log!(WARN, "db.client.operation.exception", "a database operation failed");
            }
            (Domain::MessagingCreate, _) => {
                log!(WARN, "messaging.create.exception", "a message could not be made");
            }
            (Domain::MessagingSend, _) => {
                log!(WARN, "messaging.send.exception", "a message could not be sent");
            }
            (Domain::MessagingReceive, _) => {
                log!(WARN, "messaging.receive.exception", "messages could not be received");
            }
            (Domain::MessagingProcess, _) => {
                log!(ERROR, "messaging.process.exception", "processing a message failed");
            }
            (Domain::MessagingSettle, _) => {
                log!(WARN, "messaging.settle.exception", "a message could not be settled");
            }
        }
    }
}

/// The name of an error's type, unless it says nothing: trait objects and boxes have none of their
/// own.
pub(super) fn type_name<E: ?Sized>() -> Option<&'static str> {
    let name = std::any::type_name::<E>();
    (!name.contains(['<', ' ', '&'])).then_some(name)
}

/// Whether `OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN` asks for span events beside the log records.
pub(crate) fn environment_wants_events() -> bool {
    static WANTED: LazyLock<bool> = LazyLock::new(|| {
        let list = std::env::var("OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN").unwrap_or_default();
        list.split(',').any(|choice| choice.trim() == "logs/dup")
    });
    *WANTED
}
