//! The request that a server layer is serving on this thread.
//!
//! It is how an inner layer knows that an outer one has opened the span already, and how it hands a
//! route outwards or takes the span over for a protocol on top of HTTP. Both run inside the outer
//! layer's call and polls, so a thread-local needs neither an allocation nor a place among the
//! request's extensions.

use std::borrow::Cow;
use std::cell::RefCell;

use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt as _};

use super::name::Route;
use crate::context::Incoming;
use crate::span::{self, Operation};

/// What an outer layer knows about its request, and what inner ones tell it.
#[derive(Debug)]
pub(crate) struct Serving {
    /// The caller's span, by which inner layers know the request again.
    caller: SpanId,
    /// The span of the outer layer's operation, if that is recorded.
    own: SpanId,
    /// What an inner layer has told, if the outer layer does not know the route.
    route: Wanted,
    /// A hook or a protocol on top of HTTP has given the span a name, which a route does not change.
    named: bool,
    /// A protocol on top of HTTP has the operation.
    is_claimed: bool,
}

/// A route that the outer layer may not know.
#[derive(Debug)]
enum Wanted {
    No,
    /// With the method to go with it in the name.
    Yes(Option<&'static str>),
    Told(Box<(Option<&'static str>, Route)>),
}

/// The name, unless the span has one that stays, and the template of a route.
type Told = (Option<Cow<'static, str>>, Cow<'static, str>);

thread_local! {
    static CURRENT: RefCell<Option<Serving>> = const { RefCell::new(None) };
}

impl Serving {
    /// A request of a layer that knows its route or `named` it otherwise.
    #[inline]
    pub(super) fn new(caller: SpanId, operation: &Operation, named: bool) -> Self {
        let recorded = operation.is_recording();
        let own = || operation.context().span().span_context().span_id();
        let own = if recorded { own() } else { SpanId::INVALID };
        Self { caller, own, route: Wanted::No, named, is_claimed: false }
    }

    /// Takes the route of an inner layer, which goes with this method in the name.
    #[inline]
    pub(super) fn wanting_route(self, method: Option<&'static str>) -> Self {
        Self { route: Wanted::Yes(method), ..self }
    }

    /// A request of a protocol on top of HTTP.
    pub(crate) fn claimed(caller: SpanId, operation: &Operation) -> Self {
        Self { is_claimed: true, ..Self::new(caller, operation, true) }
    }

    /// What inner layers have told.
    #[inline]
    pub(super) fn told(self) -> Option<Told> {
        let Wanted::Told(told) = self.route else { return None };
        let (method, route) = *told;
        let name = (!self.named).then(|| route.name(method));
        Some((name, route.template))
    }

    /// Makes `serving` the request on this thread until the guard goes.
    #[inline]
    pub(super) fn enter(serving: &mut Option<Self>) -> Entered<'_> {
        swap(serving);
        Entered(serving)
    }
}

/// Keeps a request the one on this thread.
pub(super) struct Entered<'a>(&'a mut Option<Serving>);

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        swap(self.0);
    }
}

#[inline]
fn swap(serving: &mut Option<Serving>) {
    CURRENT.with_borrow_mut(|current| std::mem::swap(current, serving));
}

/// The span by which a request is known again: its caller's, or none.
#[inline]
pub(crate) fn caller(incoming: &Incoming) -> SpanId {
    incoming.trace.as_ref().map_or(SpanId::INVALID, |trace| trace.span_context().span_id())
}

/// Whether an outer layer serves this very request: it has the same caller.
#[inline]
pub(crate) fn is_served(caller: SpanId) -> bool {
    CURRENT.with_borrow(|current| current.as_ref().is_some_and(|serving| serving.caller == caller))
}

/// Claims the outer layer's operation for a protocol on top of HTTP, and returns its context. `None`
/// when such a protocol has it already.
pub(crate) fn claim() -> Option<Context> {
    let own = CURRENT.with_borrow_mut(|current| {
        let serving = current.as_mut().filter(|serving| !serving.is_claimed)?;
        (serving.is_claimed, serving.named) = (true, true);
        Some(serving.own)
    })?;
    let recorded = (own != SpanId::INVALID).then(|| span::entered_with(own)).flatten();
    Some(recorded.unwrap_or_else(unrecorded))
}

/// What is current, with nothing to write on.
fn unrecorded() -> Context {
    Context::map_current(|current| {
        current.with_remote_span_context(current.span().span_context().clone())
    })
}

/// Tells the outer layer the route. The first one stays: a router that serves one of its routes with
/// another router has matched already, and what the other one adds is not a template of the path.
pub(crate) fn tell_route(template: &str) {
    CURRENT.with_borrow_mut(|current| {
        if let Some(serving) = current
            && let Wanted::Yes(method) = serving.route
        {
            serving.route = Wanted::Told(Box::new((method, Route::of(template))));
        }
    });
}
