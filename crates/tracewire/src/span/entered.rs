//! An operation that is current on this thread.

use std::sync::atomic::Ordering;

use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, ContextGuard};

use super::Operation;
use super::current::{self, Depth};

/// Whose context the one of an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Its own.
    Own,
    /// Its parent's, as it has no span.
    Parents,
    /// Its parent's, which was current when it started and has a span.
    Current,
}

/// Whether this context is current, going by its very span, its baggage and whether telemetry is
/// suppressed; values of the program's own cannot be compared. For a context with a span.
pub(super) fn is_current(context: &Context) -> bool {
    Context::map_current(|current| {
        let (own, others) = (context.span(), current.span());
        std::ptr::eq(own.span_context(), others.span_context())
            && std::ptr::eq(context.baggage(), current.baggage())
            && context.is_telemetry_suppressed() == current.is_telemetry_suppressed()
    })
}

/// Keeps an operation current; made by [`Operation::enter`].
#[must_use = "the operation is current only while the guard lives"]
#[derive(Debug)]
pub struct Entered<'a> {
    operation: &'a Operation,
    panicking: bool,
    /// Where it is to be found, if it is: a span that nobody reads is nobody's to write on.
    depth: Option<Depth>,
    // Dropped in this order: the context was attached after the `tracing` span was entered.
    _context: Option<ContextGuard>,
    _front: Option<tracing::span::Entered<'a>>,
}

impl<'a> Entered<'a> {
    /// Without `attaching` the operation's context is current already.
    #[inline(always)]
    pub(super) fn new(operation: &'a Operation, attaching: bool) -> Self {
        // The layer behind the `tracing` span makes its own context current; ours goes on top.
        let front = operation.extras.as_deref().and_then(|extras| extras.front.as_ref());
        let front = front.map(tracing::Span::enter);
        Self {
            operation,
            panicking: std::thread::panicking(),
            depth: if operation.listed { current::push(operation.target()) } else { None },
            _context: attaching.then(|| operation.context.clone().attach()),
            _front: front,
        }
    }
}

impl Drop for Entered<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.panicking && std::thread::panicking() {
            self.operation.panicked.store(true, Ordering::Relaxed);
        }
        if let Some(depth) = self.depth.take() {
            current::pop(depth);
        }
    }
}
