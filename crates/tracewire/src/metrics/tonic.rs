//! What the layers for gRPC have to set for metrics.

use std::sync::Arc;

use crate::http::RequestHead;
use crate::metrics::Attributes;
use crate::tonic::{ClientLayer, ServerLayer};

impl ServerLayer {
    /// Adds attributes to the metrics of a call, when it begins. Each combination of them is one more
    /// series, so their values must be few.
    #[must_use]
    pub fn on_measurement(
        self,
        hook: impl Fn(&RequestHead<'_>, &mut Attributes) + Send + Sync + 'static,
    ) -> Self {
        self.measurement_hook(Arc::new(hook))
    }
}

impl ClientLayer {
    /// Adds attributes to the metrics of a call, when it begins. Each combination of them is one more
    /// series, so their values must be few.
    #[must_use]
    pub fn on_measurement(
        self,
        hook: impl Fn(&RequestHead<'_>, &mut Attributes) + Send + Sync + 'static,
    ) -> Self {
        self.measurement_hook(Arc::new(hook))
    }
}
