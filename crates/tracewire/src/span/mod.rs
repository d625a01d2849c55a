//! What is recorded: the only code that opens or ends a span.
//!
//! An [`Operation`] is a request, a statement, a message: it is opened with its attributes on it,
//! is current while the work runs, and is finished exactly once. Dropping it unfinished means that
//! whoever waited for the work went away.
//!
//! Adapters for other libraries are written with it:
//!
//! ```
//! use opentelemetry::{Context, KeyValue, trace::SpanKind};
//! use tracewire::{Telemetry, span::Outcome};
//!
//! async fn look_up(telemetry: &Telemetry, name: &str) -> std::io::Result<Vec<u8>> {
//!     let operation = telemetry.start(SpanKind::Client, &Context::current(), |span| {
//!         span.name("lookup");
//!         span.set(KeyValue::new("dns.question.name", name.to_owned()));
//!     });
//!     let result = operation.run(async { std::io::Result::Ok(vec![127, 0, 0, 1]) }).await;
//!     match &result {
//!         Ok(_) => operation.finish(Outcome::Success),
//!         Err(error) => operation.finish(Outcome::error(error.kind().to_string())),
//!     }
//!     result
//! }
//! # let address = futures_executor::block_on(look_up(&Telemetry::propagate_only(), "localhost"));
//! # assert_eq!(address.unwrap(), [127, 0, 0, 1]);
//! ```

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::trace::{SpanContext, SpanKind, SpanRef, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};

use crate::measure::{Attributes, Metered};
use crate::telemetry::Sampling;

pub mod attributes;
mod current;
mod end;
mod entered;
mod exception;
mod grpc;
mod line;
mod outcome;
mod result;
mod run;
pub(crate) mod source;
mod start;
mod texts;

pub use current::{Current, current};
pub use entered::Entered;
pub use exception::Domain;
pub use outcome::{Outcome, Side};
pub use result::ResultExt;
pub use run::Run;
pub use start::Start;

pub(crate) use current::entered_with;
pub(crate) use exception::environment_wants_events;
pub(crate) use line::RequestLine;
pub(crate) use texts::{Recent, kept, kept_address, lasting, lasting_while_few};

pub(crate) use grpc::code_name as grpc_code_name;

use entered::Place;
use exception::Exception;
use source::{Source, Started};

/// One operation and its span, if it has one.
///
/// It stands for the work from its start to its end, whether it is recorded or not. Dropped without
/// [`finish`](Self::finish) it ends as [`Outcome::Cancelled`], or as a panic when one passed through
/// [`enter`](Self::enter).
#[must_use = "an operation ends as cancelled when it is dropped"]
#[derive(Debug)]
pub struct Operation {
    context: Context,
    place: Place,
    extras: Option<Box<Extras>>,
    side: Side,
    domain: Domain,
    /// Whether exceptions are span events too.
    exception_events: bool,
    recording: bool,
    /// Whether [`current`] finds it.
    listed: bool,
    finished: AtomicBool,
    panicked: AtomicBool,
    /// An exception has been recorded; the same one is not recorded again at the end.
    told: AtomicBool,
    metered: Metered,
}

/// What few operations have.
#[derive(Debug, Default)]
struct Extras {
    /// The `tracing` span in front of the OpenTelemetry span, when the source is `tracing`.
    front: Option<tracing::Span>,
    /// The span is another operation's, with this context; that one ends it.
    joined: Option<Context>,
    /// The log line to write at the end.
    line: Option<RequestLine>,
}

impl Operation {
    pub(crate) fn start(
        source: &Source,
        sampling: Sampling,
        mut metered: Metered,
        kind: SpanKind,
        parent: &Context,
        describe: impl FnOnce(&mut Start),
    ) -> Self {
        let side = Side::of(&kind);
        let started = if source.ignores(sampling, parent) {
            None
        } else {
            let mut start = Start::default();
            describe(&mut start);
            start.start_time = metered.date(start.start_time);
            source.start(kind, start, parent)
        };
        let started = started.unwrap_or_else(|| Started::none(parent.clone()));
        Self::of(started, side, metered.unless(parent.is_telemetry_suppressed()))
    }

    /// Takes a measurement along, to be recorded when the operation ends.
    pub(crate) fn metered(mut self, metered: Metered) -> Self {
        self.metered = metered;
        self
    }

    /// An operation that is not recorded: `parent` is current in it and travels on.
    pub fn untraced(parent: &Context) -> Self {
        Self::of(Started::none(parent.clone()), Side::Called, Metered::default())
    }

    /// The same for an operation that is measured all the same, unless telemetry is suppressed.
    #[inline]
    pub(crate) fn only_measured(parent: Context, side: Side, metered: Metered) -> Self {
        let metered = metered.unless(parent.is_telemetry_suppressed());
        Self::of(Started::none(parent), side, metered)
    }

    /// Says more about an operation that somebody else has opened and will end, and whose context
    /// this is. Its own end adds only what that means for the span.
    pub(crate) fn join(joined: Context, side: Side, describe: impl FnOnce(&mut Start)) -> Self {
        let mut operation = Self::of(Started::none(Context::current()), side, Metered::default());
        operation.recording = joined.span().is_recording();
        operation.listed = operation.recording;
        operation.extras().joined = Some(joined);
        if operation.recording {
            let mut start = Start::default();
            describe(&mut start);
            operation.rename(start.name);
            operation.set(start.attributes);
        }
        operation
    }

