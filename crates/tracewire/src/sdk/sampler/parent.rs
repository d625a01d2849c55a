//! Doing as the parent did.

use opentelemetry::trace::{Link, SpanKind, SpanRef, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{
    ParentBasedSampler, SamplingDecision, SamplingResult, ShouldSample,
};

use super::ot::Ot;
use super::{Keeps, NO_PARENT, Sampler};
use crate::Sampling;

/// Decides by the parent: one sampler for each kind of it.
///
/// Unless told otherwise a sampled parent is followed and an unsampled one too, whether it is in
/// this process or in another.
///
/// ```
/// use tracewire::sdk::{ParentBased, Sampler};
///
/// // What callers outside have sampled is kept, but not more than 100 times a second.
/// let sampler = ParentBased::new(Sampler::ratio(0.1))
///     .remote_parent_sampled(Sampler::rate_limited(100.0));
/// # drop(Sampler::from(sampler));
/// ```
#[derive(Clone, Debug)]
pub struct ParentBased {
    root: Sampler,
    /// Remote and sampled, remote and not, local and sampled, local and not.
    parents: [Option<Sampler>; 4],
}

impl ParentBased {
    /// Asks `root` where there is no parent, and follows every parent.
    pub fn new(root: impl Into<Sampler>) -> Self {
        Self { root: root.into(), parents: [const { None }; 4] }
    }

    /// Asks this sampler below a sampled parent in another process.
    #[must_use]
    pub fn remote_parent_sampled(self, sampler: impl Into<Sampler>) -> Self {
        self.parent(0, sampler.into())
    }

    /// Asks this sampler below an unsampled parent in another process.
    #[must_use]
    pub fn remote_parent_not_sampled(self, sampler: impl Into<Sampler>) -> Self {
        self.parent(1, sampler.into())
    }

    /// Asks this sampler below a sampled parent in this process.
    #[must_use]
    pub fn local_parent_sampled(self, sampler: impl Into<Sampler>) -> Self {
        self.parent(2, sampler.into())
    }

    /// Asks this sampler below an unsampled parent in this process.
    #[must_use]
    pub fn local_parent_not_sampled(self, sampler: impl Into<Sampler>) -> Self {
        self.parent(3, sampler.into())
    }

    fn parent(mut self, index: usize, sampler: Sampler) -> Self {
        self.parents[index] = Some(sampler);
        self
    }
}

impl From<ParentBased> for Sampler {
    fn from(ParentBased { root, parents }: ParentBased) -> Self {
        let follow = || Self::of(Follow, Sampling::FollowsParent).keeping(Keeps::OfCallers);
        let parents = parents.map(|sampler| sampler.unwrap_or_else(follow));
        let [_, remote, _, local] = &parents;
        let follows =
            [remote, local].iter().all(|sampler| sampler.sampling == Sampling::FollowsParent);
        let sampling = if follows { Sampling::FollowsParent } else { Sampling::ReadsAttributes };
        let keeps = match parents.iter().map(|sampler| sampler.keeps).max() {
            _ if root.keeps == Keeps::Some => Keeps::Some,
            None | Some(Keeps::Nothing) => Keeps::Nothing,
            Some(_) => Keeps::OfCallers,
        };
        let remotes = std::iter::once(&root).chain(&parents);
        let remotes = remotes.flat_map(|sampler| sampler.remotes.clone()).collect();
        let [remote_sampled, remote_not, local_sampled, local_not] =
            parents.map(|sampler| sampler.inner);
        let inner = ParentBasedSampler::new(root.inner)
            .with_remote_parent_sampled(remote_sampled)
            .with_remote_parent_not_sampled(remote_not)
            .with_local_parent_sampled(local_sampled)
            .with_local_parent_not_sampled(local_not);
        Self { inner: Box::new(inner), sampling, keeps, remotes }
    }
}

/// Decides as the parent did, and passes its trace state on, without a threshold that contradicts
/// the decision ("TraceState: Probability Sampling", "General requirements").
#[derive(Clone, Debug)]
struct Follow;

impl ShouldSample for Follow {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        let parent = parent_context.map(TraceContextExt::span);
        let parent = parent.as_ref().map_or(&NO_PARENT, SpanRef::span_context);
        let sampled = parent.is_sampled();
        let ot = Ot::read(parent.trace_state());
        let threshold = ot.threshold_of(parent).filter(|_| sampled);
        SamplingResult {
            decision: if sampled {
                SamplingDecision::RecordAndSample
            } else {
                SamplingDecision::Drop
            },
            attributes: Vec::new(),
            trace_state: ot.with_threshold(threshold),
        }
    }
}
