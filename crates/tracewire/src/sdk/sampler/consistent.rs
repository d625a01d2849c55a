//! Probabilities on which all services agree.
//!
//! OpenTelemetry's "CompositeSampler" over its "ComposableSamplers": each intends a threshold, and
//! only then is the randomness of the trace looked at.

use std::sync::Arc;

use opentelemetry::trace::{Link, SpanContext, SpanKind, SpanRef, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use super::ot::Ot;
use super::threshold::Threshold;
use super::{Candidate, Keeps, NO_PARENT, Rules, Sampler};
use crate::Sampling;

/// Keeps traces by probabilities on which all services agree.
///
/// A trace that a service keeps with some probability is kept by everybody who keeps with the same
/// or a higher one. By which probability it was kept travels in `tracestate` as `ot=th:…` and is
/// exported, so that a back end can tell how many requests a span stands for. Where `ot` has no
/// `rv:…`, the last seven bytes of the trace id decide; ids that are made here are random.
///
/// ```
/// use tracewire::sdk::{Consistent, Rules, Sampler, When};
///
/// let roots = Rules::<Consistent>::new()
///     .when(When::health_check(), Consistent::always_off())
///     .when(When::method("POST"), Consistent::probability(0.5))
///     .otherwise(Consistent::probability(0.01));
/// let sampler = Sampler::from(Consistent::parent_threshold(roots));
/// # drop(sampler);
/// ```
#[derive(Clone, Debug)]
pub struct Consistent(Arc<Composable>);

#[derive(Debug)]
enum Composable {
    /// A threshold of its own, or nothing at all.
    Fixed(Option<Threshold>),
    ParentThreshold(Consistent),
    Rules(Rules<Consistent>),
    Annotating(Vec<KeyValue>, Consistent),
}

/// What a sampler would do, whatever the randomness is.
#[derive(Default)]
struct Intent {
    /// `None` drops.
    threshold: Option<Threshold>,
    /// Whether the threshold says how many spans one that is kept stands for.
    reliable: bool,
    attributes: Vec<KeyValue>,
}

impl Consistent {
    /// Keeps everything, whatever the caller decided.
    pub fn always_on() -> Self {
        Self::of(Composable::Fixed(Some(Threshold::ALWAYS)))
    }

    /// Keeps nothing.
    pub fn always_off() -> Self {
        Self::of(Composable::Fixed(None))
    }

    /// Keeps this share of all traces, from 2⁻⁵⁶ to 1, whatever the caller decided. Less is nothing,
    /// and more is everything.
    pub fn probability(probability: f64) -> Self {
        Self::of(Composable::Fixed(Threshold::of_probability(probability)))
    }

    /// Does as the caller decided and hands its threshold on; asks `root` where there is no caller.
    pub fn parent_threshold(root: impl Into<Self>) -> Self {
        Self::of(Composable::ParentThreshold(root.into()))
    }

    /// Sets these attributes on every span that it keeps.
    #[must_use]
    pub fn annotating(self, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        Self::of(Composable::Annotating(attributes.into_iter().collect(), self))
    }

    fn of(composable: Composable) -> Self {
        Self(Arc::new(composable))
    }

    /// Whether it drops whatever has an unsampled parent.
    fn sampling(&self) -> Sampling {
        let follows = match &*self.0 {
            Composable::Fixed(threshold) => threshold.is_none(),
            Composable::ParentThreshold(_) => true,
            Composable::Rules(rules) => {
                rules.samplers().all(|sampler| sampler.sampling() == Sampling::FollowsParent)
            }
            Composable::Annotating(_, inner) => return inner.sampling(),
        };
        if follows { Sampling::FollowsParent } else { Sampling::ReadsAttributes }
    }

    /// The most that it may keep.
    fn keeps(&self) -> Keeps {
        match &*self.0 {
            Composable::Fixed(None) => Keeps::Nothing,
            Composable::Fixed(Some(_)) => Keeps::Some,
            Composable::ParentThreshold(root) => root.keeps().max(Keeps::OfCallers),
            Composable::Rules(rules) => {
                rules.samplers().map(Self::keeps).max().unwrap_or(Keeps::Nothing)
            }
            Composable::Annotating(_, inner) => inner.keeps(),
        }
    }

    fn intent(&self, candidate: &Candidate<'_>, parent: &SpanContext, ot: &Ot<'_>) -> Intent {
        match &*self.0 {
            Composable::Fixed(threshold) => Intent {
                threshold: *threshold,
                reliable: threshold.is_some(),
                attributes: Vec::new(),
            },
            Composable::ParentThreshold(root) if !parent.is_valid() => {
                root.intent(candidate, parent, ot)
            }
            Composable::ParentThreshold(_) => match ot.threshold_of(parent) {
                Some(threshold) => {
                    Intent { threshold: Some(threshold), reliable: true, attributes: Vec::new() }
                }
                None => Intent {
                    threshold: parent.is_sampled().then_some(Threshold::ALWAYS),
                    ..Intent::default()
                },
            },
            Composable::Rules(rules) => {
                let rule = rules.find(candidate);
                rule.map(|rule| rule.intent(candidate, parent, ot)).unwrap_or_default()
            }
            Composable::Annotating(attributes, inner) => {
                let mut intent = inner.intent(candidate, parent, ot);
                intent.attributes.extend_from_slice(attributes);
                intent
            }
        }
    }
}

impl ShouldSample for Consistent {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        span_kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let parent = parent_context.map(TraceContextExt::span);
        let parent = parent.as_ref().map_or(&NO_PARENT, SpanRef::span_context);
        let ot = Ot::read(parent.trace_state());
        let candidate =
            Candidate { parent: parent_context, name, kind: span_kind, attributes, links };
        let Intent { threshold, reliable, attributes } = self.intent(&candidate, parent, &ot);
        let randomness = ot.randomness(trace_id);
        match threshold.filter(|threshold| threshold.keeps(randomness)) {
            Some(threshold) => SamplingResult {
                decision: SamplingDecision::RecordAndSample,
                attributes,
                trace_state: ot.with_threshold(reliable.then_some(threshold)),
            },
            None => SamplingResult {
                decision: SamplingDecision::Drop,
                attributes: Vec::new(),
                trace_state: ot.with_threshold(None),
            },
        }
    }
}

impl From<Rules<Self>> for Consistent {
    fn from(rules: Rules<Self>) -> Self {
        Self::of(Composable::Rules(rules))
    }
}

impl From<Consistent> for Sampler {
    fn from(consistent: Consistent) -> Self {
        let (sampling, keeps) = (consistent.sampling(), consistent.keeps());
        Self::of(consistent, sampling).keeping(keeps)
    }
}
