//! A sampler that is told from outside what to keep (Jaeger, "Remote Sampling").

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::Uri;
use opentelemetry::trace::{Link, SpanKind, TraceContextExt as _, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use super::ot::Ot;
use super::{Keeps, Sampler};
use crate::{Error, Sampling};

mod poll;
mod strategy;

pub(in crate::sdk) use poll::Polling;
use strategy::{Plan, Strategy};

/// Keeps what a Jaeger-compatible service says: a share, so many per second, or a share for each
/// span name.
///
/// The service is asked when telemetry is set up and from then on at an interval, over HTTP, from a
/// thread of its own. Until it has answered a share is kept, the initial sampling rate; while it
/// cannot be reached, or answers what cannot be understood, its last answer holds.
///
/// It works in [`Builder::sampler`](crate::sdk::Builder::sampler). In a provider of your own nobody
/// asks the service. It ignores parents; [`Sampler::parent_based`] around it does not.
///
/// ```
/// use std::time::Duration;
/// use tracewire::sdk::{JaegerRemote, Sampler};
///
/// let remote = JaegerRemote::new()
///     .endpoint("http://jaeger:5778/sampling")?
///     .polling_interval(Duration::from_secs(30))
///     .initial_sampling_rate(0.01);
/// let sampler = Sampler::parent_based(remote);
/// # drop(sampler);
/// # Ok::<(), tracewire::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct JaegerRemote {
    endpoint: Uri,
    interval: Duration,
    initial: f64,
}

impl JaegerRemote {
    /// Asks `http://localhost:5778/sampling` once a minute; keeps 0.1 % until it answers.
    pub fn new() -> Self {
        let endpoint = Uri::from_static("http://localhost:5778/sampling");
        Self { endpoint, interval: Duration::from_secs(60), initial: 0.001 }
    }

    /// Asks here: the whole URL without a query. Without a path it is `/sampling`; a Jaeger v2
    /// Collector answers at `/api/sampling`.
    ///
    /// # Errors
    /// When it is not an `http://` URL with a host.
    pub fn endpoint(mut self, url: &str) -> Result<Self, Error> {
        let wrong =
            || Error::configuration(format!("the sampling endpoint {url:?} is no http URL"));
        let uri: Uri = url.parse().map_err(|error| wrong().because(error))?;
        let host = uri.host().filter(|host| !host.is_empty());
        if uri.scheme_str() != Some("http") || host.is_none() || uri.query().is_some() {
            return Err(wrong());
        }
        self.endpoint = if uri.path() == "/" {
            let url = format!("{}/sampling", url.trim_end_matches('/'));
            url.parse().map_err(|error| wrong().because(error))?
        } else {
            uri
        };
        Ok(self)
    }

    /// Asks so often; a second at least.
    #[must_use]
    pub fn polling_interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Duration::from_secs(1));
        self
    }

    /// Keeps this share, from 0 to 1, until there is an answer.
    #[must_use]
    pub fn initial_sampling_rate(mut self, rate: f64) -> Self {
        self.initial = rate;
        self
    }
}

impl Default for JaegerRemote {
    fn default() -> Self {
        Self::new()
    }
}

impl From<JaegerRemote> for Sampler {
    fn from(settings: JaegerRemote) -> Self {
        let plan = Plan::Share(settings.initial);
        let current = Arc::new(RwLock::new(Arc::new(Strategy::new(plan))));
        let remote = Remote { settings: Arc::new(settings), current };
        let inner = Box::new(remote.clone());
        let sampling = Sampling::ReadsAttributes;
        Self { inner, sampling, keeps: Keeps::Some, remotes: vec![remote] }
    }
}

/// The sampler, and what its poller writes. Clones share it.
#[derive(Clone, Debug)]
pub(in crate::sdk) struct Remote {
    settings: Arc<JaegerRemote>,
    current: Arc<RwLock<Arc<Strategy>>>,
}

impl Remote {
    fn current(&self) -> Arc<Strategy> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Follows another plan. The same one once more changes nothing, so that what has been kept in
    /// this second still counts.
    fn follow(&self, plan: Plan) {
        if self.current().plan != plan {
            let strategy = Arc::new(Strategy::new(plan));
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = strategy;
        }
    }
}

impl ShouldSample for Remote {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        let sampled = self.current().keeps(trace_id, name);
        let state = |context: &Context| {
            // The service does not say by which probability, so nobody must read that of the parent.
            Ot::read(context.span().span_context().trace_state()).with_threshold(None)
        };
        SamplingResult {
            decision: if sampled {
                SamplingDecision::RecordAndSample
            } else {
                SamplingDecision::Drop
            },
            attributes: Vec::new(),
            trace_state: parent_context.map(state).unwrap_or(TraceState::NONE),
        }
    }
}
