//! [`Propagator`] as OpenTelemetry's own `TextMapPropagator`.

use http::HeaderName;
use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};

use super::Propagator;
use crate::context::{Carrier, CarrierMut, Values};

impl TextMapPropagator for Propagator {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        Propagator::inject(self, cx, &mut Writer(injector));
    }

    /// Keeps what `cx` has where the carrier says nothing, as this interface demands.
    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        self.read(&Reader(extractor)).into_context(cx.clone())
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}

struct Reader<'a>(&'a dyn Extractor);

impl Carrier for Reader<'_> {
    fn get_all<'a>(&'a self, name: &HeaderName) -> Values<'a> {
        let values = self.0.get_all(name.as_str()).unwrap_or_default();
        Values::many(values.into_iter().map(str::as_bytes).collect())
    }
}

struct Writer<'a>(&'a mut dyn Injector);

impl CarrierMut for Writer<'_> {
    fn set(&mut self, name: &HeaderName, value: &str) {
        self.0.set(name.as_str(), value.to_owned());
    }

    /// An `Injector` cannot remove; its users clear [`fields`](TextMapPropagator::fields) first.
    fn remove(&mut self, _: &HeaderName) {}
}
