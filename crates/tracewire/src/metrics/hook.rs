//! The setter that the layers over HTTP and gRPC have for metrics.

/// Has layers say what else is on the metrics of a request or of a call.
#[allow(unused_macros, reason = "layers are features of their own")]
macro_rules! on_measurement {
    ($what:literal: $([$($bounds:tt)*] $layer:ty),+ $(,)?) => {$(
        impl<$($bounds)*> $layer {
            #[doc = concat!("Adds attributes to the metrics of a ", $what, ", when it begins. Each")]
            /// combination of them is one more series, so their values must be few.
            #[must_use]
            pub fn on_measurement(
                self,
                hook: impl Fn(&crate::http::RequestHead<'_>, &mut crate::metrics::Attributes)
                + Send
                + Sync
                + 'static,
            ) -> Self {
                self.measurement_hook(std::sync::Arc::new(hook))
            }
        }
    )+};
}

pub(crate) use on_measurement;
