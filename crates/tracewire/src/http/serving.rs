//! The request that a server layer is serving on this thread.
//!
//! It is how an inner layer knows that an outer one has opened the span already, and how it hands a
//! route outwards or takes the span over for a protocol on top of HTTP. Both run inside the outer
//! layer's call and polls, so a thread-local needs neither an allocation nor a place among the
//! request's extensions.

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
    /// The outer layer does not know the route.
    wanted: Option<Wanted>,
    /// A hook or a protocol on top of HTTP has given the span a name, which a route does not change.
    named: bool,
    /// A protocol on top of HTTP has the operation.
    is_claimed: bool,
}

/// A route that the outer layer does not know.
#[derive(Debug)]
struct Wanted {
    /// The method to go with it in the name.
    method: Option<&'static str>,
    /// What an inner layer has told.
    route: Option<Box<Route>>,
}

/// The name, unless the span has one that stays, and the template of a route.
type Told = (Option<Cow<'static, str>>, Cow<'static, str>);

thread_local! {
    static CURRENT: RefCell<Option<Serving>> = const { RefCell::new(None) };
}

impl Serving {
    /// A request of a layer that knows its route or `named` it otherwise.
    pub(super) fn new(caller: Option<SpanId>, operation: &Operation, named: bool) -> Self {
        let context = operation.context().clone();
        Self { caller, context, wanted: None, named, is_claimed: false }
    }

    /// Takes the route of an inner layer, which goes with this method in the name.
    pub(super) fn wanting_route(self, method: Option<&'static str>) -> Self {
        Self { wanted: Some(Wanted { method, route: None }), ..self }
    }

    /// A request of a protocol on top of HTTP.
    pub(crate) fn claimed(caller: Option<SpanId>, operation: &Operation) -> Self {
        Self { is_claimed: true, ..Self::new(caller, operation, true) }
    }

    /// What inner layers have told.
    pub(super) fn told(self) -> Option<Told> {
        let Wanted { method, route } = self.wanted?;
        let route = *route?;
        let name = (!self.named).then(|| route.name(method));
        Some((name, route.template))
    }

    /// Makes `serving` the request on this thread until the guard goes.
    pub(super) fn enter(serving: &mut Option<Self>) -> Entered<'_> {
        swap(serving);
        Entered(serving)
    }
}

/// Keeps a request the one on this thread.
pub(super) struct Entered<'a>(&'a mut Option<Serving>);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        swap(self.0);
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
        (serving.is_claimed, serving.named) = (true, true);
        Some(serving.context.clone())
    })
}

/// Tells the outer layer the route. The first one stays: a router that serves one of its routes with
/// another router has matched already, and what the other one adds is not a template of the path.
pub(crate) fn tell_route(template: &str) {
    CURRENT.with_borrow_mut(|current| {
        if let Some(wanted) = current.as_mut().and_then(|serving| serving.wanted.as_mut()) {
            wanted.route.get_or_insert_with(|| Box::new(Route::of(template)));
        }
    });
}
