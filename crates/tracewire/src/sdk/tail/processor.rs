//! The span processor, its handle, and the thread that minds the time limit.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry::trace::{Span as _, TraceContextExt as _, TraceId};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::TailStats;
use super::core::{Core, Out};
use super::room::Room;

/// Holds spans back until their trace is decided, and hands those that are kept to another
/// processor; made by [`TailSampling::in_front_of`](super::TailSampling::in_front_of).
///
/// Spans that are recorded but not sampled go nowhere.
#[derive(Debug)]
pub struct TailProcessor {
    core: Arc<Core>,
    /// Shared with the thread, which starts with the first local root, when the resource is set.
    out: Arc<Out>,
    timer: OnceLock<Option<Timer>>,
}

/// Asks tail sampling what it did.
#[derive(Clone, Debug)]
pub struct TailHandle(Arc<Core>);

/// Ends the thread when it is dropped.
#[derive(Debug)]
struct Timer(#[expect(dead_code, reason = "its drop is the signal")] mpsc::Sender<()>);

/// The longest that a flush waits for a full queue, as long as the SDK waits for a flush.
const FLUSH: Duration = Duration::from_secs(5);

impl TailProcessor {
    pub(super) fn new(core: Core, next: impl SpanProcessor + 'static) -> Self {
        let out = Out { next: Box::new(next), rooms: Vec::new(), largest: usize::MAX };
        Self { core: Arc::new(core), out: Arc::new(out), timer: OnceLock::new() }
    }

    /// Hands on only what fits into these queues, whole traces at a time.
    pub(in crate::sdk) fn with_rooms(mut self, rooms: Vec<(Room, usize)>) -> Self {
        if let Some(out) = Arc::get_mut(&mut self.out) {
            let smallest = rooms.iter().map(|(_, size)| *size).min().unwrap_or(usize::MAX);
            out.largest = (smallest / 2).max(1);
            out.rooms = rooms.into_iter().map(|(room, _)| room).collect();
        }
        self
    }

    /// Decides everything; whether the queue had to be emptied for it.
    fn decide_all(&self, until: Instant) -> bool {
        let mut waited = false;
        self.core.decide_all(&self.out, || {
            waited = true;
            let _ = flush_until(until, &self.out);
        });
        waited
    }

    /// Lets others ask what it did, after it has been given to a provider.
    pub fn handle(&self) -> TailHandle {
        TailHandle(self.core.clone())
    }
}

impl TailHandle {
    /// What has been kept and dropped so far, and what waits.
    pub fn stats(&self) -> TailStats {
        self.0.stats()
    }

    /// Whether a trace was kept or dropped in this process. `None` while it is undecided, and when
    /// the decision has been forgotten.
    pub fn is_kept(&self, trace: TraceId) -> Option<bool> {
        self.0.is_kept(trace)
    }
}

impl SpanProcessor for TailProcessor {
    fn on_start(&self, span: &mut Span, parent: &Context) {
        let own = span.span_context();
        let parent = parent.span();
        let parent = parent.span_context();
        // A local parent that is not sampled is not sent, so what is sent begins here.
        let is_local_root = !parent.is_valid() || parent.is_remote() || !parent.is_sampled();
        if !own.is_sampled() || !is_local_root {
            return;
        }
        self.timer.get_or_init(|| Timer::start(&self.core, &self.out));
        let start = || match span.exported_data() {
            Some(data) => data.start_time,
            None => opentelemetry::time::now(),
        };
        self.core.begin(own, start, &self.out);
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            self.core.add(span, &self.out);
        }
    }

    /// Decides everything that waits, with what is known of it.
    fn force_flush(&self) -> OTelSdkResult {
        let until = Instant::now() + FLUSH;
        if self.decide_all(until) {
            flush_until(until, &self.out)
        } else {
            self.out.next.force_flush()
        }
    }

    /// Decides everything that waits, with what is known of it.
    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let begin = Instant::now();
        self.core.close();
        self.decide_all(begin + timeout / 2);
        self.out.next.shutdown_with_timeout(timeout.saturating_sub(begin.elapsed()))
    }

    fn set_resource(&mut self, resource: &Resource) {
        if let Some(out) = Arc::get_mut(&mut self.out) {
            out.next.set_resource(resource);
        }
    }
}

/// Flushes what comes next, and waits no longer than this for it.
fn flush_until(until: Instant, out: &Arc<Out>) -> OTelSdkResult {
    let left = until.saturating_duration_since(Instant::now());
    let late = Err(OTelSdkError::Timeout(FLUSH));
    if left.is_zero() {
        return late;
    }
    let (done, result) = mpsc::channel();
    let next = out.clone();
    let flush = move || {
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        let _ = done.send(next.next.force_flush());
    };
    match thread::Builder::new().name("tracewire-flush".to_owned()).spawn(flush) {
        Ok(_) => result.recv_timeout(left).unwrap_or(late),
        Err(error) => Err(OTelSdkError::InternalFailure(error.to_string())),
    }
}

