//! What travels between processes: trace context and baggage, in every format we speak.
//!
//! Everything here is pure. No function does I/O, fails or panics, whatever the bytes: bad input
//! means "no context", and the request goes on.
//!
//! ```
//! use opentelemetry::trace::TraceContextExt;
//! use tracewire::Propagator;
//!
//! let mut headers = http::HeaderMap::new();
//! headers.insert("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03".parse()?);
//! let context = Propagator::default().extract(&headers);
//! assert_eq!(context.span().span_context().trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
//!
//! let mut outgoing = http::HeaderMap::new();
//! Propagator::default().inject(&context, &mut outgoing);
//! assert_eq!(outgoing["traceparent"], headers["traceparent"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use opentelemetry::baggage::{Baggage, BaggageExt as _};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _};
use opentelemetry::trace::{TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, Key, StringValue};

pub(crate) mod b3;
pub(crate) mod baggage;
mod carrier;
pub(crate) mod datadog;
mod fields;
mod hex;
pub(crate) mod jaeger;
mod sampling;
pub(crate) mod traceparent;
pub(crate) mod tracestate;
pub(crate) mod w3c;
pub(crate) mod xray;

pub use carrier::{Carrier, CarrierMut, Environment, Values};

pub(crate) use fields::Fields;

use sampling::Sampling;
use tracestate::Unheld;

/// The random flag of W3C Trace Context level 2 (§3.2.2.4.2): the right-most 56 bits of the trace
/// id are random.
pub const RANDOM: TraceFlags = TraceFlags::new(0x02);

/// The flags a `traceparent` of version 00 may carry: sampled and random.
pub(crate) const KNOWN_FLAGS: u8 = 0x03;

/// So many header names are compared with one sooner than that one is hashed.
pub(crate) const FEW_FIELDS: usize = 16;

/// A remote caller's place in its trace: what one trace-context format read from a carrier.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceContext {
    span: SpanContext,
    sampling: Sampling,
    unheld: Option<Box<Unheld>>,
}

impl TraceContext {
    /// A remote context, or `None` when either id is all zeroes.
    pub(crate) fn new(
        trace_id: TraceId,
        span_id: SpanId,
        sampling: Sampling,
        held: TraceState,
    ) -> Option<Self> {
        let state = tracestate::Parsed { held, unheld: None };
        let context = Self::with_state(trace_id, span_id, sampling.flags(), state)?;
        Some(Self { sampling, ..context })
    }

    /// The same with the flags and the state of W3C Trace Context.
    #[inline]
    pub(crate) fn with_state(
        trace_id: TraceId,
        span_id: SpanId,
        flags: TraceFlags,
        state: tracestate::Parsed,
    ) -> Option<Self> {
        if trace_id == TraceId::INVALID || span_id == SpanId::INVALID {
            return None;
        }
        let tracestate::Parsed { held, unheld } = state;
        let span = SpanContext::new(trace_id, span_id, flags, true, held);
        let sampling = Sampling::decided(flags.is_sampled());
        let unheld = unheld.map(|members| Unheld::of(trace_id, members));
        Some(Self { span, sampling, unheld })
    }

    /// The ids, flags and state as OpenTelemetry's type; always valid and remote.
    pub fn span_context(&self) -> &SpanContext {
        &self.span
    }
}

/// A span context in the form of `traceparent`, for places that are no carrier: a page's `<meta>`,
/// a comment, a log line.
pub fn trace_parent(span: &SpanContext) -> String {
    String::from_utf8_lossy(traceparent::TraceParent::of(span).as_bytes()).into_owned()
}

/// What the current baggage says under this key.
pub fn baggage(key: &str) -> Option<String> {
    Context::map_current(|context| {
        context.baggage().get(key).map(|value| value.as_str().to_owned())
    })
}

/// The current context with these members in its baggage, in place of earlier ones of the same keys.
///
/// It is in force where it is attached, or in a future that runs `with_context`. Baggage travels to
/// every service called below it, so it is no place for secrets.
///
/// ```
/// use opentelemetry::trace::FutureExt as _;
/// use tracewire::context;
///
/// # futures_executor::block_on(async {
/// async {
///     assert_eq!(context::baggage("tenant").as_deref(), Some("acme"));
/// }
/// .with_context(context::with_baggage([("tenant", "acme")]))
/// .await;
/// assert_eq!(context::baggage("tenant"), None);
/// # });
/// ```
#[must_use = "the baggage is in force where the context is"]
pub fn with_baggage<K, V>(members: impl IntoIterator<Item = (K, V)>) -> Context
where
    K: Into<Key>,
    V: Into<StringValue>,
{
    Context::map_current(|context| {
        let known = context.baggage().into_iter();
        let mut baggage: Baggage = known.map(|(key, value)| (key.clone(), value.clone())).collect();
        for (key, value) in members {
            baggage.insert(key, value);
        }
        context.with_baggage(baggage)
    })
}

/// What a request brought along: at most one trace context, and baggage.
///
/// [`Propagator::read`](crate::Propagator::read) makes it. It is kept apart from an OpenTelemetry
/// [`Context`] so that a server can decide whom to believe before anything becomes a parent.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Incoming {
    /// The caller's place in its trace.
    pub trace: Option<TraceContext>,
    /// The caller's baggage, `None` when it sent none that is valid.
    pub baggage: Option<Baggage>,
}

impl Incoming {
    /// The same as an OpenTelemetry context, on top of `base`.
    pub fn into_context(mut self, base: Context) -> Context {
        self.take(base)
    }

    /// The same with nothing left of it, as it is large to move.
    #[inline]
    pub(crate) fn take(&mut self, base: Context) -> Context {
        let mut context = base;
        if let Some(trace) = self.trace.take() {
            context = trace
                .sampling
                .carry(trace.span.trace_id(), context)
                .with_remote_span_context(trace.span);
            // Members of another state of the same trace must not join this one.
            if trace.unheld.is_some() || context.get::<Unheld>().is_some() {
                context = context.with_value(trace.unheld.map_or(Unheld::NONE, |unheld| *unheld));
            }
        }
        if let Some(baggage) = self.baggage.take() {
            context = context.with_baggage(baggage);
        }
        context
    }
}
