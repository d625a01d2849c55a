//! A client of HTTP as a tower service.

use std::borrow::Cow;
use std::task::{Context as Task, Poll};

use bench_by_hand::http::{Protocol, ResponseFuture, Traced};
use bench_by_hand::{Described, Tracing, inject, redact, server};
use bench_harness::Mode;
use http::uri::Authority;
use http::{Request, Response, Uri};
use http_body::Body;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, KeyValue};
use tower::Service;

/// What a span of the harness's requests has.
pub(crate) const ATTRIBUTES: [&str; 6] = [
    "http.request.method",
    "http.response.status_code",
    "network.protocol.version",
    "server.address",
    "server.port",
    "url.full",
];
/// Those of a request with everything, its response and its failure.
const MOST: usize = 8;
const METHODS: [&str; 9] =
    ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE"];

#[derive(Clone, Copy)]
pub(crate) struct Tricks<S> {
    inner: S,
    tracing: &'static Tracing,
}

impl<S> Tricks<S> {
    pub(crate) fn new(inner: S, mode: Mode) -> Self {
        Self { inner, tracing: Box::leak(Box::new(Tracing::of(mode))) }
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
        let span = self.tracing.call(|| describe(&request));
        let headers = request.headers_mut();
        match span.context() {
            Some(context) => inject(context.span().span_context(), headers),
            // What is current stays so, and only has to be written.
            None => Context::map_current(|it| inject(it.span().span_context(), headers)),
        }
        let protocol = Protocol::http(request.method());
        let guard = span.enter();
        let future = ResponseFuture::new(self.inner.call(request), span, protocol);
        drop(guard);
        future
    }
}

fn describe<A>(request: &Request<A>) -> Described {
    let uri = request.uri();
    let mut attributes = Vec::with_capacity(MOST);
    let asked = request.method().as_str();
    let known = METHODS.iter().find(|known| **known == asked).copied();
    attributes.push(KeyValue::new("http.request.method", known.unwrap_or("_OTHER")));
    if known.is_none() {
        attributes.push(KeyValue::new("http.request.method_original", asked.to_owned()));
    }
    let authority = uri.authority().map_or("", Authority::as_str);
    let server = server::of(authority.as_bytes());
    let shown = server.map(|it| Cow::Borrowed(it.shown));
    let shown = shown.unwrap_or_else(|| server::shown(authority).into());
    attributes.push(KeyValue::new("url.full", full(uri, &shown)));
    let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    server::name(authority.as_bytes(), server, Some(default_port), &mut attributes);
    (Cow::Borrowed(known.unwrap_or("HTTP")), attributes)
}

/// Exactly as long as it has to be, as a text with room for more is copied.
fn full(uri: &Uri, authority: &str) -> String {
    let (scheme, slashes) = uri.scheme_str().map_or(("", ""), |scheme| (scheme, "://"));
    let query = uri.query().map(redact::query);
    let (mark, query) = query.as_deref().map_or(("", ""), |query| ("?", query));
    [scheme, slashes, authority, uri.path(), mark, query].concat()
}
