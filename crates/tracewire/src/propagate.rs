//! Which formats are read and written, and which header wins.

use std::sync::Arc;

use http::HeaderName;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::trace::TraceContextExt as _;

use crate::context::{Carrier, CarrierMut, Incoming, TraceContext};
use crate::context::{b3, baggage, datadog, jaeger, w3c, xray};

mod otel;

/// A format of propagation headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// W3C Trace Context level 2: `traceparent`, `tracestate`.
    TraceContext,
    /// W3C Baggage: `baggage`.
    Baggage,
    /// B3 in one header, `b3`. Reads the separate headers as well.
    B3,
    /// B3 in separate headers, `x-b3-traceid` and its kin. Reads the one header as well.
    B3Multi,
    /// Jaeger: `uber-trace-id`.
    Jaeger,
    /// AWS X-Ray: `x-amzn-trace-id`.
    XRay,
    /// Datadog: `x-datadog-trace-id` and its kin.
    Datadog,
}

impl Format {
    /// The format that `OTEL_PROPAGATORS` calls `name`, in any case; `None` for a name that is not
    /// known.
    pub fn from_name(name: &str) -> Option<Self> {
        let known = Self::ALL.iter().find(|format| format.name().eq_ignore_ascii_case(name));
        known.copied()
    }

    /// What `OTEL_PROPAGATORS` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::TraceContext => "tracecontext",
            Self::Baggage => "baggage",
            Self::B3 => "b3",
            Self::B3Multi => "b3multi",
            Self::Jaeger => "jaeger",
            Self::XRay => "xray",
            Self::Datadog => "datadog",
        }
    }

    const ALL: [Self; 7] = [
        Self::TraceContext,
        Self::Baggage,
        Self::B3,
        Self::B3Multi,
        Self::Jaeger,
        Self::XRay,
        Self::Datadog,
    ];

    /// The trace context this format finds; always `None` for baggage.
    fn extract(self, carrier: &(impl Carrier + ?Sized)) -> Option<TraceContext> {
        match self {
            Self::TraceContext => w3c::extract(carrier),
            Self::Baggage => None,
            Self::B3 | Self::B3Multi => b3::extract(carrier),
            Self::Jaeger => jaeger::extract(carrier),
            Self::XRay => xray::extract(carrier),
            Self::Datadog => datadog::extract(carrier),
        }
    }

    /// Every header the format writes.
    fn fields(self) -> &'static [&'static HeaderName] {
        match self {
            Self::TraceContext => w3c::FIELDS,
            Self::Baggage => baggage::FIELDS,
            Self::B3 => b3::SINGLE_FIELDS,
            Self::B3Multi => b3::MULTI_FIELDS,
            Self::Jaeger => jaeger::FIELDS,
            Self::XRay => xray::FIELDS,
            Self::Datadog => datadog::FIELDS,
        }
    }

    /// Headers that readers of this format look at, though it does not write them.
    fn also_read(self) -> &'static [&'static HeaderName] {
        match self {
            Self::B3 => b3::MULTI_FIELDS,
            Self::B3Multi => b3::SINGLE_FIELDS,
            _ => &[],
        }
    }
}

/// An ordered list of formats to read and one to write.
///
/// The default is W3C Trace Context and Baggage for both. When several formats are read, the first
/// one in the list that finds a valid trace context wins. All formats of the other list are written.
///
/// Reading starts from nothing, never from the current context, so that a request without headers
/// does not become a child of whatever happens to be running.
///
/// It can also be installed as OpenTelemetry's own propagator, for code that does not use
/// tracewire: `opentelemetry::global::set_text_map_propagator(Propagator::default())`.
///
/// ```
/// use tracewire::{Format, Propagator};
///
/// // Understand callers that still speak B3, answer for everyone in W3C.
/// let migrating = Propagator::new([Format::TraceContext, Format::B3, Format::Baggage])
///     .inject_only([Format::TraceContext, Format::Baggage]);
/// # drop(migrating);
/// ```
#[derive(Clone)]
pub struct Propagator {
    extract: Arc<[Format]>,
    inject: Arc<[Format]>,
    /// Names of the fields written, in the form OpenTelemetry wants them.
    fields: Arc<[String]>,
    /// Fields that are not written, and that whoever reads what is written would look at.
    rivals: Arc<[&'static HeaderName]>,
}

impl Propagator {
    /// Reads and writes `formats`, in this order; a format named twice counts once. No formats at
    /// all means that nothing is propagated.
    pub fn new(formats: impl IntoIterator<Item = Format>) -> Self {
        let extract = once_each(formats);
        let nothing = Self {
            extract: extract.clone(),
            inject: Arc::from([]),
            fields: Arc::from([]),
            rivals: Arc::from([]),
        };
        nothing.inject_only(extract.iter().copied())
    }

