//! How a span becomes a decision: shards, bounds, and what is done once their locks are released.

use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use foldhash::fast::RandomState;
use opentelemetry::trace::{SpanContext, TraceId};
use opentelemetry_sdk::trace::{SpanData, SpanProcessor};

use super::memory::{Kept, Remembered};
use super::part::{Origin, Part};
use super::room::Room;
use super::rules::{Answer, Mark, Rules};
use super::shard::{Added, Bounds, Shard};
use super::stats::{Cause, Counters};
use super::{Clock, TailStats};

/// Everything but the processor that kept spans are handed to.
#[derive(Debug)]
pub(super) struct Core {
    rules: Rules,
    shards: Box<[Mutex<Shard>]>,
    /// Seeded, so that nobody outside can choose a shard.
    hasher: RandomState,
    /// Of each shard.
    bounds: Bounds,
    time_limit: Duration,
    clock: Clock,
    counters: Counters,
    closed: AtomicBool,
}

/// What remains to be done without a lock. Spans are dropped here too.
#[derive(Debug)]
pub(super) enum Work {
    Send(Vec<SpanData>, Mark),
    Discard(Vec<SpanData>),
    Ask(TraceId, Box<Part>),
}

/// More shards make less waiting, fewer make bounds that hold for the oldest of all.
const MOST_SHARDS: usize = 16;
const LEAST_TRACES: usize = 256;
const LEAST_SPANS: usize = 2048;

impl Core {
    pub(super) fn new(
        rules: Rules,
        bounds: Bounds,
        time_limit: Duration,
        remember: usize,
        clock: Clock,
    ) -> Self {
        let shards =
            MOST_SHARDS.min(bounds.traces / LEAST_TRACES).min(bounds.spans / LEAST_SPANS).max(1);
        let each = Bounds {
            traces: bounds.traces / shards,
            spans: bounds.spans / shards,
            bytes: bounds.bytes / shards,
        };
        let remember = remember.div_ceil(shards);
        Self {
            rules,
            shards: (0..shards).map(|_| Mutex::new(Shard::new(remember))).collect(),
            hasher: RandomState::default(),
            bounds: each,
            time_limit,
            clock,
            counters: Counters::default(),
            closed: AtomicBool::new(false),
        }
    }

