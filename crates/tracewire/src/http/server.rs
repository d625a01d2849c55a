//! The server layer: reads the caller's context and opens a server span.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use http::{Request, Response};
use http_body::Body as HttpBody;
use opentelemetry::Context;
use opentelemetry::trace::SpanKind;
use tower_layer::Layer;
use tower_service::Service;

use super::attributes::{amend, describe_server_request};
use super::future::{Answer, Asked, Exchange};
use super::headers::Captured;
use super::name::Route;
use super::origin::Origin;
use super::serving::{self, Serving};
use super::{
    Body, Framework, Methods, Peer, Plain, Redaction, RequestHead, ResponseFuture, ResponseHead,
};
use super::{Trust, TrustedProxies};
use crate::Telemetry;
use crate::context::Incoming;
use crate::span::{Operation, Side, Start, attributes as names};

/// Layer that opens a server span for each request. See [`ServerLayerFor`] for its settings.
pub type ServerLayer = ServerLayerFor<Plain>;

/// A [`ServerLayer`] that knows a library.
///
/// Without settings it believes every caller and no proxy, records everything that the semantic
/// conventions require or recommend, and ends the span with the response body.
///
/// A request that passes a second server layer, on a nested router say, has one span all the same.
///
/// | attribute | from |
/// |---|---|
/// | `http.request.method` | the method, `_OTHER` unless known; then `http.request.method_original` too |
/// | `url.path`, `url.query` | the target; secrets in the query are redacted |
/// | `url.scheme` | a trusted proxy, the target, [`Scheme`](super::Scheme), [`default_scheme`](Self::default_scheme) |
/// | `http.route` | the matched route |
/// | `server.address`, `server.port` | a trusted proxy, `:authority`, `Host` |
/// | `client.address` | a trusted proxy, the socket's peer |
/// | `network.peer.address`, `network.peer.port` | the socket's peer |
/// | `network.protocol.version` | the request |
/// | `user_agent.original` | `User-Agent` |
/// | `http.response.status_code` | the response |
/// | `error.type` | the status code from 500 on, `cancelled`, `panic`, or the kind of error |
pub struct ServerLayerFor<F> {
    config: Arc<Config>,
    framework: PhantomData<fn() -> F>,
}

/// Service made by a [`ServerLayer`].
#[derive(Clone)]
pub struct Server<S> {
    pub(crate) inner: S,
    pub(crate) config: Arc<Config>,
}

#[derive(Clone)]
pub(crate) struct Config {
    telemetry: Telemetry,
    methods: Methods,
    trust: Trust,
    proxies: TrustedProxies,
    default_scheme: &'static str,
    redaction: Redaction,
    request_headers: Captured,
    filters: Vec<Filter>,
    on_request: Option<OnRequest>,
    answer: Arc<Answer>,
    route: fn(&http::Extensions) -> Option<&str>,
    target: fn(&http::Extensions) -> Option<&http::Uri>,
    peer: fn(&http::Extensions) -> Option<std::net::SocketAddr>,
}