    /// Writes only `formats`, in this order.
    #[must_use]
    pub fn inject_only(mut self, formats: impl IntoIterator<Item = Format>) -> Self {
        self.inject = once_each(formats);
        let fields = self.inject.iter().flat_map(|format| format.fields());
        self.fields = fields.map(|name| name.as_str().to_owned()).collect();
        let read = self.inject.iter().flat_map(|format| format.also_read()).copied();
        let is_written =
            |name: &&HeaderName| self.fields.iter().any(|field| field == name.as_str());
        self.rivals = read.filter(|name| !is_written(name)).collect();
        self
    }

    /// Reads what a carrier brings, undecided about what it will be used for.
    #[inline]
    pub fn read(&self, carrier: &(impl Carrier + ?Sized)) -> Incoming {
        // Nearly always, so that no request pays for the choice.
        if *self.extract == [Format::TraceContext, Format::Baggage] {
            let (trace, baggage) = (w3c::extract(carrier), baggage::extract(carrier));
            return Incoming { trace, baggage };
        }
        self.read_each(carrier)
    }

    #[inline(never)]
    fn read_each(&self, carrier: &(impl Carrier + ?Sized)) -> Incoming {
        let mut incoming = Incoming::default();
        for format in &*self.extract {
            match format {
                Format::Baggage => incoming.baggage = baggage::extract(carrier),
                _ if incoming.trace.is_none() => incoming.trace = format.extract(carrier),
                _ => {}
            }
        }
        incoming
    }

    /// Which formats are read.
    pub(crate) fn read_formats(&self) -> &[Format] {
        &self.extract
    }

    /// Reads what a carrier brings into a new context.
    pub fn extract(&self, carrier: &(impl Carrier + ?Sized)) -> Context {
        self.read(carrier).into_context(Context::new())
    }

    /// Writes the span and the baggage of `context`.
    ///
    /// With a valid span every field of the written formats is ours: what a former use of the
    /// carrier left behind is replaced or removed. Without one there is nothing to say about the
    /// trace, so fields that are there already are the user's own and stay.
    pub fn inject(&self, context: &Context, mut carrier: &mut dyn CarrierMut) {
        self.inject_filtered(context, |_| true, &mut carrier);
    }

    /// The same with only the baggage whose keys `keep` allows.
    #[inline]
    pub(crate) fn inject_filtered<C: CarrierMut>(
        &self,
        context: &Context,
        keep: impl Fn(&str) -> bool,
        carrier: &mut C,
    ) {
        let traced = context.span().span_context().is_valid();
        if traced {
            self.rivals.iter().for_each(|name| carrier.remove(name));
        }
        // Nearly always, so that no request pays for the choice.
        if *self.inject != [Format::TraceContext, Format::Baggage] {
            return self.inject_each(context, traced, &keep, carrier);
        }
        if traced {
            let state = w3c::write(context, carrier);
            let baggage = baggage::write(context.baggage(), &keep, carrier);
            match (state, baggage) {
                (Some(state), Some(baggage)) => carrier.remove_each(&[state, baggage]),
                (state, baggage) => {
                    state.into_iter().chain(baggage).for_each(|stale| carrier.remove(stale));
                }
            }
        } else if !context.baggage().is_empty() {
            baggage::inject(context.baggage(), &keep, carrier);
        }
    }

    #[inline(never)]
    fn inject_each(
        &self,
        context: &Context,
        traced: bool,
        keep: impl Fn(&str) -> bool,
        carrier: &mut dyn CarrierMut,
    ) {
        for format in &*self.inject {
            match format {
                Format::Baggage if !traced && context.baggage().is_empty() => {}
                Format::Baggage => baggage::inject(context.baggage(), &keep, carrier),
                _ if !traced => {}
                Format::TraceContext => w3c::inject(context, carrier),
                Format::B3 => b3::inject_single(context, carrier),
                Format::B3Multi => b3::inject_multi(context, carrier),
                Format::Jaeger => jaeger::inject(context, carrier),
                Format::XRay => xray::inject(context, carrier),
                Format::Datadog => datadog::inject(context, carrier),
            }
        }
    }

    /// Removes every field that this propagator would write, or that a caller may have written for
    /// it to read.
    pub fn clear(&self, carrier: &mut dyn CarrierMut) {
        self.inject
            .iter()
            .chain(&*self.extract)
            .flat_map(|format| format.fields().iter().chain(format.also_read()))
            .for_each(|name| carrier.remove(name));
    }
}

impl Default for Propagator {
    fn default() -> Self {
        static DEFAULT: std::sync::LazyLock<Propagator> =
            std::sync::LazyLock::new(|| Propagator::new([Format::TraceContext, Format::Baggage]));
        DEFAULT.clone()
    }
}

impl std::fmt::Debug for Propagator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Propagator")
            .field("extract", &self.extract)
            .field("inject", &self.inject)
            .finish()
    }
}

fn once_each(formats: impl IntoIterator<Item = Format>) -> Arc<[Format]> {
    let mut list = Vec::new();
    for format in formats {
        if !list.contains(&format) {
            list.push(format);
        }
    }
    list.into()
}
