use super::{Carrier, CarrierMut, TraceContext};
use http::HeaderName;
use opentelemetry::Context;
pub(crate) static SINGLE_FIELDS: &[&HeaderName] = &[];
pub(crate) static MULTI_FIELDS: &[&HeaderName] = &[];
pub(crate) fn extract(_: &dyn Carrier) -> Option<TraceContext> {
    None
}
pub(crate) fn inject_single(_: &Context, _: &mut dyn CarrierMut) {}
pub(crate) fn inject_multi(_: &Context, _: &mut dyn CarrierMut) {}