type Filter = Arc<dyn Fn(&RequestHead<'_>) -> bool + Send + Sync>;
type OnRequest = Arc<dyn Fn(&RequestHead<'_>, &mut Start) + Send + Sync>;

impl<F: Framework> ServerLayerFor<F> {
    /// The layer without settings.
    pub fn new() -> Self {
        let config = Config {
            telemetry: Telemetry::default(),
            methods: Methods::default(),
            trust: Trust::default(),
            proxies: TrustedProxies::default(),
            default_scheme: "http",
            redaction: Redaction::default(),
            request_headers: Captured::default(),
            filters: Vec::new(),
            on_request: None,
            answer: Arc::new(Answer::new::<F>()),
            route: F::route,
            target: F::target,
            peer: F::request_peer,
        };
        Self { config: Arc::new(config), framework: PhantomData }
    }

    fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }

    fn with_answer(self, change: impl FnOnce(&mut Answer)) -> Self {
        self.with(|config| change(Arc::make_mut(&mut config.answer)))
    }

    /// Uses this telemetry instead of the process-wide one.
    #[must_use]
    pub fn telemetry(self, telemetry: &Telemetry) -> Self {
        self.with(|config| config.telemetry = telemetry.clone())
    }

    /// Whose trace context becomes the parent; everybody's by default.
    #[must_use]
    pub fn trust(self, trust: Trust) -> Self {
        self.with(|config| config.trust = trust)
    }

    /// Which proxies may say who called; none by default.
    #[must_use]
    pub fn trusted_proxies(self, proxies: TrustedProxies) -> Self {
        self.with(|config| config.proxies = proxies)
    }

    /// The scheme where nothing tells it; `http` by default, and in place of what is no scheme.
    #[must_use]
    pub fn default_scheme(self, scheme: &'static str) -> Self {
        self.with(|config| config.default_scheme = scheme)
    }

    /// Records these methods by name and no others, in place of the default list. The variable
    /// `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS` says the same.
    #[must_use]
    pub fn known_methods<T: AsRef<str>>(self, methods: impl IntoIterator<Item = T>) -> Self {
        self.with(|config| config.methods = Methods::only(methods))
    }

    /// Redacts the values of these query keys, in place of the default list.
    #[must_use]
    pub fn redacted_query_keys<T: AsRef<str>>(self, keys: impl IntoIterator<Item = T>) -> Self {
        self.with(|config| config.redaction = Redaction::only(keys))
    }

    /// Records these request headers. Values of credentials are recorded as `REDACTED`.
    #[must_use]
    pub fn request_headers<T: AsRef<str>>(self, headers: impl IntoIterator<Item = T>) -> Self {
        let captured = Captured::new(names::HTTP_REQUEST_HEADER, headers);
        self.with(|config| config.request_headers = captured)
    }

    /// Records these response headers. Values of credentials are recorded as `REDACTED`.
    #[must_use]
    pub fn response_headers<T: AsRef<str>>(self, headers: impl IntoIterator<Item = T>) -> Self {
        let captured = Captured::new(names::HTTP_RESPONSE_HEADER, headers);
        self.with_answer(|answer| answer.response_headers = captured)
    }

    /// Makes no span for requests to this path. Their context travels on.
    #[must_use]
    pub fn skip_path(self, path: impl Into<Cow<'static, str>>) -> Self {
        let path = path.into();
        self.skip(move |request| request.uri.path() == path)
    }

    /// Makes no span for requests of which this function says so. Their context travels on.
    #[must_use]
    pub fn skip(self, skips: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.with(|config| config.filters.push(Arc::new(skips)))
    }

    /// Adds attributes or changes the name when a span starts; samplers see them. Not called for
    /// requests that nobody records.
    #[must_use]
    pub fn on_request(
        self,
        hook: impl Fn(&RequestHead<'_>, &mut Start) + Send + Sync + 'static,
    ) -> Self {
        self.with(|config| config.on_request = Some(Arc::new(hook)))
    }

    /// Adds attributes or changes the name when the head of the response is there.
    #[must_use]
    pub fn on_response(
        self,
        hook: impl Fn(&ResponseHead<'_>, &Operation) + Send + Sync + 'static,
    ) -> Self {
        self.with_answer(|answer| answer.on_response = Some(Arc::new(hook)))
    }

    /// Ends the span with the head of the response, not with its body. What the body does is still
    /// below it.
    #[must_use]
    pub fn end_at_head(self) -> Self {
        self.with_answer(|answer| answer.ends_at_head = true)
    }

    /// Answers with a `traceresponse` header that names the trace, if the request has a span.
    #[must_use]
    pub fn trace_response(self) -> Self {
        self.with_answer(|answer| answer.trace_response = true)
    }

    /// Answers with a `Server-Timing` header that names the trace, for browsers, if the request has
    /// a span.
    #[must_use]
    pub fn server_timing(self) -> Self {
        self.with_answer(|answer| answer.server_timing = true)
    }
}

impl<F: Framework> Default for ServerLayerFor<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F> Clone for ServerLayerFor<F> {
    fn clone(&self) -> Self {
        Self { config: self.config.clone(), framework: PhantomData }
    }
}

impl<F> fmt::Debug for ServerLayerFor<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerLayer").field("config", &self.config).finish()
    }
}

impl<S, F> Layer<S> for ServerLayerFor<F> {
    type Service = Server<S>;

    fn layer(&self, inner: S) -> Server<S> {
        Server { inner, config: self.config.clone() }
    }
}

// === impl Server ===

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for Server<S>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
    S::Error: 'static,
    ResponseBody: HttpBody,
{
    type Response = Response<Body<ResponseBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let Self { inner, config } = self;
        config.serve(request, |request| inner.call(request))
    }
}

