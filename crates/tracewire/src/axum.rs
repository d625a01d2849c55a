//! Layers for axum: the server layer knows matched routes and `ConnectInfo`.
//!
//! ```
//! use axum::{Router, routing::get};
//! # use tower::ServiceExt;
//! # use tracewire::test::{Capture, expect};
//!
//! # futures_executor::block_on(async {
//! # let capture = Capture::new();
//! let app: Router = Router::new()
//!     .route("/orders/{id}", get(|| async { "an order" }))
//!     .layer(tracewire::axum::ServerLayer::new()
//! # .telemetry(&capture.telemetry())
//!     );
//! # let request = axum::http::Request::get("/orders/7").body(axum::body::Body::empty()).unwrap();
//! # let response = app.oneshot(request).await.unwrap();
//! # axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
//! # capture.assert(expect::span("GET /orders/{id}").server().status(200).attribute("http.route", "/orders/{id}"));
//! # });
//! ```
//!
//! # Where the layer goes
//!
//! `Router::layer` puts it around every route and the fallback, where the route is known from the
//! start: samplers see `http.route`. A request that matches nothing has no route.
//!
//! Around the whole application, as in `ServiceBuilder::new().layer(..).service(app)`, it also sees
//! what other middleware answers by itself, and paths before they are rewritten. The route is then
//! learnt late, through a [`RouteLayer`] on the router, or through a server layer on it. The same
//! goes for a router inside `nest_service`.

use std::any::Any;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use axum::extract::{ConnectInfo, MatchedPath, OriginalUri};
use axum::http::{Extensions, Request, Uri};
use tower_layer::Layer;
use tower_service::Service;

use crate::http::{self, Framework};

pub use crate::http::{Server, ServerLayerFor};

/// What axum knows: `MatchedPath`, `OriginalUri` and `ConnectInfo<SocketAddr>`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Axum;

/// Layer that opens a server span for each request. See [`ServerLayerFor`] for its settings.
pub type ServerLayer = ServerLayerFor<Axum>;

impl http::sealed::Sealed for Axum {}

impl Framework for Axum {
    fn route(extensions: &Extensions) -> Option<&str> {
        extensions.get::<MatchedPath>().map(MatchedPath::as_str)
    }

    fn target(extensions: &Extensions) -> Option<&Uri> {
        extensions.get::<OriginalUri>().map(|target| &target.0)
    }

    fn request_peer(extensions: &Extensions) -> Option<SocketAddr> {
        extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0)
    }

    fn error_type(error: &(dyn Any + 'static)) -> Option<Cow<'static, str>> {
        error.downcast_ref::<axum::Error>().and_then(|error| http::error_type(error))
    }
}

/// Layer that tells the route to a server layer further out; it makes no span.
///
/// ```
/// use axum::{Router, routing::get};
/// use tower::ServiceBuilder;
/// use tracewire::axum::{RouteLayer, ServerLayer};
///
/// let app: Router = Router::new().route("/orders/{id}", get(|| async {})).route_layer(RouteLayer);
/// let service = ServiceBuilder::new().layer(ServerLayer::new()).service(app);
/// # drop(service);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct RouteLayer;

/// Service made by [`RouteLayer`].
#[derive(Clone, Debug)]
pub struct TellRoute<S> {
    inner: S,
}

impl<S> Layer<S> for RouteLayer {
    type Service = TellRoute<S>;

    fn layer(&self, inner: S) -> TellRoute<S> {
        TellRoute { inner }
    }
}

impl<S, B> Service<Request<B>> for TellRoute<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        if let Some(route) = Axum::route(request.extensions()) {
            http::tell_route(route);
        }
        self.inner.call(request)
    }
}
