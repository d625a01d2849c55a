//! Examples of measurements: which of them are remembered, so that a number leads to a trace.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceId};

use super::Moment;

/// Which measurements may become exemplars, which lead from the bucket of a histogram to a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u8)]
pub enum ExemplarFilter {
    /// Those whose span is sampled. The default.
    #[default]
    TraceBased,
    /// All that have a span, though nobody may have kept it.
    AlwaysOn,
    /// None.
    AlwaysOff,
}

impl ExemplarFilter {
    const ALL: [Self; 3] = [Self::TraceBased, Self::AlwaysOn, Self::AlwaysOff];

    /// What `OTEL_METRICS_EXEMPLAR_FILTER` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::TraceBased => "trace_based",
            Self::AlwaysOn => "always_on",
            Self::AlwaysOff => "always_off",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(name))
    }
}

/// Says of a trace whether it was kept; nothing while that is undecided, or no longer known.
pub(crate) type IsKept = Arc<dyn Fn(TraceId) -> Option<bool> + Send + Sync>;

/// What an exemplar has to be; shared by all series of a sink.
pub(crate) struct Examples {
    /// A filter, or [`UNSAID`].
    filter: AtomicU8,
    /// Whether `is_kept` has to be asked.
    decided_later: AtomicBool,
    is_kept: RwLock<Option<IsKept>>,
}

const UNSAID: u8 = u8::MAX;

/// One measurement, and where in which trace it was taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Exemplar {
    pub(crate) value: f64,
    pub(crate) time: SystemTime,
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
}

/// The exemplars of one series: for each bucket the latest.
pub(crate) struct Reservoir {
    examples: Arc<Examples>,
    buckets: Box<[Mutex<Bucket>]>,
}

#[derive(Clone, Copy, Default)]
struct Bucket {
    shown: Option<Exemplar>,
    /// Who has taken what is shown: a bit for each.
    taken: u64,
    /// Its trace is undecided.
    waiting: Option<Exemplar>,
}

/// Nothing is decided about a trace that has waited longer.
const PATIENCE: Duration = Duration::from_secs(60);

// === impl Examples ===

impl Default for Examples {
    fn default() -> Self {
        Self {
            filter: AtomicU8::new(UNSAID),
            decided_later: AtomicBool::new(false),
            is_kept: RwLock::new(None),
        }
    }
}

impl Examples {
    pub(crate) fn filter(&self, filter: ExemplarFilter) {
        self.filter.store(filter as u8, Ordering::Relaxed);
    }

    /// The filter where none has been said.
    pub(crate) fn filter_by_default(&self, filter: ExemplarFilter) {
        let (unsaid, filter) = (UNSAID, filter as u8);
        let order = Ordering::Relaxed;
        let _ = self.filter.compare_exchange(unsaid, filter, order, order);
    }

    /// Has traces kept or dropped later than they are measured.
    pub(crate) fn decided_by(&self, is_kept: Option<IsKept>) {
        self.decided_later.store(is_kept.is_some(), Ordering::Relaxed);
        *self.is_kept.write().unwrap_or_else(PoisonError::into_inner) = is_kept;
    }

    fn wants(&self, span: &SpanContext) -> bool {
        match self.filter.load(Ordering::Relaxed) {
            filter if filter == ExemplarFilter::AlwaysOff as u8 => false,
            filter if filter == ExemplarFilter::AlwaysOn as u8 => span.is_valid(),
            _ => span.is_sampled() && span.is_valid(),
        }
    }

    /// Whether the trace was kept, where that is decided later.
    fn is_kept(&self, trace: TraceId) -> Option<bool> {
        let is_kept = self.is_kept.read().unwrap_or_else(PoisonError::into_inner);
        is_kept.as_ref()?(trace)
    }
}

impl fmt::Debug for Examples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Examples").field("filter", &self.filter).finish_non_exhaustive()
    }
}

// === impl Reservoir ===

impl Reservoir {
    pub(crate) fn new(examples: Arc<Examples>, buckets: usize) -> Self {
        let buckets = (0..buckets).map(|_| Mutex::default()).collect();
        Self { examples, buckets }
    }

    /// Remembers a measurement, if it is one to remember and nobody is in the way.
    pub(crate) fn offer(&self, bucket: usize, value: f64, at: &Moment<'_>) {
        let span = at.context.span();
        let span = span.span_context();
        if !self.examples.wants(span) {
            return;
        }
        let Some(Ok(mut bucket)) = self.buckets.get(bucket).map(Mutex::try_lock) else {
            return;
        };
        let time = at.time.unwrap_or_else(SystemTime::now);
        let exemplar = Exemplar { value, time, trace: span.trace_id(), span: span.span_id() };
        if !self.examples.decided_later.load(Ordering::Relaxed) {
            bucket.show(exemplar);
        } else if bucket.decide(&self.examples, time) {
            bucket.waiting = Some(exemplar);
        }
    }

    /// The exemplar of each bucket.
    pub(crate) fn all(&self) -> impl Iterator<Item = Option<Exemplar>> {
        self.buckets.iter().map(|bucket| self.look(bucket).shown)
    }

    /// The exemplars since whoever has this bit took them last.
    pub(crate) fn take(&self, bit: u64) -> impl Iterator<Item = Exemplar> {
        self.buckets.iter().filter_map(move |bucket| self.look(bucket).take(bit))
    }

