//! Starting and ending spans of the SDK, without the boxes of a global tracer.

use std::borrow::Cow;

use bench_harness::{Case, Mode, spans};
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanKind, Status, TraceContextExt as _, Tracer as _,
    TracerProvider as _,
};
use opentelemetry::{Context, ContextGuard, KeyValue, StringValue};
use opentelemetry_sdk::trace::{SdkTracer, SpanData};

/// Where spans come from: nowhere when the SDK is off.
#[derive(Debug)]
pub struct Tracing(Option<SdkTracer>);

impl Tracing {
    /// The harness's provider, whose sampler follows the caller.
    pub fn of(mode: Mode) -> Self {
        let provider = (mode != Mode::Off).then(|| spans::provider(mode == Mode::Sampled));
        Self(provider.map(|it| it.tracer("by hand")))
    }

    /// Who makes the span below this context, unless it is known that none is wanted: a sampler that follows an
    /// unsampled parent has nothing to decide.
    #[inline]
    pub fn wanted(&self, parent: &Context) -> Option<&SdkTracer> {
        let tracer = self.0.as_ref()?;
        let parent = parent.span();
        let decided = parent.span_context().is_valid() && !parent.span_context().is_sampled();
        (!decided).then_some(tracer)
    }

    /// The span of a request below what its caller said; without one that is wanted, that travels on.
    #[inline]
    pub fn serve(&self, parent: Context, describe: impl FnOnce() -> Described) -> Span {
        match self.wanted(&parent) {
            Some(tracer) => start(tracer, &parent, Side::Server, describe()),
            None => Span { context: Some(parent), recorded: false, side: Side::Server },
        }
    }

    /// A span below the current one, unless none is wanted.
    #[inline]
    pub fn call(&self, describe: impl FnOnce() -> Described) -> Span {
        let wanted = |parent: &Context| Some((self.wanted(parent)?, parent.clone()));
        match Context::map_current(wanted) {
            Some((tracer, parent)) => start(tracer, &parent, Side::Client, describe()),
            None => Span::none(Side::Client),
        }
    }
}

/// The name of a span and its attributes, in a list with room for those of its end.
pub type Described = (Cow<'static, str>, Vec<KeyValue>);

#[inline]
fn start(tracer: &SdkTracer, parent: &Context, side: Side, (name, attributes): Described) -> Span {
    let kind = if side == Side::Server { SpanKind::Server } else { SpanKind::Client };
    let builder = SpanBuilder {
        span_kind: Some(kind),
        name,
        attributes: Some(attributes),
        ..SpanBuilder::default()
    };
    let span = tracer.build_with_context(builder, parent);
    let recorded = span.is_recording();
    Span { context: Some(parent.with_span(span)), recorded, side }
}

/// Which end of an operation a span stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Dropped, it is cancelled, which is an error.
    Server,
    /// Dropped, it is no longer wanted, which is none.
    Client,
}

/// A span that ends when it is dropped, if it has not before.
#[derive(Debug)]
pub struct Span {
    /// None where what is current already will do.
    context: Option<Context>,
    /// Until it has ended.
    recorded: bool,
    side: Side,
}

impl Span {
    /// No span in no context.
    pub const fn none(side: Side) -> Self {
        Self { context: None, recorded: false, side }
    }

    /// Makes it current until the guard goes.
    #[inline]
    pub fn enter(&self) -> Option<ContextGuard> {
        self.context.clone().map(Context::attach)
    }

    /// Whether anybody reads what is set.
    #[inline]
    pub fn is_recorded(&self) -> bool {
        self.recorded
    }

    /// Which side it is on.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Its context, if it has one of its own.
    pub fn context(&self) -> Option<&Context> {
        self.context.as_ref()
    }

    /// Sets an attribute.
    #[inline]
    pub fn set_one(&self, attribute: KeyValue) {
        if let Some(context) = self.context.as_ref().filter(|_| self.recorded) {
            context.span().set_attribute(attribute);
        }
    }

    /// Sets attributes, all under one lock.
    #[inline]
    pub fn set<const N: usize>(&self, attributes: [KeyValue; N]) {
        if let Some(context) = self.context.as_ref().filter(|_| self.recorded) {
            context.span().set_attributes(attributes);
        }
    }

    /// Says that it failed, and how (`error.type`).
    #[cold]
    pub fn fail(&self, error: impl Into<StringValue>) {
        self.set_one(KeyValue::new("error.type", error.into()));
        if let Some(context) = self.context.as_ref().filter(|_| self.recorded) {
            context.span().set_status(Status::error(""));
        }
    }

    /// Ends it, with the `error.type` of what failed if anything did.
    #[inline]
    pub fn end(&mut self, error: Option<&'static str>) {
        if let Some(error) = error {
            self.fail(error);
        }
        if let Some(context) = self.context.as_ref().filter(|_| self.recorded) {
            context.span().end();
            self.recorded = false;
        }
    }

    /// Moves it elsewhere.
    #[inline]
    #[must_use]
    pub fn take(&mut self) -> Self {
        std::mem::replace(self, Self::none(self.side))
    }
}

impl Drop for Span {
    #[inline]
    fn drop(&mut self) {
        if self.recorded {
            self.end(match self.side {
                _ if std::thread::panicking() => Some("panic"),
                Side::Server => Some("cancelled"),
                Side::Client => None,
            });
        }
    }
}

/// Cases that panic unless their operation records one span with just these attributes: what is cheap by leaving
/// something out is not measured.
pub fn checked(cases: Vec<Case>, keys: &'static [&'static str]) -> Vec<Case> {
    let checked = |Case { area, scenario, variant, mode, make }| {
        Case::new(area, scenario, variant, mode, move || {
            let mut operation = make();
            let expected = if mode == Mode::Sampled { vec![keys.to_vec()] } else { Vec::new() };
            let spans = spans::recorded(&mut operation);
            assert_eq!(spans.iter().map(keys_of).collect::<Vec<_>>(), expected);
            operation
        })
    };
    cases.into_iter().map(checked).collect()
}

fn keys_of(span: &SpanData) -> Vec<&str> {
    let mut keys: Vec<&str> = span.attributes.iter().map(|it| it.key.as_str()).collect();
    keys.sort_unstable();
    keys
}
