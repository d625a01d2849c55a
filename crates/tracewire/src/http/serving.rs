//! The request that a server layer is serving on this thread.
//!
//! It is how an inner layer knows that an outer one has opened the span already, and how it hands a
//! route outwards. Both run inside the outer layer's call and polls, so a thread-local needs neither
//! an allocation nor a place among the request's extensions.

use std::cell::RefCell;

use opentelemetry::trace::SpanId;

use super::name::Route;
use crate::context::Incoming;

/// What an outer layer knows about its request, and what inner ones tell it.
#[derive(Debug)]
pub(super) struct Serving {
    /// The caller's span, by which inner layers know the request again.
    caller: Option<SpanId>,
    /// The outer layer does not know the route.
    wants_route: bool,
    /// The route that an inner layer has told.
    pub(super) route: Option<Route>,
    /// A hook has given the span a name, which a route does not change.
    pub(super) named: bool,
}

thread_local! {
    static CURRENT: RefCell<Option<Serving>> = const { RefCell::new(None) };
}

impl Serving {
    pub(super) fn new(incoming: &Incoming, wants_route: bool) -> Self {
        Self { caller: caller(incoming), wants_route, route: None, named: false }
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

fn caller(incoming: &Incoming) -> Option<SpanId> {
    incoming.trace.as_ref().map(|trace| trace.span_context().span_id())
}

/// Whether an outer layer serves this very request: it has the same caller.
pub(super) fn is_served(incoming: &Incoming) -> bool {
    CURRENT.with_borrow(|current| {
        current.as_ref().is_some_and(|serving| serving.caller == caller(incoming))
    })
}

/// Tells the outer layer the route. The first one stays: a router that serves one of its routes with
/// another router has matched already, and what the other one adds is not a template of the path.
pub(crate) fn tell_route(template: &str) {
    CURRENT.with_borrow_mut(|current| {
        if let Some(serving) = current.as_mut().filter(|serving| serving.wants_route) {
            serving.route.get_or_insert_with(|| Route::of(template));
        }
    });
}
