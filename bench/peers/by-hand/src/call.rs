//! gRPC with every trick, for a server or a client of tonic.

use std::borrow::Cow;
use std::task::{Context as Task, Poll};

use bench_harness::Mode;
use http::{Request, Response};
use http_body::Body;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, KeyValue};
use tower::Service;

use crate::http::{Protocol, ResponseFuture, Traced};
use crate::{Described, Fields, Kept, Side, Span, Tracing, inject, server};

/// What a span of the harness's calls has.
pub const ATTRIBUTES: [&str; 5] =
    ["rpc.method", "rpc.response.status_code", "rpc.system.name", "server.address", "server.port"];
/// Those and a failure's.
const MOST: usize = 6;

/// Around a server or a client.
#[derive(Clone, Copy, Debug)]
pub struct Tricks<S> {
    inner: S,
    tracing: &'static Tracing,
    side: Side,
}

impl<S> Tricks<S> {
    /// With a tracer for this mode.
    pub fn new(inner: S, side: Side, mode: Mode) -> Self {
        Self { inner, tracing: Box::leak(Box::new(Tracing::of(mode))), side }
    }

    #[inline]
    fn begin<A>(&self, request: &mut Request<A>) -> Span {
        if self.side == Side::Server {
            let fields = Fields::of(request.headers());
            return self.tracing.serve(fields.parent(), || describe(request, fields.host));
        }
        let span = self.tracing.call(|| describe(request, None));
        let headers = request.headers_mut();
        match span.context() {
            Some(context) => inject(context.span().span_context(), headers),
            None => Context::map_current(|it| inject(it.span().span_context(), headers)),
        }
        span
    }
}

impl<S, A, B> Service<Request<A>> for Tricks<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    B: Body,
{
    type Response = Response<Traced<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, mut request: Request<A>) -> Self::Future {
        let span = self.begin(&mut request);
        let guard = span.enter();
        let future = ResponseFuture::new(self.inner.call(request), span, Protocol::Grpc);
        drop(guard);
        future
    }
}

fn describe<A>(request: &Request<A>, host: Option<&[u8]>) -> Described {
    static METHODS: Kept<&str> = Kept::new();
    let uri = request.uri();
    let path = uri.path().trim_start_matches('/');
    let kept = METHODS
        .get(path.as_bytes(), |path| Some(String::from_utf8_lossy(path).into_owned().leak()));
    let method = kept.map_or_else(|| Cow::Owned(path.to_owned()), Cow::Borrowed);
    let mut attributes = Vec::with_capacity(MOST);
    attributes.push(KeyValue::new("rpc.system.name", "grpc"));
    attributes.push(KeyValue::new("rpc.method", method.clone()));
    if let Some(named) = uri.authority().map(|it| it.as_str().as_bytes()).or(host) {
        server::name(named, server::of(named), None, &mut attributes);
    }
    (method, attributes)
}
