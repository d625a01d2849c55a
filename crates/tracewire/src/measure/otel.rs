//! A sink of OpenTelemetry's meters.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{
    BoundCounter, BoundHistogram, BoundUpDownCounter, Counter, Histogram, Meter, UpDownCounter,
};

use super::pools::OBSERVED;
use super::{Gallery, Instrument, Kind, Moment, Pools, Recorder, Reservoir, Sink};

/// The instruments of one meter.
pub(super) struct Meters {
    meter: Meter,
    gallery: Option<Gallery>,
    reads_current: bool,
    made: Mutex<HashMap<&'static str, Made>>,
}

enum Made {
    Seconds(Histogram<f64>),
    Amounts(Histogram<u64>),
    Counter(Counter<u64>),
    UpDown(UpDownCounter<i64>),
}

impl Meters {
    pub(super) fn new(meter: Meter) -> Self {
        Self { meter, gallery: None, reads_current: true, made: Mutex::default() }
    }

    /// Has the exemplars of histograms put there, too.
    pub(super) fn with_gallery(self, gallery: Option<Gallery>) -> Self {
        Self { gallery, ..self }
    }

    /// Takes it that the meter never looks at the current context.
    pub(super) fn without_current(self) -> Self {
        Self { reads_current: false, ..self }
    }

    fn make(&self, instrument: &'static Instrument) -> Made {
        let Instrument { name, unit, description, kind } = *instrument;
        let meter = &self.meter;
        match kind {
            Kind::Seconds(bounds) => {
                let builder = meter.f64_histogram(name).with_unit(unit);
                let builder = builder.with_description(description);
                Made::Seconds(builder.with_boundaries(bounds.to_vec()).build())
            }
            Kind::Amounts(bounds) => {
                let mut builder = meter.u64_histogram(name).with_unit(unit);
                if !bounds.is_empty() {
                    builder = builder.with_boundaries(bounds.to_vec());
                }
                Made::Amounts(builder.with_description(description).build())
            }
            Kind::Counter => {
                let builder = meter.u64_counter(name).with_unit(unit);
                Made::Counter(builder.with_description(description).build())
            }
            Kind::UpDown => {
                let builder = meter.i64_up_down_counter(name).with_unit(unit);
                Made::UpDown(builder.with_description(description).build())
            }
        }
    }
}

impl Sink for Meters {
    fn series(
        &self,
        instrument: &'static Instrument,
        attributes: &[KeyValue],
    ) -> Box<dyn Recorder> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let bound: Box<dyn Recorder> =
            match made.entry(instrument.name).or_insert_with(|| self.make(instrument)) {
                Made::Seconds(histogram) => Box::new(Seconds(histogram.bind(attributes))),
                Made::Amounts(histogram) => Box::new(Amounts(histogram.bind(attributes))),
                Made::Counter(counter) => Box::new(Count(counter.bind(attributes))),
                Made::UpDown(counter) => Box::new(UpDown(counter.bind(attributes))),
            };
        let place = self.gallery.as_ref().and_then(|it| it.place(instrument, attributes));
        match (place, instrument.kind.bounds()) {
            (Some(exemplars), Some(bounds)) => Box::new(Shown { bound, bounds, exemplars }),
            _ => bound,
        }
    }

    fn reads_current(&self) -> bool {
        self.reads_current
    }

    /// The meter keeps callbacks for ever, so there are as many of them as there are instruments.
    fn observe(&self, pools: &Arc<Pools>) {
        for instrument in OBSERVED {
            let pools = Arc::downgrade(pools);
            let builder = self.meter.i64_observable_up_down_counter(instrument.name);
            let builder = builder.with_unit(instrument.unit);
            let _ = builder
                .with_description(instrument.description)
                .with_callback(move |observer| {
                    let Some(pools) = pools.upgrade() else { return };
                    pools.look(|of, attributes, value| {
                        if std::ptr::eq(of, instrument) {
                            observer.observe(value, attributes);
                        }
                    });
                })
                .build();
        }
    }
}

struct Seconds(BoundHistogram<f64>);
struct Amounts(BoundHistogram<u64>);
struct Count(BoundCounter<u64>);
struct UpDown(BoundUpDownCounter<i64>);

/// A histogram whose exemplars are kept beside it.
struct Shown {
    bound: Box<dyn Recorder>,
    bounds: &'static [f64],
    exemplars: Arc<Reservoir>,
}

impl Recorder for Shown {
    fn record(&self, value: f64, at: &Moment<'_>) {
        self.bound.record(value, at);
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.exemplars.offer(bucket, value, at);
    }
}

impl Recorder for Seconds {
    fn record(&self, value: f64, _: &Moment<'_>) {
        self.0.record(value);
    }
}

// Amounts are whole numbers, so nothing is lost below.

impl Recorder for Amounts {
    fn record(&self, value: f64, _: &Moment<'_>) {
        self.0.record(value as u64);
    }
}

impl Recorder for Count {
    fn record(&self, value: f64, _: &Moment<'_>) {
        self.0.add(value as u64);
    }
}

impl Recorder for UpDown {
    fn record(&self, value: f64, _: &Moment<'_>) {
        self.0.add(value as i64);
    }
}
