//! The server layer: reads the caller's context and opens a server span.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use http::{Request, Response, Uri};
use http_body::Body as HttpBody;
use opentelemetry::Key;
use tower_layer::Layer;
use tower_service::Service;

use super::future::{Answer, Calling, Exchange};
use super::headers::Captured;
use super::origin::valid_scheme;
use super::{
    Body, Framework, Methods, Plain, Redaction, RequestHead, ResponseFuture, ResponseHead,
};
use super::{Trust, TrustedProxies};
use crate::Telemetry;
use crate::measure::Attributes;
use crate::span::{Operation, Start, attributes as names};

mod arrival;

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
    baggage_attributes: Vec<Key>,
    logs_requests: bool,
    filters: Vec<Filter>,
    on_request: Option<OnRequest>,
    on_measurement: Option<OnMeasurement>,
    answer: Arc<Answer>,
    route: fn(&http::Extensions) -> Option<&str>,
    target: fn(&http::Extensions) -> Option<&Uri>,
    peer: fn(&http::Extensions) -> Option<SocketAddr>,
}

type Filter = Arc<dyn Fn(&RequestHead<'_>) -> bool + Send + Sync>;
type OnRequest = Arc<dyn Fn(&RequestHead<'_>, &mut Start) + Send + Sync>;
type OnMeasurement = Arc<dyn Fn(&RequestHead<'_>, &mut Attributes) + Send + Sync>;

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
            baggage_attributes: Vec::new(),
            logs_requests: false,
            filters: Vec::new(),
            on_request: None,
            on_measurement: None,
            answer: Arc::new(Answer::new::<F>()),
            route: F::route,
            target: F::target,
            peer: F::request_peer,
        };
        Self { config: Arc::new(config), framework: PhantomData }
    }

    pub(crate) fn measurement_hook(self, hook: OnMeasurement) -> Self {
        self.with(|config| config.on_measurement = Some(hook))
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
        self.with(|config| config.default_scheme = valid_scheme(scheme))
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
        self.request_fields(Captured::new(names::HTTP_REQUEST_HEADER, headers))
    }

    pub(crate) fn request_fields(self, captured: Captured) -> Self {
        self.with(|config| config.request_headers = captured)
    }

    /// The settings, for services of other protocols.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.config.clone()
    }

    /// Records these response headers. Values of credentials are recorded as `REDACTED`.
    #[must_use]
    pub fn response_headers<T: AsRef<str>>(self, headers: impl IntoIterator<Item = T>) -> Self {
        let captured = Captured::new(names::HTTP_RESPONSE_HEADER, headers);
        self.with_answer(|answer| answer.response_headers = captured)
    }

    /// Copies the values of these baggage keys to attributes of the same names when a span starts;
    /// samplers see them. Name only what you would show to whoever reads traces.
    #[must_use]
    pub fn baggage_attributes<K: Into<Key>>(self, keys: impl IntoIterator<Item = K>) -> Self {
        self.with(|config| config.baggage_attributes = keys.into_iter().map(Into::into).collect())
    }

    /// Writes a log line for each request when its span ends, recorded or not: a `tracing` event of
    /// the target `tracewire::request` with method, route, status code and duration. Its level is
    /// `ERROR` where the span is an error, `WARN` when the client went away, otherwise `INFO`.
    #[must_use]
    pub fn log_requests(self) -> Self {
        self.with(|config| config.logs_requests = true)
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
        let mut calling = Calling::new(self.config.exchange(&request));
        let entered = calling.enter();
        let inner = self.inner.call(request);
        drop(entered);
        calling.future(inner)
    }
}

impl Config {
    /// Opens the operation of a request, or `None` when an outer layer has done so.
    pub(crate) fn exchange<B>(&self, request: &Request<B>) -> Option<Exchange> {
        let head = RequestHead::arrived(request);
        let head = if self.shows_requests() { self.as_sent(&head) } else { head };
        self.begin(&head)
    }

    /// The request with its target before routers took prefixes off its path.
    fn as_sent<'a>(&self, request: &RequestHead<'a>) -> RequestHead<'a> {
        RequestHead { uri: (self.target)(request.extensions).unwrap_or(request.uri), ..*request }
    }

    /// Whether somebody looks at requests before it is known that they are recorded.
    fn shows_requests(&self) -> bool {
        self.logs_requests
            || !self.filters.is_empty()
            || self.on_request.is_some()
            || self.on_measurement.is_some()
            || self.trust.looks_at_requests()
    }
}

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
