//! The request that a server layer is serving on this thread.
//!
//! It is how an inner layer knows that an outer one has opened the span already, and how it hands a
//! route outwards or takes the span over for a protocol on top of HTTP. Both run inside the outer layer's call and polls, so a thread-local needs neither
//! an allocation nor a place among the request's extensions.

use std::borrow::Cow;
use std::cell::RefCell;

use opentelemetry::Context;
use opentelemetry::trace::SpanId;

use super::name::Route;
use crate::context::Incoming;
use crate::span::Operation;

/// What an outer layer knows about its request, and what inner ones tell it.
#[derive(Debug)]
pub(crate) struct Serving {
    /// The caller's span, by which inner layers know the request again.
    caller: Option<SpanId>,
    /// The context of the outer layer's operation.
    context: Context,
    /// The method to go with a route in the name.
    method: Option<Cow<'static, str>>,
    /// The route that an inner layer has told.
    route: Option<Route>,
    /// A protocol on top of HTTP names the span, whatever the route.
    is_claimed: bool,
}

thread_local! {
    static CURRENT: RefCell<Option<Serving>> = const { RefCell::new(None) };
}

impl Serving {
    pub(super) fn new(
        caller: Option<SpanId>,
        operation: &Operation,
        method: Option<Cow<'static, str>>,
    ) -> Self {
        let context = operation.context().clone();
        Self { caller, context, method, route: None, is_claimed: false }
    }

    /// A request of a protocol that names its spans itself.
    pub(crate) fn claimed(caller: Option<SpanId>, operation: &Operation) -> Self {
        Self { is_claimed: true, ..Self::new(caller, operation, None) }
    }

    /// The name and the template of the route that inner layers have told.
    pub(super) fn told(self) -> Option<(Cow<'static, str>, Cow<'static, str>)> {
        let route = self.route.filter(|_| !self.is_claimed)?;
        Some((route.name(self.method.as_deref()), route.template))
    }

    /// Runs something during which `serving` is the request on this thread.
    pub(super) fn within<R>(serving: &mut Option<Self>, work: impl FnOnce() -> R) -> R {
        struct Restore<'a>(&'a mut Option<Serving>);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                swap(self.0);
            }
        }
        swap(serving);
        let _restore = Restore(serving);
        work()
    }
}

fn swap(serving: &mut Option<Serving>) {
    CURRENT.with_borrow_mut(|current| std::mem::swap(current, serving));
}

/// The span by which a request is known again: its caller's.
pub(crate) fn caller(incoming: &Incoming) -> Option<SpanId> {
    incoming.trace.as_ref().map(|trace| trace.span_context().span_id())
}

/// Whether an outer layer serves this very request: it has the same caller.
pub(crate) fn is_served(caller: Option<SpanId>) -> bool {
    CURRENT.with_borrow(|current| current.as_ref().is_some_and(|serving| serving.caller == caller))
}

/// Claims the outer layer's operation for a protocol on top of HTTP, and returns its context. `None`
/// when such a protocol has it already.
pub(crate) fn claim() -> Option<Context> {
    CURRENT.with_borrow_mut(|current| {
        let serving = current.as_mut().filter(|serving| !serving.is_claimed)?;
        serving.is_claimed = true;
        Some(serving.context.clone())
    })
}

/// Tells the outer layer the route. The innermost router knows the whole template, and comes last.
pub(crate) fn tell_route(template: &str) {
    CURRENT.with_borrow_mut(|current| {
        if let Some(serving) = current {
            serving.route = Some(Route::of(template));
        }
    });
}