impl Timer {
    /// `None` where there is no thread to be had; then the time limit is minded when spans start.
    fn start(core: &Arc<Core>, out: &Arc<Out>) -> Option<Self> {
        let (stop, stopped) = mpsc::channel();
        let (tick, core, out) = (core.tick(), Arc::downgrade(core), Arc::downgrade(out));
        let run = move || run(tick, &core, &out, &stopped);
        let started = thread::Builder::new().name("tracewire-tail".to_owned()).spawn(run);
        started.is_ok().then_some(Self(stop))
    }
}

fn run(tick: Duration, core: &Weak<Core>, out: &Weak<Out>, stopped: &mpsc::Receiver<()>) {
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    while stopped.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
        let (Some(core), Some(out)) = (core.upgrade(), out.upgrade()) else {
            return;
        };
        if core.is_closed() {
            return;
        }
        core.sweep(&out);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use opentelemetry::trace::{Tracer as _, TracerProvider as _};
    use opentelemetry_sdk::trace::{
        BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanExporter,
    };

    use super::super::TailSampling;
    use super::*;

    const QUEUE: usize = 8;

    #[derive(Clone, Debug, Default)]
    struct Exported(Arc<Mutex<Vec<String>>>);

    impl SpanExporter for Exported {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            let names = batch.into_iter().map(|span| span.name.into_owned());
            self.0.lock().expect("no panic").extend(names);
            Ok(())
        }
    }

    impl Exported {
        fn sorted(&self) -> Vec<String> {
            let mut names = self.0.lock().expect("no panic").clone();
            names.sort();
            names
        }
    }

    /// Batches leave when they are flushed and when the queue is full.
    fn set_up(settings: TailSampling) -> (SdkTracerProvider, TailHandle, Exported) {
        let exported = Exported::default();
        let (room, exporter) = Room::of_queue(QUEUE, exported.clone());
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_scheduled_delay(Duration::from_secs(3600))
            .build();
        let batches = BatchSpanProcessor::new(exporter, config);
        let tail = settings.in_front_of(batches).with_rooms(vec![(room, QUEUE)]);
        let handle = tail.handle();
        let provider = SdkTracerProvider::builder().with_span_processor(tail).build();
        (provider, handle, exported)
    }

    /// A root that is open, with this many children that are not.
    fn start(provider: &SdkTracerProvider, name: &'static str, children: usize) -> Context {
        let tracer = provider.tracer("tests");
        let root = tracer.start_with_context(name, &Context::new());
        let context = Context::new().with_span(root);
        for _ in 0..children {
            drop(tracer.start_with_context(name, &context));
        }
        context
    }

    #[test]
    fn a_trace_enters_a_full_queue_whole_or_not_at_all() {
        let (provider, tail, exported) = set_up(TailSampling::new());
        for name in ["a", "b", "lost"] {
            drop(start(&provider, name, 2));
        }
        assert_eq!(exported.sorted().len(), 0);
        let stats = tail.stats();
        assert_eq!((stats.spans_kept, stats.spans_lost, stats.traces_lost), (6, 3, 1));
        provider.force_flush().expect("a flush");
        drop(start(&provider, "c", 2));
        provider.shutdown().expect("a shutdown");
        assert_eq!(exported.sorted(), ["a", "a", "a", "b", "b", "b", "c", "c", "c"]);
    }

    #[test]
    fn a_flush_empties_the_queue_for_what_it_decides() {
        for shut in [false, true] {
            let (provider, tail, exported) = set_up(TailSampling::new());
            let open: Vec<_> =
                ["a", "b", "c", "d", "e", "f"].map(|name| start(&provider, name, 3)).into();
            let ended = if shut { provider.shutdown() } else { provider.force_flush() };
            ended.expect("an end");
            assert_eq!(exported.sorted().len(), 18);
            assert_eq!(tail.stats().spans_lost, 0);
            drop(open);
        }
    }

    #[test]
    fn a_trace_that_fits_into_no_queue_is_sent_in_pieces() {
        let (provider, tail, exported) = set_up(TailSampling::new());
        let context = start(&provider, "large", 4);
        assert_eq!(tail.is_kept(context.span().span_context().trace_id()), Some(true));
        assert_eq!(tail.stats().traces_cut_by_bounds, 1);
        drop(context);
        provider.force_flush().expect("a flush");
        assert_eq!(exported.sorted(), ["large"; 5]);
    }

    #[test]
    fn the_thread_ends_with_telemetry() {
        let settings = TailSampling::new().time_limit(Duration::from_millis(80));
        let (provider, tail, _) = set_up(settings);
        drop(start(&provider, "a", 0));
        let core = Arc::downgrade(&tail.0);
        drop(tail);
        provider.shutdown().expect("a shutdown");
        drop(provider);
        let deadline = Instant::now() + Duration::from_secs(30);
        while core.strong_count() > 0 {
            assert!(Instant::now() < deadline, "the thread holds on to it");
            thread::yield_now();
        }
    }
}