    fn look<'a>(&self, bucket: &'a Mutex<Bucket>) -> std::sync::MutexGuard<'a, Bucket> {
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        if self.examples.decided_later.load(Ordering::Relaxed) {
            bucket.decide(&self.examples, SystemTime::now());
        }
        bucket
    }
}

impl Bucket {
    fn show(&mut self, exemplar: Exemplar) {
        (self.shown, self.taken) = (Some(exemplar), 0);
    }

    fn take(&mut self, bit: u64) -> Option<Exemplar> {
        let is_new = self.taken & bit == 0;
        self.taken |= bit;
        self.shown.filter(|_| is_new)
    }

    /// Shows what was kept by now. Returns whether there is room for another that waits.
    fn decide(&mut self, examples: &Examples, now: SystemTime) -> bool {
        let Some(waiting) = self.waiting else {
            return true;
        };
        match examples.is_kept(waiting.trace) {
            Some(true) => self.show(waiting),
            Some(false) => {}
            None if now.duration_since(waiting.time).unwrap_or_default() < PATIENCE => {
                return false;
            }
            None => {}
        }
        self.waiting = None;
        true
    }
}

impl fmt::Debug for Reservoir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservoir").field("buckets", &self.buckets.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use opentelemetry::Context;
    use opentelemetry::trace::{TraceFlags, TraceState};

    use super::*;

    fn within(trace: u8, flags: TraceFlags) -> Context {
        let (trace, span) = (TraceId::from_bytes([trace; 16]), SpanId::from_bytes([1; 8]));
        let span = SpanContext::new(trace, span, flags, false, TraceState::default());
        Context::new().with_remote_span_context(span)
    }

    fn offer(reservoir: &Reservoir, bucket: usize, value: f64, context: &Context) {
        reservoir.offer(bucket, value, &Moment { context, time: None });
    }

    fn shown(reservoir: &Reservoir) -> Vec<Option<u8>> {
        reservoir.all().map(|it| it.map(|it| it.trace.to_bytes()[0])).collect()
    }

    #[test]
    fn a_filter_lets_through_what_it_says() {
        let cases = [
            (None, [false, true, false]),
            (Some(ExemplarFilter::TraceBased), [false, true, false]),
            (Some(ExemplarFilter::AlwaysOn), [true, true, false]),
            (Some(ExemplarFilter::AlwaysOff), [false, false, false]),
        ];
        for (filter, expected) in cases {
            let examples = Arc::new(Examples::default());
            filter.iter().for_each(|filter| examples.filter(*filter));
            examples.filter_by_default(ExemplarFilter::TraceBased);
            let reservoir = Reservoir::new(examples, 3);
            offer(&reservoir, 0, 0.1, &within(1, TraceFlags::default()));
            offer(&reservoir, 1, 0.1, &within(2, TraceFlags::SAMPLED));
            offer(&reservoir, 2, 0.1, &Context::new());
            offer(&reservoir, 3, 0.1, &within(3, TraceFlags::SAMPLED));
            let found: Vec<bool> = reservoir.all().map(|it| it.is_some()).collect();
            assert_eq!(found, expected, "{filter:?}");
        }
    }

    #[test]
    fn the_latest_of_each_bucket_is_taken_once_by_everybody() {
        let reservoir = Reservoir::new(Arc::default(), 2);
        for trace in [1, 2] {
            offer(&reservoir, 1, f64::from(trace), &within(trace, TraceFlags::SAMPLED));
        }
        assert_eq!(shown(&reservoir), [None, Some(2)]);
        assert_eq!(shown(&reservoir), [None, Some(2)]);
        let take = |bit| reservoir.take(bit).map(|it| it.value).collect::<Vec<_>>();
        assert_eq!([take(1), take(1), take(2)], [vec![2.0], vec![], vec![2.0]]);
        offer(&reservoir, 0, 3.0, &within(3, TraceFlags::SAMPLED));
        offer(&reservoir, 1, 4.0, &within(4, TraceFlags::SAMPLED));
        assert_eq!([take(2), take(1), take(2)], [vec![3.0, 4.0], vec![3.0, 4.0], vec![]]);
    }

    #[test]
    fn only_traces_that_were_kept_are_shown() {
        let decisions = Arc::new(Mutex::new(HashMap::new()));
        let examples = Arc::new(Examples::default());
        let known = decisions.clone();
        examples.decided_by(Some(Arc::new(move |trace: TraceId| {
            known.lock().unwrap().get(&trace.to_bytes()[0]).copied()
        })));
        let reservoir = Reservoir::new(examples, 1);
        let offer = |trace| offer(&reservoir, 0, 1.0, &within(trace, TraceFlags::SAMPLED));
        let decide = |trace, kept| decisions.lock().unwrap().insert(trace, kept);
        // Trace, whether it is kept and when, and what is shown then.
        offer(1);
        assert_eq!(shown(&reservoir), [None], "undecided");
        offer(2);
        decide(1, true);
        decide(2, true);
        assert_eq!(shown(&reservoir), [Some(1)], "the second came while the first waited");
        offer(3);
        decide(3, false);
        offer(4);
        assert_eq!(shown(&reservoir), [Some(1)], "dropped, and undecided");
        decide(4, true);
        offer(5);
        assert_eq!(shown(&reservoir), [Some(4)]);
    }
}
