//! Which traces are kept.
//!
//! A [`Sampler`] decides when a span starts, with the name, the kind, all first attributes and the
//! parent before it:
//!
//! | sampler | keeps | with an unsampled parent |
//! |---|---|---|
//! | [`Sampler::always_on`], [`always_off`](Sampler::always_off) | everything, nothing | the same |
//! | [`Sampler::ratio`] | a share, by trace id | the same share |
//! | [`Sampler::parent_based`], [`ParentBased`] | as the parent; roots as another sampler says | nothing, unless told otherwise |
//! | [`Sampler::consistent`], [`Consistent`] | a share on which all services agree, and which back ends can count with | nothing (`consistent`), or as composed |
//! | [`Sampler::rate_limited`], [`at_most`](Sampler::at_most) | so many spans per second | the same |
//! | [`Rules`] of [`When`] | as the sampler of the first rule that matches | as that sampler says |
//! | [`JaegerRemote`] | as a Jaeger-compatible service says from time to time | the same |
//! | [`Sampler::custom`] | whatever you write | whatever you write |
//!
//! They are composed freely:
//!
//! ```
//! use tracewire::sdk::{Rules, Sampler, When};
//!
//! let roots = Rules::new()
//!     .when(When::health_check(), Sampler::always_off())
//!     .when(When::method("POST").and(When::route("/checkout/*")), Sampler::always_on())
//!     .when(When::header("x-debug", "*"), Sampler::rate_limited(1.0))
//!     .otherwise(Sampler::ratio(0.05).at_most(50.0));
//! let sampler = Sampler::parent_based(roots);
//! # drop(sampler);
//! ```
//!
//! # Parents
//! Rules, limits and ratios that stand alone are asked for every span, and traces then have holes.
//! Inside [`Sampler::parent_based`] they are asked where a trace begins, and everybody who joins it
//! follows. Where a sampler is known to drop whatever has an unsampled parent, no span is started
//! and no attribute computed for one: `parent_based` of anything is such a sampler, and so is a
//! composition of nothing but such samplers.

use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler as SdkSampler, SamplingResult, ShouldSample};

use crate::Sampling;

mod candidate;
mod consistent;
mod health;
mod jaeger;
mod limit;
pub(in crate::sdk) mod ot;
mod parent;
mod rules;
pub(in crate::sdk) mod threshold;
mod when;

pub use candidate::Candidate;
pub use consistent::Consistent;
pub use jaeger::JaegerRemote;
pub(super) use jaeger::{Polling, Remote};
pub use parent::ParentBased;
pub use rules::Rules;
pub use when::When;

/// Decides which traces are recorded and sent.
///
/// The default is `parent_based(always_on())`: whoever starts a trace decides for all who join it.
///
/// It is OpenTelemetry's `ShouldSample` too, for a provider that you build yourself.
///
/// ```
/// use tracewire::sdk::Sampler;
///
/// // One in ten of the traces that begin here; those that come from elsewhere as decided there.
/// let sampler = Sampler::parent_based(Sampler::ratio(0.1));
/// # drop(sampler);
/// ```
#[derive(Clone, Debug)]
pub struct Sampler {
    inner: Box<dyn ShouldSample>,
    sampling: Sampling,
    keeps: Keeps,
    /// What has to be polled while the sampler is used.
    remotes: Vec<Remote>,
}

/// The most that a sampler may keep, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Keeps {
    /// Nothing.
    Nothing,
    /// What callers have decided to keep, and nothing that begins here.
    OfCallers,
    /// Traces that begin here too.
    Some,
}

impl Sampler {
    /// Keeps everything, whatever the caller decided.
    pub fn always_on() -> Self {
        Self::custom(SdkSampler::AlwaysOn)
    }

    /// Keeps nothing. Ids still travel on, marked as not sampled.
    pub fn always_off() -> Self {
        Self::of(SdkSampler::AlwaysOff, Sampling::FollowsParent).keeping(Keeps::Nothing)
    }

    /// Keeps this share of all traces, from 0 to 1, chosen by trace id, whatever the caller decided.
    ///
    /// This is the sampler `traceidratio` of every OpenTelemetry SDK. [`consistent`](Self::consistent)
    /// also tells others by which probability a trace was kept.
    pub fn ratio(ratio: f64) -> Self {
        let keeps = if ratio > 0.0 { Keeps::Some } else { Keeps::Nothing };
        Self::custom(SdkSampler::TraceIdRatioBased(ratio)).keeping(keeps)
    }

