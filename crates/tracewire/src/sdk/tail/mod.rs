//! Tail sampling in the process: which traces are kept is decided when they have ended.

mod core;
mod mark;
mod memory;
mod part;
mod processor;
mod room;
mod rules;
mod shard;
mod size;
mod stats;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry_sdk::trace::SpanProcessor;

pub use part::LocalTrace;
pub use processor::{TailHandle, TailProcessor};
pub use stats::TailStats;

pub(super) use room::Room;

use self::core::Core;
use rules::Rules;
use shard::Bounds;

/// Decides which traces are kept when they have ended and it is known what came of them.
///
/// ```
/// use std::time::Duration;
/// use tracewire::sdk::{self, TailSampling};
///
/// let tail = TailSampling::new()
///     .drop_if("health", |trace| trace.attribute("http.route").is_some_and(|it| it.as_str() == "/healthz"))
///     .keep_errors()
///     .slower_than(Duration::from_millis(500))
///     .slow_route("GET /reports/{id}", Duration::from_secs(10))
///     .share_if("checkout", 0.5, |trace| trace.root().is_some_and(|root| root.name == "POST /checkout"))
///     .otherwise(0.05);
/// let _telemetry = sdk::builder().tail_sampling(tail).exporters([]).init()?;
/// # Ok::<(), tracewire::Error>(())
/// ```
///
/// Rules are asked in the order in which they were said; **the first that matches decides**. Where
/// none does, [`otherwise`](Self::otherwise) does, and as long as that has not been said everything
/// is kept.
///
/// # What is decided on
/// A *local root* is a span whose parent is in another process or nowhere: the span of a request. It
/// and everything below it in this process wait in memory until it ends, and then go to the exporter
/// or nowhere, all of them. Where a service is called more than once in one trace,
///
/// - calls that overlap, those that it makes to itself too, are decided on together, when the last
///   has ended;
/// - a later call is decided on by itself, except that a trace that has been kept once is kept from
///   then on, whatever the rules say of the later call. A call that fails is kept even though
///   earlier ones were dropped.
///
/// Spans that end after the decision, such as those of detached tasks, follow it. When it has been
/// forgotten (see [`remember`](Self::remember)) they are kept if the trace would be kept by chance,
/// which is what was decided unless a rule said otherwise.
///
/// A span of a part that was dropped is told from those of a later part of the same trace by its
/// start. One that starts, in a detached task, only after the later part has begun is counted with
/// that.
///
/// # Bounds
/// Never are there more undecided [traces](Self::max_traces), [spans](Self::max_spans) and
/// [bytes](Self::max_bytes) than allowed. What would be too much makes the oldest trace be decided
/// with what is known of it: an error is an error, and one that has already taken too long is slow.
/// Large bounds are split among up to sixteen shards of traces, and the oldest is the oldest of its
/// shard. The same happens to traces that are older than the [time limit](Self::time_limit), and
/// when telemetry is flushed or ends. [`TailStats`] counts them.
///
/// Whole traces enter the queue of the exporter, or are lost whole and counted where that is full.
/// One with more spans than half the queue (`OTEL_BSP_MAX_QUEUE_SIZE`) is decided early, and the
/// rest of it follows span by span.
///
/// # What is written on the spans
/// | | on every span of a trace that is kept |
/// |---|---|
/// | `tracewire.sampling.policy` | `error`, `slow`, `probability`, `earlier_part`, or the name of the rule |
/// | `tracewire.sampling.adjusted_count` | for how many it stands: 1 where all like it are kept, 20 of one in twenty |
/// | `ot=th:…` in `tracestate` | the same as OpenTelemetry's consistent sampling has it, wherever a share was applied |
///
/// Chance is consistent: it compares the trace id, or `rv` in `tracestate`, with the threshold as
/// all of OpenTelemetry does ("TraceState: Probability Sampling"), so services with the same share
/// keep the same traces, and one with a smaller share keeps some of them. A threshold that came with
/// the trace is raised and never lowered. Where none came, the sampler is taken to keep everything,
/// so put no ratio of another kind before tail sampling.
///
/// # What callers and callees see
/// The sampler still decides when a trace begins, and that decision travels on: what it drops is not
/// seen here. Leave it at `parentbased_always_on` for errors to be kept at all. Every service that
/// is called then records, and decides with its own tail sampling.
///
/// Metrics are measured from all requests, whether their traces are kept or not.
///
/// # What it cannot know
/// It sees this process and nothing else. When a trace is kept here for its error, other services
/// have decided about theirs without knowing: only what is kept by chance is kept by all of them. A
/// caller whose callee failed usually fails too and keeps its own part; a caller that retried with
/// success does not.
///
/// Where whole traces are needed, send everything to a tier of Collectors and decide there: one
/// tier with the `loadbalancing` exporter and `routing_key: traceID`, so that all spans of a trace
/// reach the same Collector, and behind it one with the `tail_sampling` processor. That costs the
/// traffic and the memory that are saved here. Both can be combined: a health check that is dropped
/// here need not travel. A Collector that is to count right has to read `ot=th`.
#[derive(Clone, Debug)]
#[must_use = "settings do nothing by themselves"]
pub struct TailSampling {
    rules: Rules,
    bounds: Bounds,
    time_limit: Duration,
    remember: usize,
    clock: Clock,
}

