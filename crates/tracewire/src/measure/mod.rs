//! What is measured of operations, and the way from there to whoever counts it.
//!
//! An adapter asks [`Measuring`] for a [`Metered`] when an operation begins and labels it as facts
//! become known. The operation's end records it, once. Most attributes are texts of the program, known
//! by where they lie, so the [`Registry`] knows a series again after a few comparisons, without a
//! lock and without an allocation; series are made by [`Sink`]s.

mod attributes;
mod choice;
mod exemplar;
mod familiar;
mod family;
mod gallery;
mod instrument;
mod measuring;
mod metered;
mod otel;
mod pool;
mod pools;
mod registry;
mod sink;

pub use attributes::Attributes;
pub use choice::Choice;
pub use exemplar::ExemplarFilter;
pub use pool::{InUse, PoolNumbers, Waiting};

pub(crate) use exemplar::{Examples, Exemplar, IsKept, Reservoir};
pub(crate) use family::{Family, Slot};
pub(crate) use gallery::Gallery;
pub(crate) use instrument::{Instrument, Kind};
pub(crate) use measuring::Measuring;
pub(crate) use metered::Metered;
pub(crate) use pool::{Pool, PoolMeter};
pub(crate) use pools::Pools;
pub(crate) use sink::{Moment, Recorder, Sink};
