//! The operation that is current, for whoever has no handle on it.

use std::cell::RefCell;
use std::fmt::Display;
use std::num::NonZeroUsize;

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _};
use opentelemetry::{Context, Key, KeyValue, Value};

use super::Side;
use super::exception::{Domain, Exception};
use crate::telemetry::Telemetry;

thread_local! {
    /// The contexts of the operations that were entered on this thread and not yet left.
    static ENTERED: RefCell<Vec<Context>> = const { RefCell::new(Vec::new()) };
}

/// How many are entered, this one included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Depth(NonZeroUsize);

/// The context of the operation with this span, if it was entered on this thread.
pub(crate) fn entered_with(span: SpanId) -> Option<Context> {
    let is_it = |context: &&Context| context.span().span_context().span_id() == span;
    let found = |entered: &Vec<Context>| entered.iter().rev().find(is_it).cloned();
    let found = ENTERED.try_with(|entered| found(&entered.borrow())).ok().flatten();
    found.or_else(|| Some(Context::current()).filter(|current| is_it(&current)))
}

/// Puts a context on top of those entered before. At the end of a thread there is no place any more.
#[inline(always)]
pub(super) fn push(context: &Context) -> Option<Depth> {
    let push = |entered: &RefCell<Vec<Context>>| {
        let mut entered = entered.borrow_mut();
        entered.push(context.clone());
        NonZeroUsize::new(entered.len()).map(Depth)
    };
    ENTERED.try_with(push).ok().flatten()
}

/// Takes it away. It is dropped when nothing is borrowed: a span may end with its last context.
#[inline(always)]
pub(super) fn pop(depth: Depth) {
    let pop = |entered: &RefCell<Vec<Context>>| {
        let mut entered = entered.borrow_mut();
        if entered.len() == depth.0.get() { entered.pop() } else { None }
    };
    match ENTERED.try_with(pop) {
        Ok(Some(context)) => drop(context),
        Ok(None) => pop_all_above(depth),
        Err(_) => {}
    }
}

/// The same for one that is not the last, as those after it have been left too late.
#[cold]
fn pop_all_above(Depth(depth): Depth) {
    let split = |entered: &RefCell<Vec<Context>>| {
        let mut entered = entered.borrow_mut();
        let below = entered.len().min(depth.get() - 1);
        entered.split_off(below)
    };
    drop(ENTERED.try_with(split));
}

/// The span of the operation that the current code works for: the request that a handler serves,
/// even from within a span of `#[tracing::instrument]` below it.
///
/// ```
/// use tracewire::test::{Capture, expect};
/// # use opentelemetry::{Context, trace::SpanKind};
///
/// #[tracing::instrument]
/// fn charge(order: u64) {
///     tracewire::current().set("shop.order", order as i64);
/// }
///
/// # let capture = Capture::new();
/// # let request = capture.telemetry().start(SpanKind::Server, &Context::new(), |span| span.name("POST /orders"));
/// # let entered = request.enter();
/// charge(7);
/// # drop(entered);
/// # request.finish(tracewire::span::Outcome::Success);
/// capture.assert(expect::span("POST /orders").server().attribute("shop.order", 7_i64));
/// ```
///
/// The calls that are made meanwhile do not count: within a request of a client, a statement or a
/// command that has a span of tracewire's it is still the request that is served.
///
/// It is known on the thread on which the operation runs. In a task of its own that was spawned with
/// a context it is the span of that context; to be sure, take it before and move it in. Outside of
/// everything it is no span, and what is set on it is gone.
#[must_use]
pub fn current() -> Current {
    let current = Context::current();
    let entered = ENTERED.try_with(|entered| entered.borrow().last().cloned()).ok().flatten();
    let trace = |context: &Context| context.span().span_context().trace_id();
    // Another trace is current: somebody has left ours on purpose.
    let entered = entered.filter(|entered| trace(entered) == trace(&current));
    Current { context: entered.unwrap_or(current) }
}

/// A handle on a span that somebody else has started and will end; see [`current`].
#[derive(Clone, Debug)]
pub struct Current {
    context: Context,
}

impl Current {
    /// The context of the span, to start something below it or to attach elsewhere.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Whether anybody reads what is set.
    pub fn is_recording(&self) -> bool {
        self.context.span().is_recording()
    }

    /// Sets an attribute.
    pub fn set(&self, key: impl Into<Key>, value: impl Into<Value>) {
        self.context.span().set_attribute(KeyValue::new(key, value));
    }

    /// Adds a link to another span; an invalid context is ignored.
    pub fn link(&self, to: SpanContext, attributes: Vec<KeyValue>) {
        if to.is_valid() {
            self.context.span().add_link(to, attributes);
        }
    }

    /// Records an error that the operation ran into, as
    /// [`Operation::record_error`](super::Operation::record_error) does.
    pub fn record_error<E: Display + ?Sized>(&self, error: &E) {
        record(&self.context, error);
    }
}

/// Records an error on a span of which nothing else is known.
pub(super) fn record<E: Display + ?Sized>(context: &Context, error: &E) {
    let as_event = Telemetry::default().wants_exception_events();
    Exception::of(error).record(context, Domain::General, Side::Called, as_event);
}