impl Config {
    /// Serves a request with whatever `call` calls.
    pub(crate) fn serve<B, F>(
        &self,
        request: Request<B>,
        call: impl FnOnce(Request<B>) -> F,
    ) -> ResponseFuture<F> {
        let mut head = RequestHead::of(&request);
        head.uri = (self.target)(head.extensions).unwrap_or(head.uri);
        ResponseFuture::calling(self.begin(&head), || call(request))
    }

    /// Opens the operation of a request, or `None` when an outer layer has done so.
    fn begin(&self, request: &RequestHead<'_>) -> Option<Exchange> {
        let telemetry = self.telemetry.now();
        let incoming = telemetry.read(request.headers);
        let template = (self.route)(request.extensions);
        if serving::is_served(&incoming) {
            template.into_iter().for_each(serving::tell_route);
            return None;
        }
        let mut serving = Serving::new(&incoming, template.is_none());
        let known_method =
            if template.is_none() { self.methods.name(request.method) } else { None };
        let operation = self.open(&telemetry, request, incoming, template, &mut serving.named);
        let method = Asked::of(request.method);
        let answer = self.answer.clone();
        Some(Exchange {
            operation,
            side: Side::Called,
            method,
            serving: Some(serving),
            known_method,
            answer,
        })
    }

    fn open(
        &self,
        telemetry: &Telemetry,
        request: &RequestHead<'_>,
        mut incoming: Incoming,
        template: Option<&str>,
        named: &mut bool,
    ) -> Operation {
        let peer = request.extensions.get::<Peer>().map(|peer| peer.0);
        let peer = peer.or_else(|| (self.peer)(request.extensions));
        let mut stranger = None;
        if !self.trust.believes(request, peer) {
            stranger = incoming.trace.take();
            incoming.baggage = None;
        }
        let parent = incoming.into_context(Context::new());
        if self.filters.iter().any(|skips| skips(request)) {
            return Operation::untraced(&parent);
        }
        telemetry.start(SpanKind::Server, &parent, |start| {
            start.reserve(
                TYPICAL_ATTRIBUTES
                    + self.request_headers.len()
                    + self.answer.response_headers.len(),
            );
            let origin = Origin::of(request, peer, &self.proxies, self.default_scheme);
            let route = template.map(Route::of);
            describe_server_request(
                start,
                request,
                route,
                origin,
                peer,
                &self.methods,
                &self.redaction,
            );
            self.request_headers
                .attributes(request.headers)
                .for_each(|attribute| start.set(attribute));
            if let Some(stranger) = stranger {
                start.link(stranger.span_context().clone(), Vec::new());
            }
            if let Some(hook) = &self.on_request {
                *named = amend(start, |start| hook(request, start));
            }
        })
    }
}

/// What a request has at its start and its end, without headers.
const TYPICAL_ATTRIBUTES: usize = 14;

impl<S: fmt::Debug> fmt::Debug for Server<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("telemetry", &self.telemetry)
            .field("trust", &self.trust)
            .field("proxies", &self.proxies)
            .finish_non_exhaustive()
    }
}
