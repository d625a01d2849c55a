//! Nothing is measured in a test.

use crate::Telemetry;

/// Never there.
#[derive(Clone, Debug)]
pub(crate) enum Meters {}

impl Meters {
    pub(crate) fn attach(&self, _: Telemetry) -> Telemetry {
        match *self {}
    }
}
