//! An operation that is current on this thread.

use std::sync::atomic::Ordering;

use opentelemetry::{Context, ContextGuard};

use super::{Operation, current};

/// Keeps an operation current; made by [`Operation::enter`].
#[must_use = "the operation is current only while the guard lives"]
#[derive(Debug)]
pub struct Entered<'a> {
    operation: &'a Operation,
    panicking: bool,
    /// What was entered before, if this was: a span that nobody reads is nobody's to write on.
    outer: Option<Option<Context>>,
    // Dropped in this order: the context was attached after the `tracing` span was entered.
    _context: ContextGuard,
    _front: Option<tracing::span::Entered<'a>>,
}

impl<'a> Entered<'a> {
    pub(super) fn new(operation: &'a Operation) -> Self {
        // The layer behind the `tracing` span makes its own context current; ours goes on top.
        let front = operation.extras.as_deref().and_then(|extras| extras.front.as_ref());
        let front = front.map(tracing::Span::enter);
        let entered = || current::swap(Some(operation.target().clone()));
        Self {
            operation,
            panicking: std::thread::panicking(),
            outer: operation.recording.then(entered),
            _context: operation.context.clone().attach(),
            _front: front,
        }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if !self.panicking && std::thread::panicking() {
            self.operation.panicked.store(true, Ordering::Relaxed);
        }
        if let Some(outer) = self.outer.take() {
            current::swap(outer);
        }
    }
}