    fn shard(&self, id: TraceId) -> MutexGuard<'_, Shard> {
        let index = (self.hasher.hash_one(id) >> 32) as usize % self.shards.len();
        lock(&self.shards[index])
    }

    /// A local root starts.
    pub(super) fn begin(&self, root: &SpanContext, start: impl FnOnce() -> SystemTime, out: &Out) {
        if self.is_closed() {
            return;
        }
        let (id, origin, now) = (root.trace_id(), Origin::of(root), self.clock.now());
        let mut work = Vec::new();
        {
            let mut shard = self.shard(id);
            shard.begin((id, root.span_id()), origin, now, start);
            self.make_room(&mut shard, Some(now), out, &mut work);
        }
        self.perform(work, out);
    }

    /// A span has ended.
    pub(super) fn add(&self, span: SpanData, out: &Out) {
        let id = span.span_context.trace_id();
        let mut work = Vec::new();
        {
            let mut shard = self.shard(id);
            // Asked under the lock: what is added before the end is seen by the last flush.
            if self.is_closed() {
                return self.counters.late_lost();
            }
            match shard.add(span, &self.rules) {
                Added::Completes => {
                    work.extend(self.conclude(&mut shard, id, Cause::Complete, None, out));
                }
                Added::Late(span) => work.push(self.late(&shard, span, out)),
                // A trace that fits into no queue is sent in pieces, if at all.
                Added::Waits(spans) if spans >= out.largest => {
                    work.extend(self.conclude(&mut shard, id, Cause::Bounds, None, out));
                }
                Added::Waits(_) => {}
            }
            self.make_room(&mut shard, None, out, &mut work);
        }
        self.perform(work, out);
    }

    /// Decides the oldest until bounds hold and, where the time is known, none is overdue.
    fn make_room(&self, shard: &mut Shard, now: Option<Instant>, out: &Out, work: &mut Vec<Work>) {
        while let Some((id, began)) = shard.oldest() {
            let overdue = |now: Instant| now.duration_since(began) >= self.time_limit;
            let cause = if shard.is_over(self.bounds) {
                Cause::Bounds
            } else if now.is_some_and(overdue) {
                Cause::Time
            } else {
                break;
            };
            work.extend(self.conclude(shard, id, cause, now, out));
        }
    }

    /// Decides, or leaves that to [`perform`](Self::perform) where predicates are to be asked.
    fn conclude(
        &self,
        shard: &mut Shard,
        id: TraceId,
        cause: Cause,
        now: Option<Instant>,
        out: &Out,
    ) -> Option<Work> {
        let mut part = shard.take(id)?;
        self.counters.cut(cause);
        if cause != Cause::Complete {
            part.cut_short(now.unwrap_or_else(|| self.clock.now()), &self.rules);
        }
        Some(match self.rules.answer(&part) {
            Answer::Decided(mark) => self.publish(shard, id, *part, mark, out),
            Answer::Ask => Work::Ask(id, part),
        })
    }

    /// Makes a decision known, with room in the queue for all spans of a trace that is kept.
    fn publish(
        &self,
        shard: &mut Shard,
        id: TraceId,
        part: Part,
        mark: Option<Mark>,
        out: &Out,
    ) -> Work {
        let (mut spans, since) = (part.spans, part.since);
        let late = shard.settle(id);
        self.counters.late(late.len());
        spans.extend(late);
        match mark {
            Some(mark) if out.take_room(spans.len()) => {
                self.counters.kept(&mark.policy, spans.len());
                shard.memory.keep(id, Kept { mark: mark.clone(), since });
                return Work::Send(spans, mark);
            }
            Some(_) => self.counters.lost(spans.len()),
            None => self.counters.dropped(spans.len()),
        }
        shard.memory.drop(id);
        Work::Discard(spans)
    }

    /// A late span goes the way of its trace. What is not remembered is left to chance, which says
    /// the same as it did for the whole trace.
    fn late(&self, shard: &Shard, span: SpanData, out: &Out) -> Work {
        let mark = match shard.memory.of(span.span_context.trace_id()) {
            Some(Remembered::Kept(kept)) => kept.covers(&span).then(|| kept.mark.clone()),
            Some(Remembered::Dropped) => None,
            None => self.rules.by_chance(Origin::of(&span.span_context)),
        };
        match mark {
            Some(mark) if out.take_room(1) => {
                self.counters.late_kept();
                return Work::Send(vec![span], mark);
            }
            Some(_) => self.counters.late_lost(),
            None => self.counters.late_dropped(),
        }
        Work::Discard(vec![span])
    }

    fn perform(&self, work: Vec<Work>, out: &Out) {
        for work in work {
            let decided = match work {
                Work::Ask(id, part) => {
                    let mark = self.rules.ask(&part);
                    self.publish(&mut self.shard(id), id, *part, mark, out)
                }
                decided => decided,
            };
            match decided {
                Work::Send(spans, mark) => {
                    spans.into_iter().for_each(|span| out.next.on_end(mark.write(span)));
                }
                Work::Discard(spans) => drop(spans),
                // What has been asked about is decided.
                Work::Ask(..) => {}
            }
        }
    }

    /// Decides what is overdue.
    pub(super) fn sweep(&self, out: &Out) {
        let now = self.clock.now();
        for shard in &self.shards {
            let mut work = Vec::new();
            self.make_room(&mut lock(shard), Some(now), out, &mut work);
            self.perform(work, out);
        }
    }

    /// Decides everything that waits. Where the queue is full, `make_room` is to empty it first.
    pub(super) fn decide_all(&self, out: &Out, mut make_room: impl FnMut()) {
        for shard in &self.shards {
            // What begins meanwhile is not waited for.
            let mut left = lock(shard).load().traces;
            while left > 0 {
                left -= 1;
                let oldest = {
                    let shard = lock(shard);
                    shard.oldest().map(|(id, _)| (id, shard.waiting(id)))
                };
                let Some((id, spans)) = oldest else { break };
                if !out.has_room(spans) {
                    make_room();
                }
                let work = self.conclude(&mut lock(shard), id, Cause::Flush, None, out);
                self.perform(work.into_iter().collect(), out);
            }
        }
    }

    /// Takes no more spans.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn stats(&self) -> TailStats {
        self.counters.read(self.shards.iter().map(|shard| lock(shard).load()))
    }

    pub(super) fn is_kept(&self, id: TraceId) -> Option<bool> {
        let shard = self.shard(id);
        let remembered = shard.memory.of(id)?;
        Some(matches!(remembered, Remembered::Kept(_)))
    }

    /// How often to look for what is overdue.
    pub(super) fn tick(&self) -> Duration {
        (self.time_limit / 8).clamp(Duration::from_millis(10), Duration::from_secs(1))
    }
}

/// Where kept spans go.
#[derive(Debug)]
pub(super) struct Out {
    pub(super) next: Box<dyn SpanProcessor>,
    /// Of every queue behind it.
    pub(super) rooms: Vec<Room>,
    /// No more spans of one trace are held back than are sure to fit.
    pub(super) largest: usize,
}

impl Out {
    fn has_room(&self, spans: usize) -> bool {
        self.rooms.iter().all(|room| room.has(spans))
    }

    /// In every queue, or in none.
    fn take_room(&self, spans: usize) -> bool {
        let taken = self.rooms.iter().take_while(|room| room.take(spans)).count();
        if taken < self.rooms.len() {
            self.rooms[..taken].iter().for_each(|room| room.give_back(spans));
        }
        taken == self.rooms.len()
    }
}

/// Nothing that panics runs under the lock.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
