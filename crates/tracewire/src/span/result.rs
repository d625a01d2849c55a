//! Errors on spans in one call.

use std::borrow::Cow;
use std::fmt::Display;

use opentelemetry::trace::{Status, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};

use super::{attributes, current, exception};

/// Errors on spans in one call.
pub trait ResultExt {
    /// Records an error on the span that is current, if there is one, and passes it on.
    ///
    /// The span becomes an error: its status has the message, `error.type` the name of the type. The
    /// error itself is a log record `exception` that belongs to the span. Call it where an operation
    /// fails for good, and not where the error may still be handled.
    ///
    /// ```
    /// use tracewire::ResultExt as _;
    ///
    /// #[tracing::instrument]
    /// fn port(text: &str) -> Result<u16, std::num::ParseIntError> {
    ///     text.parse::<u16>().trace_err()
    /// }
    /// # assert!(port("x").is_err() && port("80").is_ok());
    /// ```
    #[must_use]
    fn trace_err(self) -> Self;
}

impl<T, E: Display> ResultExt for Result<T, E> {
    fn trace_err(self) -> Self {
        if let Err(error) = &self {
            fail(&Context::current(), error);
        }
        self
    }
}

fn fail<E: Display>(context: &Context, error: &E) {
    let span = context.span();
    if span.is_recording() {
        let error_type = exception::type_name::<E>().unwrap_or("_OTHER");
        span.set_attribute(KeyValue::new(attributes::ERROR_TYPE, error_type));
        span.set_status(Status::Error { description: Cow::Owned(error.to_string()) });
    }
    current::record(context, error);
}
