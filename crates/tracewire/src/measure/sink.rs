//! The narrow way to whoever counts: OpenTelemetry's meters, or an endpoint of our own.

use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::{Context, KeyValue};

use super::{Instrument, Pools};

/// Counts measurements.
pub(crate) trait Sink: Send + Sync {
    /// The series of an instrument with these attributes, which are in the order of their names.
    /// Asked once for each.
    fn series(&self, instrument: &'static Instrument, attributes: &[KeyValue])
    -> Box<dyn Recorder>;

    /// Whether it may look at OpenTelemetry's current context when it records, so that this has to be
    /// the operation's.
    fn reads_current(&self) -> bool {
        false
    }

    /// Looks at these pools whenever it collects, as long as they are there. Asked once for each;
    /// nothing of them is to be kept.
    fn observe(&self, pools: &Arc<Pools>);
}

/// One series of an instrument.
pub(crate) trait Recorder: Send + Sync {
    /// Records a value in the instrument's unit.
    fn record(&self, value: f64, at: &Moment<'_>);
}

/// Where and when a value was measured.
pub(crate) struct Moment<'a> {
    /// The operation's context, which is current where a sink [reads](Sink::reads_current) that. Its
    /// span has not ended; for an exemplar take the
    /// span from it, if it is sampled.
    pub(crate) context: &'a Context,
    /// Now, if that is known already.
    pub(crate) time: Option<SystemTime>,
}
