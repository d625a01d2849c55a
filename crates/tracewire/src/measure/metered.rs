//! The measurement of one operation, from its start to its end.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::Context;

use super::registry::{Counted, Registry, Series};
use super::{Attributes, Choice, Family, Moment, Slot};

/// The measurement of one operation, or nothing where nobody measures. Recorded once, by
/// [`finish`](Self::finish).
#[derive(Debug, Default)]
pub(crate) struct Metered(Option<Box<Measurement>>);

#[derive(Debug)]
struct Measurement {
    registry: Arc<Registry>,
    family: Family,
    began: Instant,
    /// The same moment as the span has it.
    dated: Option<SystemTime>,
    attributes: Attributes,
    /// Room for the same with an error.
    failed: Mutex<Attributes>,
    counted: Counted,
    error_type: bool,
    active: Option<Arc<Series>>,
    is_over: AtomicBool,
}

/// What is active counts nothing else.
const NOTHING: Counted = [None; 2];

/// How many buffers each thread keeps for later measurements.
const KEPT: usize = 64;

/// They come and go in their boxes.
type Spare = Vec<Box<Measurement>>;

thread_local! {
    static SPARE: RefCell<Spare> = const { RefCell::new(Vec::new()) };
}

impl Metered {
    #[inline]
    pub(super) fn begin(registry: &Arc<Registry>, family: Family) -> Self {
        let began = Instant::now();
        let spare = SPARE.try_with(|spare| spare.try_borrow_mut().ok()?.pop());
        let mut measurement =
            spare.ok().flatten().unwrap_or_else(|| Measurement::new(registry, began));
        if !Arc::ptr_eq(&measurement.registry, registry) {
            measurement.registry = registry.clone();
        }
        (measurement.family, measurement.began) = (family, began);
        Self(Some(measurement))
    }

    /// Nothing instead, if so.
    #[inline]
    pub(crate) fn unless(self, unwanted: bool) -> Self {
        if unwanted { Self::default() } else { self }
    }

    /// Whether anybody measures.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// What is measured by choice, if anybody measures.
    #[inline]
    pub(crate) fn choice(&mut self) -> Option<&Choice> {
        self.0.as_deref().map(|measurement| &measurement.registry.choice)
    }

    /// Adds attributes.
    #[inline]
    pub(crate) fn label(&mut self, label: impl FnOnce(&mut Attributes)) {
        if let Some(measurement) = &mut self.0 {
            label(&mut measurement.attributes);
        }
    }

    /// Counts so much more of something.
    #[inline]
    pub(crate) fn count(&mut self, slot: Slot, more: u64) {
        if let Some(measurement) = &mut self.0 {
            let counted = measurement.counted[slot as usize].get_or_insert(0);
            *counted = counted.saturating_add(more);
        }
    }

    /// Counts the operation among those under way in `family`, as long as it is, with the attributes
    /// that it has by now.
    pub(crate) fn activate(&mut self, family: Family) {
        if let Some(measurement) = &mut self.0 {
            let series = measurement.registry.with(family, &measurement.attributes, Arc::clone);
            series.record(1.0, &NOTHING, &Moment { context: &Context::current(), time: None });
            measurement.active = Some(series);
        }
    }

    /// Says that the span begins when the measurement did, or at `given`, and when that is.
    #[inline]
    pub(crate) fn date(&mut self, given: Option<SystemTime>) -> Option<SystemTime> {
        let Some(measurement) = &mut self.0 else { return given };
        let now = SystemTime::now();
        if let Some(given) = given {
            measurement.began_before_now(now.duration_since(given).unwrap_or_default());
        }
        measurement.dated = Some(given.unwrap_or(now));
        measurement.dated
    }

    /// Dates the start back, for work that was seen only when it was over.
    pub(crate) fn date_back(&mut self, by: Duration) {
        if let Some(measurement) = &mut self.0 {
            measurement.began_before_now(by);
        }
    }

    /// Says what kind of failure it was where the span's owner says that it was none.
    pub(crate) fn error_type(&mut self, name: &'static str, error_type: &str) {
        if let Some(measurement) = &mut self.0 {
            measurement.attributes.text(name, error_type);
            measurement.error_type = true;
        }
    }

    /// Records the operation, which ends with this error, if any, by attribute name and value.
    /// Returns when the span ends, if it was dated.
    #[inline]
    pub(crate) fn finish(
        &self,
        error: Option<(&'static str, &str)>,
        context: &Context,
    ) -> Option<SystemTime> {
        self.0.as_deref()?.finish(error, context)
    }
}

impl Drop for Metered {
    #[inline]
    fn drop(&mut self) {
        if let Some(measurement) = self.0.take() {
            measurement.reuse();
        }
    }
}

impl Measurement {
    #[cold]
    fn new(registry: &Arc<Registry>, began: Instant) -> Box<Self> {
        Box::new(Self {
            registry: registry.clone(),
            family: Family::HttpServer,
            began,
            dated: None,
            attributes: Attributes::default(),
            failed: Mutex::default(),
            counted: NOTHING,
            error_type: false,
            active: None,
            is_over: AtomicBool::new(false),
        })
    }

    fn began_before_now(&mut self, by: Duration) {
        self.began = Instant::now().checked_sub(by).unwrap_or(self.began);
    }

    fn finish(&self, error: Option<(&'static str, &str)>, context: &Context) -> Option<SystemTime> {
        // Whoever ends an operation from several threads at once has them agree on one before.
        if self.is_over.load(Ordering::Relaxed) {
            return None;
        }
        self.is_over.store(true, Ordering::Relaxed);
        let lasted = self.began.elapsed();
        let value = lasted.as_secs_f64();
        let ended = self.dated.map(|dated| dated + lasted);
        let current = self.registry.reads_current.then(|| context.clone().attach());
        let at = Moment { context, time: ended };
        match error {
            Some(error) if !self.error_type => self.record_failed(error, value, &at),
            _ => self.record(&self.attributes, value, &at),
        }
        drop(current);
        if let Some(active) = &self.active {
            deactivate(active);
        }
        ended
    }

    #[inline]
    fn record(&self, attributes: &Attributes, value: f64, at: &Moment<'_>) {
        self.registry
            .with(self.family, attributes, |series| series.record(value, &self.counted, at));
    }

    #[cold]
    fn record_failed(&self, (name, error_type): (&'static str, &str), value: f64, at: &Moment<'_>) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.copy(&self.attributes);
        failed.text(name, error_type);
        self.record(&failed, value, at);
    }

    /// Keeps the buffers for another measurement of this thread.
    fn reuse(mut self: Box<Self>) {
        if let Some(active) = self.active.take()
            && !*self.is_over.get_mut()
        {
            deactivate(&active);
        }
        *self.is_over.get_mut() = false;
        self.dated = None;
        self.attributes.clear();
        self.counted = NOTHING;
        self.error_type = false;
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.try_borrow_mut().ok()?;
            if spare.len() < KEPT {
                spare.push(self);
            }
            Some(())
        });
    }
}

#[inline(never)]
fn deactivate(active: &Series) {
    active.record(-1.0, &NOTHING, &Moment { context: &Context::current(), time: None });
}