    /// Does as the caller decided, and asks `root` where there is no caller. [`ParentBased`] has
    /// more to choose.
    pub fn parent_based(root: impl Into<Self>) -> Self {
        ParentBased::new(root).into()
    }

    /// Does as the caller decided, and keeps this share, from 0 to 1, of the traces that begin here,
    /// with the probability in `tracestate`. [`Consistent`] has more to choose.
    pub fn consistent(probability: f64) -> Self {
        Consistent::parent_threshold(Consistent::probability(probability)).into()
    }

    /// Keeps so many spans per second. At once it keeps those of one second, or one if that is less.
    pub fn rate_limited(per_second: f64) -> Self {
        Self::always_on().at_most(per_second)
    }

    /// Keeps what this sampler keeps, but at most so many spans per second.
    ///
    /// What passes has no known probability any more, so `th` is removed from `tracestate`.
    #[must_use]
    pub fn at_most(self, per_second: f64) -> Self {
        let inner = Box::new(limit::Limited::new(self.inner, per_second));
        let keeps = if per_second > 0.0 { self.keeps } else { Keeps::Nothing };
        Self { inner, keeps, ..self }
    }

    /// Drops [health checks](When::health_check), and asks this sampler about everything else.
    #[must_use]
    pub fn without_health_checks(self) -> Self {
        Rules::new().when(When::health_check(), Self::always_off()).otherwise(self).into()
    }

    /// Asks a sampler of your own, which gets to see every span with all its first attributes.
    pub fn custom(sampler: impl ShouldSample + 'static) -> Self {
        Self::of(sampler, Sampling::ReadsAttributes)
    }

    fn of(sampler: impl ShouldSample + 'static, sampling: Sampling) -> Self {
        Self { inner: Box::new(sampler), sampling, keeps: Keeps::Some, remotes: Vec::new() }
    }

    fn keeping(self, keeps: Keeps) -> Self {
        Self { keeps, ..self }
    }

    /// The most that it may keep.
    pub(in crate::sdk) fn keeps(&self) -> Keeps {
        self.keeps
    }

    /// What it goes by, for [`Telemetry::sampling`](crate::Telemetry::sampling).
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Starts to poll whatever has to be polled, until what is returned is dropped.
    pub(super) fn poll(&self, service: &str) -> Vec<Polling> {
        self.remotes.iter().filter_map(|remote| remote.poll(service)).collect()
    }
}

/// The parent of what has none.
static NO_PARENT: SpanContext = SpanContext::NONE;

/// What `OTEL_TRACES_SAMPLER` can name.
impl Sampler {
    pub(super) const NAMES: [&'static str; 8] = [
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
        "jaeger_remote",
        "parentbased_jaeger_remote",
    ];

    /// `argument` reads what `OTEL_TRACES_SAMPLER_ARG` says to a sampler that has one.
    pub(super) fn from_name(name: &str, argument: &mut dyn NamedArgument) -> Option<Self> {
        Some(match name.strip_prefix("parentbased_") {
            Some(root) => Self::parent_based(Self::from_name(root, argument)?),
            None => match name {
                "always_on" => Self::always_on(),
                "always_off" => Self::always_off(),
                "traceidratio" => Self::ratio(argument.ratio().unwrap_or(1.0)),
                "jaeger_remote" => argument.jaeger_remote().into(),
                _ => return None,
            },
        })
    }
}

/// The argument of a sampler that was named. A value that is wrong is told of and left out.
pub(super) trait NamedArgument {
    /// From 0 to 1.
    fn ratio(&mut self) -> Option<f64>;
    /// `endpoint=…,pollingIntervalMs=…,initialSamplingRate=…`.
    fn jaeger_remote(&mut self) -> JaegerRemote;
}

impl Default for Sampler {
    fn default() -> Self {
        Self::parent_based(Self::always_on())
    }
}

impl ShouldSample for Sampler {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        span_kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        self.inner.should_sample(parent_context, trace_id, name, span_kind, attributes, links)
    }
}
