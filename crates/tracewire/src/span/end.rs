//! How an operation ends: what is written of it, once.

use std::sync::atomic::Ordering;
use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanRef;

use super::exception::Exception;
use super::{Operation, Outcome, attributes};

impl Operation {
    /// Ends the operation.
    pub fn finish(self, outcome: Outcome) {
        self.end(outcome);
    }

    /// Ends the operation, which stays current for whatever still runs below it.
    #[inline(always)]
    pub(crate) fn end(&self, outcome: Outcome) {
        if self.finished.swap(true, Ordering::Relaxed) {
            return;
        }
        let panicked = self.has_panicked();
        if panicked || self.extras.is_some() || outcome.is_error(self.side) {
            self.end_with(outcome, panicked);
        } else if self.is_watched() {
            self.end_well();
        }
    }

    /// The same where there is nothing more to say than that it is over.
    fn end_well(&self) {
        let ended = self.metered.finish(None, &self.context);
        if self.recording {
            end(&self.span(), ended);
        }
    }

    /// The same where there may be more to say.
    #[inline(never)]
    fn end_with(&self, outcome: Outcome, panicked: bool) {
        let is_told = panicked || matches!(outcome, Outcome::Error { .. });
        let line = self.extras.as_deref().and_then(|extras| extras.line.as_ref());
        if !(is_told || self.is_watched() || line.is_some()) {
            return;
        }
        let outcome = if panicked { Outcome::Panicked } else { outcome };
        let verdict = outcome.verdict(self.side);
        let error_type = verdict.error_type.as_deref();
        let error = error_type.map(|error_type| (attributes::ERROR_TYPE, error_type));
        // First of all, so that what is written about the end takes no part in the duration.
        let ended = self.metered.finish(error, &self.context);
        if panicked && self.is_joined() {
            // The owner has seen the panic too.
            return;
        }
        match &outcome {
            Outcome::Panicked => self.record(&Exception::told("panic", "")),
            Outcome::Error { error_type, description } => {
                self.record(&Exception::told(error_type, description));
            }
            _ => {}
        }
        if let Some(line) = line {
            line.write(self.target(), &outcome);
        }
        if !self.recording {
            return;
        }
        let span = self.span();
        if let Some(error_type) = verdict.error_type {
            span.set_attribute(KeyValue::new(attributes::ERROR_TYPE, error_type));
        }
        if let Some(status) = verdict.status {
            span.set_status(status);
        }
        if !self.is_joined() {
            end(&span, ended);
        }
    }
}

/// Ends a span now, or when that is known.
fn end(span: &SpanRef<'_>, at: Option<SystemTime>) {
    match at {
        Some(at) => span.end_with_timestamp(at),
        None => span.end(),
    }
}

impl Drop for Operation {
    #[inline]
    fn drop(&mut self) {
        if self.is_unfinished() {
            self.end_dropped();
        }
    }
}

impl Operation {
    #[inline(never)]
    fn end_dropped(&self) {
        // Whether a joined operation was cancelled is for its owner to say.
        if self.is_joined() {
            self.metered.finish(None, &self.context);
        } else {
            self.end(Outcome::Cancelled);
        }
    }
}
