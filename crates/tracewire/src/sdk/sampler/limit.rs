//! So many spans per second.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use super::ot::Ot;

/// Keeps what another sampler keeps, as long as there are tokens. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Limited {
    inner: Box<dyn ShouldSample>,
    bucket: Arc<Bucket>,
}

/// A bucket of tokens that fills up steadily, in one atomic number.
pub(super) struct Bucket {
    /// Nanoseconds that one token takes to arrive; `None` when none ever does.
    interval: Option<u64>,
    /// By how much the time at which the bucket is full again may be ahead when a token is taken.
    tolerance: u64,
    /// When the bucket is full again, in the clock's nanoseconds.
    full_at: AtomicU64,
    clock: Box<Clock>,
}

/// The time since some moment in the past.
type Clock = dyn Fn() -> Duration + Send + Sync;

const SECOND: f64 = 1e9;

impl Bucket {
    /// Holds the tokens of one second, but at least one.
    pub(super) fn new(per_second: f64) -> Self {
        let start = Instant::now();
        Self::with_clock(per_second, move || start.elapsed())
    }

    fn with_clock(per_second: f64, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        // Neither is true of NaN. Conversions from floats saturate.
        let interval = (per_second > 0.0).then(|| (SECOND / per_second).round() as u64);
        let tolerance = if per_second > 1.0 { (SECOND - SECOND / per_second) as u64 } else { 0 };
        Self { interval, tolerance, full_at: AtomicU64::new(0), clock: Box::new(clock) }
    }

    /// Whether there was a token.
    pub(super) fn take(&self) -> bool {
        let Some(interval) = self.interval else {
            return false;
        };
        let now = u64::try_from((self.clock)().as_nanos()).unwrap_or(u64::MAX);
        let after = |full_at: u64| {
            let ahead = full_at.saturating_sub(now);
            (ahead <= self.tolerance).then(|| full_at.max(now).saturating_add(interval))
        };
        self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, after).is_ok()
    }
}

impl Limited {
    pub(super) fn new(inner: Box<dyn ShouldSample>, per_second: f64) -> Self {
        Self { inner, bucket: Arc::new(Bucket::new(per_second)) }
    }
}

impl ShouldSample for Limited {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        span_kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let mut result =
            self.inner.should_sample(parent_context, trace_id, name, span_kind, attributes, links);
        if result.decision == SamplingDecision::RecordAndSample {
            if !self.bucket.take() {
                result.decision = SamplingDecision::Drop;
                result.attributes = Vec::new();
            }
            result.trace_state = Ot::read(&result.trace_state).with_threshold(None);
        }
        result
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("interval", &self.interval).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many tokens there are at each of these milliseconds, when all are taken each time.
    fn tokens(per_second: f64, at: &[u64]) -> Vec<u32> {
        let now = Arc::new(AtomicU64::new(0));
        let clock = now.clone();
        let bucket = Bucket::with_clock(per_second, move || {
            Duration::from_millis(clock.load(Ordering::Relaxed))
        });
        let at = at.iter().map(|time| {
            now.store(*time, Ordering::Relaxed);
            (0..1000).take_while(|_| bucket.take()).count() as u32
        });
        at.collect()
    }

    #[test]
    fn tokens_arrive_at_their_rate() {
        let cases: [(f64, &[u64], &[u32]); 8] = [
            (10.0, &[0, 50, 100, 200, 1000, 5000], &[10, 0, 1, 1, 8, 10]),
            (1.0, &[0, 999, 1000, 10_000], &[1, 0, 1, 1]),
            (0.5, &[0, 1999, 2000, 60_000], &[1, 0, 1, 1]),
            (2.5, &[0, 400, 800, 60_000], &[2, 1, 1, 2]),
            (0.0, &[0, 1_000_000], &[0, 0]),
            (-1.0, &[0, 1_000_000], &[0, 0]),
            (f64::NAN, &[0, 1_000_000], &[0, 0]),
            (f64::INFINITY, &[0, 0], &[1000, 1000]),
        ];
        for (per_second, at, expected) in cases {
            assert_eq!(tokens(per_second, at), expected, "{per_second} per second");
        }
        assert_eq!(tokens(f64::MIN_POSITIVE, &[0, 1_000_000_000]), [1, 0]);
    }

    #[test]
    fn threads_share_a_bucket() {
        let bucket = Arc::new(Bucket::with_clock(500.0, || Duration::ZERO));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let bucket = bucket.clone();
                std::thread::spawn(move || (0..500).filter(|_| bucket.take()).count())
            })
            .collect();
        let taken: usize = threads.into_iter().map(|thread| thread.join().expect("joined")).sum();
        assert_eq!(taken, 500);
    }
}