#[derive(Clone)]
struct Clock(Arc<dyn Fn() -> Instant + Send + Sync>);

impl TailSampling {
    /// Keeps everything, until rules and [`otherwise`](Self::otherwise) say something else.
    pub fn new() -> Self {
        Self {
            rules: Rules::new(),
            bounds: Bounds { traces: 10_000, spans: 100_000, bytes: 64 << 20 },
            time_limit: Duration::from_secs(30),
            remember: 32_768,
            clock: Clock(Arc::new(Instant::now)),
        }
    }

    /// Keeps traces in which the status of any span is an error.
    pub fn keep_errors(mut self) -> Self {
        self.rules.keep_errors();
        self
    }

    /// Keeps traces whose local root takes at least so long.
    pub fn slower_than(mut self, threshold: Duration) -> Self {
        self.rules.slow(threshold);
        self
    }

    /// A threshold for one route instead of that of [`slower_than`](Self::slower_than): the name of
    /// the local root, as `GET /users/{id}` or `shop.Cart/Add`, or, for every method, its
    /// `http.route`.
    pub fn slow_route(mut self, route: impl Into<Cow<'static, str>>, threshold: Duration) -> Self {
        self.rules.slow_route(route.into(), threshold);
        self
    }

    /// Keeps traces for which `predicate` is true.
    ///
    /// It runs on the thread on which the local root ends. One that panics does not match.
    pub fn keep_if(
        self,
        name: impl Into<Arc<str>>,
        predicate: impl Fn(&LocalTrace<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.share_if(name, 1.0, predicate)
    }

    /// Drops traces for which `predicate` is true.
    pub fn drop_if(
        self,
        name: impl Into<Arc<str>>,
        predicate: impl Fn(&LocalTrace<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.share_if(name, 0.0, predicate)
    }

    /// Keeps this share, from 0 to 1, of the traces for which `predicate` is true.
    pub fn share_if(
        mut self,
        name: impl Into<Arc<str>>,
        share: f64,
        predicate: impl Fn(&LocalTrace<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.rules.predicate(name.into(), share, Arc::new(predicate));
        self
    }

    /// Keeps this share, from 0 to 1, of the traces that no rule matches.
    pub fn otherwise(mut self, share: f64) -> Self {
        self.rules.otherwise(share);
        self
    }

    /// How many traces may be undecided; 10 000 by default.
    pub fn max_traces(mut self, traces: usize) -> Self {
        self.bounds.traces = traces;
        self
    }

    /// How many spans may wait for a decision; 100 000 by default.
    pub fn max_spans(mut self, spans: usize) -> Self {
        self.bounds.spans = spans;
        self
    }

    /// How much may be taken up by what waits, by an estimate that errs to the high side; 64 MiB by
    /// default.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.bounds.bytes = bytes;
        self
    }

    /// How long a trace may be undecided; 30 seconds by default. For long streams that means: this
    /// long, and then what ends late follows the decision.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// How many decisions to keep a trace are remembered, and as many to drop one; 32 768 by
    /// default, which take up to 5 MB.
    pub fn remember(mut self, decisions: usize) -> Self {
        self.remember = decisions;
        self
    }

    /// Reads the time elsewhere, for tests and simulations.
    pub fn clock(mut self, now: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        self.clock = Clock(Arc::new(now));
        self
    }

    /// A processor that hands what is kept to `next`, for a provider of your own.
    ///
    /// The queue of a batch processor should be large then, as it does not tell when it is full.
    pub fn in_front_of(self, next: impl SpanProcessor + 'static) -> TailProcessor {
        let Self { rules, bounds, time_limit, remember, clock } = self;
        TailProcessor::new(Core::new(rules, bounds, time_limit, remember, clock), next)
    }
}

impl Default for TailSampling {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock {
    fn now(&self) -> Instant {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
