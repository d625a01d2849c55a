//! Which traces are kept.

use opentelemetry_sdk::trace::{ParentBasedSampler, Sampler as SdkSampler, ShouldSample};

use crate::Sampling;

pub(in crate::sdk) mod ot;
pub(in crate::sdk) mod threshold;

/// Decides which traces are recorded and sent.
///
/// The default is `parent_based(always_on())`: whoever starts a trace decides for all who join it.
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
}

impl Sampler {
    /// Keeps everything, whatever the caller decided.
    pub fn always_on() -> Self {
        Self::custom(SdkSampler::AlwaysOn)
    }

    /// Keeps nothing. Ids still travel on, marked as not sampled.
    pub fn always_off() -> Self {
        Self { sampling: Sampling::FollowsParent, ..Self::custom(SdkSampler::AlwaysOff) }
    }

    /// Keeps this share of all traces, from 0 to 1, chosen by trace id, whatever the caller decided.
    pub fn ratio(ratio: f64) -> Self {
        Self::custom(SdkSampler::TraceIdRatioBased(ratio))
    }

    /// Does as the caller decided, and asks `root` where there is no caller.
    pub fn parent_based(root: Self) -> Self {
        Self {
            inner: Box::new(ParentBasedSampler::new(root.inner)),
            sampling: Sampling::FollowsParent,
        }
    }

    /// Asks a sampler of your own, which gets to see every span with all its first attributes.
    pub fn custom(sampler: impl ShouldSample + 'static) -> Self {
        Self { inner: Box::new(sampler), sampling: Sampling::ReadsAttributes }
    }

    /// What `OTEL_TRACES_SAMPLER` can name.
    pub(super) const NAMES: [&'static str; 6] = [
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
    ];

    pub(super) fn from_name(name: &str, ratio: f64) -> Option<Self> {
        Some(match name.strip_prefix("parentbased_") {
            Some(root) => Self::parent_based(Self::from_name(root, ratio)?),
            None => match name {
                "always_on" => Self::always_on(),
                "always_off" => Self::always_off(),
                "traceidratio" => Self::ratio(ratio),
                _ => return None,
            },
        })
    }

    /// What it goes by.
    pub(super) fn sampling(&self) -> Sampling {
        self.sampling
    }

    pub(super) fn into_inner(self) -> Box<dyn ShouldSample> {
        self.inner
    }
}

impl Default for Sampler {
    fn default() -> Self {
        Self::parent_based(Self::always_on())
    }
}