    #[inline]
    fn of(started: Started, side: Side, metered: Metered) -> Self {
        let Started { context, place, extras, recording } = started;
        Self {
            context,
            place,
            extras,
            side,
            domain: Domain::General,
            exception_events: false,
            recording,
            listed: recording,
            finished: AtomicBool::new(false),
            panicked: AtomicBool::new(false),
            told: AtomicBool::new(false),
            metered,
        }
    }

    /// Says that it is a call which the program makes below the current context: what the program
    /// works for, which [`current`] finds, is still something else.
    pub(crate) fn be_call(&mut self) {
        self.listed = false;
        if self.place == Place::Parents && self.context.span().span_context().is_valid() {
            self.place = Place::Current;
        }
    }

    /// Says what kind of work it is.
    pub fn in_domain(mut self, domain: Domain) -> Self {
        self.set_domain(domain);
        self
    }

    /// The same where it is, as it is large to move.
    pub(crate) fn set_domain(&mut self, domain: Domain) {
        self.domain = domain;
    }

    /// Records exceptions as span events too.
    pub(crate) fn set_exception_events(&mut self, wanted: bool) {
        self.exception_events = wanted;
    }

    /// Writes this line at the end, whether anything is recorded or not.
    pub(crate) fn log(&mut self, line: RequestLine) {
        self.extras().line = Some(line);
    }

    fn extras(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }

    /// The line that will be written at the end, to say more in it.
    pub(crate) fn line(&mut self) -> Option<&mut RequestLine> {
        self.extras.as_deref_mut()?.line.as_mut()
    }

    /// The span to write on.
    fn span(&self) -> SpanRef<'_> {
        self.target().span()
    }

    /// The context of the span to write on.
    #[inline]
    fn target(&self) -> &Context {
        let joined = self.extras.as_deref().and_then(|extras| extras.joined.as_ref());
        joined.unwrap_or(&self.context)
    }

    fn is_joined(&self) -> bool {
        self.extras.as_deref().is_some_and(|extras| extras.joined.is_some())
    }

    /// The context in which the work runs; the context to inject into what it sends.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Whether it has a place of its own in the trace, recorded or not.
    pub(crate) fn has_identity(&self) -> bool {
        self.place == Place::Own
    }

    /// Whether anybody reads what is set on the span.
    pub fn is_recording(&self) -> bool {
        self.recording
    }

    /// The same operation within another context, for one that has no span of its own.
    pub(crate) fn within(mut self, context: &Context) -> Self {
        (self.context, self.place) = (context.clone(), Place::Own);
        self
    }

    /// Whether anybody looks at how it goes, on a span or in a measurement.
    pub(crate) fn is_watched(&self) -> bool {
        self.recording || self.metered.is_on()
    }

    /// The measurement of it.
    pub(crate) fn measurement(&mut self) -> &mut Metered {
        &mut self.metered
    }

    /// Adds attributes to the measurement.
    pub(crate) fn label(&mut self, label: impl FnOnce(&mut Attributes)) {
        self.metered.label(label);
    }

    /// Whether a panic has passed through [`enter`](Self::enter).
    pub(crate) fn has_panicked(&self) -> bool {
        self.panicked.load(Ordering::Relaxed)
    }

    /// Whether it has not ended yet.
    pub(crate) fn is_unfinished(&self) -> bool {
        !self.finished.load(Ordering::Relaxed)
    }

    /// Makes the operation current until the guard goes. Wrap every call, poll and drop of the work
    /// in it; [`run`](Self::run) does so for a future.
    #[inline(always)]
    pub fn enter(&self) -> Entered<'_> {
        Entered::new(self, self.place != Place::Current || !entered::is_current(&self.context))
    }

    /// The same right after its start, where what was current then is current still.
    #[inline(always)]
    pub(crate) fn enter_at_once(&self) -> Entered<'_> {
        Entered::new(self, self.place != Place::Current)
    }

    /// Runs a future with the operation current in every poll and in its drop.
    pub fn run<F: Future>(&self, future: F) -> Run<'_, F> {
        Run::new(self, future)
    }

    /// Sets attributes, all at once.
    pub fn set(&self, attributes: impl IntoIterator<Item = KeyValue>) {
        if self.recording {
            self.span().set_attributes(attributes);
        }
    }

    /// Sets one attribute.
    pub(crate) fn set_one(&self, attribute: KeyValue) {
        if self.recording {
            self.span().set_attribute(attribute);
        }
    }

    /// Renames the span, for a name that is known late.
    pub fn rename(&self, name: impl Into<Cow<'static, str>>) {
        if self.recording {
            self.span().update_name(name);
        }
    }

    /// Adds a link to another span.
    pub fn link(&self, to: SpanContext, attributes: Vec<KeyValue>) {
        if self.recording && to.is_valid() {
            self.span().add_link(to, attributes);
        }
    }

    /// Records an error that the work ran into: a log record that belongs to the span, named as the
    /// [`Domain`] says, with `exception.type` and `exception.message`. It says nothing about how the
    /// operation ends; [`finish`](Self::finish) does, and records no second exception.
    ///
    /// The record is a `tracing` event of the target `tracewire::exception`, written whether the span
    /// is recorded or not. `OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN=logs/dup`, or
    /// [`Telemetry::exception_events`](crate::Telemetry::exception_events), adds a span event.
    pub fn record_error<E: Display + ?Sized>(&self, error: &E) {
        self.record(&Exception::of(error));
    }

    fn record(&self, exception: &Exception<'_>) {
        if !self.told.swap(true, Ordering::Relaxed) {
            let as_event = self.exception_events && self.recording;
            exception.record(self.target(), self.domain, self.side, as_event);
        }
    }
}
