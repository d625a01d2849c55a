//! A layer written by hand with every trick: all that the conventions ask for, a span that lasts as long as the body, and
//! W3C Trace Context in every mode. It is an inner service and a word; axum boxes it as it does any layer.

mod request;

use std::task::{Context as Task, Poll};

use axum::body::Body;
use bench_by_hand::http::{Protocol, ResponseFuture, Traced};
use bench_by_hand::{Fields, Tracing};
use bench_harness::Mode;
use http::{Request, Response};
use tower::{Layer, Service};

/// What a span of the harness's requests has.
pub(crate) const ATTRIBUTES: [&str; 8] = [
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "network.protocol.version",
    "server.address",
    "url.path",
    "url.scheme",
    "user_agent.original",
];

/// Lives as long as the process, so that a copy of the service, of which axum makes one for each request, is a word.
#[derive(Clone, Copy)]
pub(crate) struct TricksLayer(&'static Tracing);

#[derive(Clone, Copy)]
pub(crate) struct Tricks<S> {
    inner: S,
    tracing: &'static Tracing,
}

impl TricksLayer {
    pub(crate) fn new(mode: Mode) -> Self {
        Self(Box::leak(Box::new(Tracing::of(mode))))
    }
}

impl<S> Layer<S> for TricksLayer {
    type Service = Tricks<S>;

    fn layer(&self, inner: S) -> Tricks<S> {
        Tricks { inner, tracing: self.0 }
    }
}

impl<S> Service<Request<Body>> for Tricks<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Traced<Body>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let fields = Fields::of(request.headers());
        let span = self.tracing.serve(fields.parent(), || request::describe(&request, &fields));
        let protocol = Protocol::http(request.method());
        let guard = span.enter();
        let future = ResponseFuture::new(self.inner.call(request), span, protocol);
        drop(guard);
        future
    }
}
