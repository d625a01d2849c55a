//! What the start of a process has to set for metrics.

use crate::metrics::ExemplarFilter;
use crate::sdk::Builder;

impl Builder {
    /// Which measurements may become exemplars. Variable: `OTEL_METRICS_EXEMPLAR_FILTER`.
    pub fn exemplars(mut self, filter: ExemplarFilter) -> Self {
        self.meters.filter = Some(filter);
        self
    }
}
