//! What the layers over HTTP have to set for metrics.

use std::sync::Arc;

use crate::http::{ClientLayerFor, Framework, RequestHead, ServerLayerFor};
use crate::metrics::Attributes;

impl<F: Framework> ServerLayerFor<F> {
    /// Adds attributes to the metrics of a request, when it begins. Each combination of them is one
    /// more series, so their values must be few.
    #[must_use]
    pub fn on_measurement(
        self,
        hook: impl Fn(&RequestHead<'_>, &mut Attributes) + Send + Sync + 'static,
    ) -> Self {
        self.measurement_hook(Arc::new(hook))
    }
}

impl<F: Framework> ClientLayerFor<F> {
    /// Adds attributes to the metrics of a request, when it begins. Each combination of them is one
    /// more series, so their values must be few.
    #[must_use]
    pub fn on_measurement(
        self,
        hook: impl Fn(&RequestHead<'_>, &mut Attributes) + Send + Sync + 'static,
    ) -> Self {
        self.measurement_hook(Arc::new(hook))
    }
}
