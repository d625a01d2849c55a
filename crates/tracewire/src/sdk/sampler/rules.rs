//! A list of rules, of which the first that matches counts.

use std::sync::Arc;

use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler as SdkSampler, SamplingResult, ShouldSample};

use super::{Candidate, Keeps, Sampler, When};
use crate::Sampling;

/// Samplers and when to ask them; the first rule that matches counts, and what matches none is
/// dropped.
///
/// `S` is [`Sampler`] or [`Consistent`](super::Consistent), and the rules become one again.
///
/// ```
/// use tracewire::sdk::{Rules, Sampler, When};
///
/// let rules = Rules::new()
///     .when(When::health_check(), Sampler::always_off())
///     .when(When::route("/orders/*"), Sampler::ratio(0.5))
///     .otherwise(Sampler::ratio(0.01));
/// # drop(Sampler::from(rules));
/// ```
#[derive(Clone, Debug)]
pub struct Rules<S> {
    rules: Vec<(When, S)>,
}

impl<S> Rules<S> {
    /// None yet: everything is dropped.
    pub fn new() -> Self {
        Self { rules: Vec::new() }
    }

    /// Adds a rule after all others.
    #[must_use]
    pub fn when(mut self, when: When, sampler: impl Into<S>) -> Self {
        self.rules.push((when, sampler.into()));
        self
    }

    /// Asks this sampler about everything that no rule before matches.
    #[must_use]
    pub fn otherwise(self, sampler: impl Into<S>) -> Self {
        self.when(When::always(), sampler)
    }

    pub(super) fn find(&self, candidate: &Candidate<'_>) -> Option<&S> {
        let mut rules = self.rules.iter();
        rules.find(|(when, _)| when.matches(candidate)).map(|(_, sampler)| sampler)
    }

    pub(super) fn samplers(&self) -> impl Iterator<Item = &S> {
        self.rules.iter().map(|(_, sampler)| sampler)
    }
}

impl<S> Default for Rules<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Rules<Self>> for Sampler {
    fn from(rules: Rules<Self>) -> Self {
        let remotes = rules.samplers().flat_map(|sampler| sampler.remotes.clone()).collect();
        let follows = rules.samplers().all(|sampler| sampler.sampling == Sampling::FollowsParent);
        let sampling = if follows { Sampling::FollowsParent } else { Sampling::ReadsAttributes };
        let keeps = rules.samplers().map(|sampler| sampler.keeps).max();
        let keeps = keeps.unwrap_or(Keeps::Nothing);
        Self { inner: Box::new(Ruled(Arc::new(rules))), sampling, keeps, remotes }
    }
}

#[derive(Clone, Debug)]
struct Ruled(Arc<Rules<Sampler>>);

impl ShouldSample for Ruled {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        span_kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let candidate =
            Candidate { parent: parent_context, name, kind: span_kind, attributes, links };
        let off: &dyn ShouldSample = &SdkSampler::AlwaysOff;
        let sampler = self.0.find(&candidate).map_or(off, |sampler| &*sampler.inner);
        sampler.should_sample(parent_context, trace_id, name, span_kind, attributes, links)
    }
}
