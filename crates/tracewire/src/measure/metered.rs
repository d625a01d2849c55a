//! The measurement of one operation, from its start to its end.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::Context;

use super::registry::{Registry, Series};
use super::{Attributes, Choice, Family, Moment, Slot};

/// The measurement of one operation, or nothing where nobody measures. Recorded once, by
/// [`finish`](Self::finish).
#[derive(Debug, Default)]
pub(crate) struct Metered {
    /// Whether there was a measurement at first.
    is_on: bool,
    measurement: Mutex<Option<Box<Measurement>>>,
}

#[derive(Debug)]
struct Measurement {
    registry: Arc<Registry>,
    family: Family,
    began: Instant,
    /// The same moment as the span has it.
    dated: Option<SystemTime>,
    attributes: Attributes,
    counted: [Option<u64>; 2],
    error_type: bool,
    active: Option<Arc<Series>>,
}

/// Values of what is active.
const ONE_MORE: [Option<f64>; 3] = [Some(1.0), None, None];
const ONE_LESS: [Option<f64>; 3] = [Some(-1.0), None, None];

/// How many buffers each thread keeps for later measurements.
const KEPT: usize = 64;

thread_local! {
    static SPARE: RefCell<Vec<Metered>> = const { RefCell::new(Vec::new()) };
}

impl Metered {
    pub(super) fn begin(registry: Arc<Registry>, family: Family) -> Self {
        let began = Instant::now();
        let spare = SPARE.try_with(|spare| spare.try_borrow_mut().ok()?.pop());
        if let Ok(Some(mut spare)) = spare
            && let Some(measurement) = spare.get_mut()
        {
            (measurement.registry, measurement.family) = (registry, family);
            measurement.began = began;
            return spare;
        }
        Self::of(Box::new(Measurement {
            registry,
            family,
            began,
            dated: None,
            attributes: Attributes::default(),
            counted: [None; 2],
            error_type: false,
            active: None,
        }))
    }

    fn of(measurement: Box<Measurement>) -> Self {
        Self { is_on: true, measurement: Mutex::new(Some(measurement)) }
    }

    fn get_mut(&mut self) -> Option<&mut Measurement> {
        if !self.is_on {
            return None;
        }
        self.measurement.get_mut().unwrap_or_else(PoisonError::into_inner).as_deref_mut()
    }

    /// Whether anybody measures.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on
    }

    /// What is measured by choice, if anybody measures.
    pub(crate) fn choice(&mut self) -> Option<&Choice> {
        self.get_mut().map(|measurement| &measurement.registry.choice)
    }

    /// Adds attributes.
    pub(crate) fn label(&mut self, label: impl FnOnce(&mut Attributes)) {
        if let Some(measurement) = self.get_mut() {
            label(&mut measurement.attributes);
        }
    }

    /// Counts so much more of something.
    pub(crate) fn count(&mut self, slot: Slot, more: u64) {
        if let Some(measurement) = self.get_mut() {
            let counted = measurement.counted[slot as usize].get_or_insert(0);
            *counted = counted.saturating_add(more);
        }
    }

    /// Counts the operation among those under way in `family`, as long as it is, with the attributes
    /// that it has by now.
    pub(crate) fn activate(&mut self, family: Family) {
        if let Some(measurement) = self.get_mut() {
            let series = measurement.registry.with(family, &measurement.attributes, Arc::clone);
            series.record(ONE_MORE, &Moment { context: &Context::current(), time: None });
            measurement.active = Some(series);
        }
    }

    /// Says that the span begins when the measurement did, or at `given`, and when that is.
    pub(crate) fn date(&mut self, given: Option<SystemTime>) -> Option<SystemTime> {
        let Some(measurement) = self.get_mut() else { return given };
        let now = SystemTime::now();
        let dated = given.unwrap_or(now);
        let back = now.duration_since(dated).unwrap_or_default();
        if given.is_some() {
            measurement.began_before_now(back);
        }
        measurement.dated = Some(dated);
        measurement.dated
    }

    /// Dates the start back, for work that was seen only when it was over.
    pub(crate) fn date_back(&mut self, by: Duration) {
        if let Some(measurement) = self.get_mut() {
            measurement.began_before_now(by);
        }
    }

    /// Says what kind of failure it was where the span's owner says that it was none.
    pub(crate) fn error_type(&mut self, name: &'static str, error_type: &str) {
        if let Some(measurement) = self.get_mut() {
            measurement.attributes.text(name, error_type);
            measurement.error_type = true;
        }
    }

    /// Records the operation, which ends with this error, if any, by attribute name and value.
    /// Returns when the span ends, if it was dated.
    pub(crate) fn finish(
        &self,
        error: Option<(&'static str, &str)>,
        context: &Context,
    ) -> Option<SystemTime> {
        if !self.is_on {
            return None;
        }
        let taken = self.measurement.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut measurement = taken?;
        let lasted = measurement.began.elapsed();
        let Measurement { registry, family, dated, attributes, counted, error_type, .. } =
            &mut *measurement;
        if let Some((name, value)) = error.filter(|_| !*error_type) {
            attributes.text(name, value);
        }
        let [first, second] = counted.map(|count| count.map(|count| count as f64));
        let values = [Some(lasted.as_secs_f64()), first, second];
        let ended = dated.map(|dated| dated + lasted);
        {
            let _current = context.clone().attach();
            let at = Moment { context, time: ended };
            registry.with(*family, attributes, |series| series.record(values, &at));
        }
        measurement.reuse();
        ended
    }
}

impl Measurement {
    fn began_before_now(&mut self, by: Duration) {
        self.began = Instant::now().checked_sub(by).unwrap_or(self.began);
    }

    fn deactivate(&mut self) {
        if let Some(series) = self.active.take() {
            series.record(ONE_LESS, &Moment { context: &Context::current(), time: None });
        }
    }

    /// Keeps the buffers for another measurement of this thread.
    fn reuse(mut self: Box<Self>) {
        self.deactivate();
        self.dated = None;
        self.attributes.clear();
        self.counted = [None; 2];
        self.error_type = false;
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.try_borrow_mut().ok()?;
            if spare.len() < KEPT {
                spare.push(Metered::of(self));
            }
            Some(())
        });
    }
}

impl Drop for Measurement {
    fn drop(&mut self) {
        self.deactivate();
    }
}
