//! The client layer: opens a client span for each attempt and writes the context into it.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use http::{Request, Response};
use http_body::Body as HttpBody;
use tower_layer::Layer;
use tower_service::Service;

use super::destination::Place;
use super::future::{Answer, Calling};
use super::headers::Captured;
use super::{
    Body, Destinations, Framework, Methods, Plain, Redaction, RequestHead, ResponseFuture,
    ResponseHead,
};
use crate::Telemetry;
use crate::measure::Attributes;
use crate::span::{Operation, Start, attributes as names};

mod departure;

pub(crate) use departure::HasSpan;

/// Layer that opens a client span for each attempt. See [`ClientLayerFor`] for its settings.
pub type ClientLayer = ClientLayerFor<Plain>;

/// A [`ClientLayer`] that knows a library.
///
/// Without settings it writes the context into every request and ends the span with the response
/// body, or when the caller drops it.
///
/// A caller that drops the future of a response has cancelled it on purpose, so that is no error.
///
/// | attribute | from |
/// |---|---|
/// | `http.request.method` | the method, `_OTHER` unless known; then `http.request.method_original` too |
/// | `url.full` | the target; credentials and secrets in the query are redacted |
/// | `url.template` | [`UrlTemplate`](super::UrlTemplate), if the request has one |
/// | `server.address`, `server.port` | the target or `Host`; the port of the scheme if none is named |
/// | `service.peer.name` | [`service`](Self::service), if the host is named there |
/// | `http.request.resend_count` | [`CountResendsLayer`](super::CountResendsLayer) |
/// | `network.peer.address`, `network.peer.port` | the connection, where the client tells |
/// | `network.protocol.version` | the response |
/// | `http.response.status_code` | the response |
/// | `error.type` | the status code from 400 on, or [the kind of error](super#errors) |
pub struct ClientLayerFor<F> {
    config: Arc<Config>,
    framework: PhantomData<fn() -> F>,
}

/// Service made by a [`ClientLayer`].
#[derive(Clone)]
pub struct Client<S> {
    pub(crate) inner: S,
    pub(crate) config: Arc<Config>,
}

#[derive(Clone)]
pub(crate) struct Config {
    telemetry: Telemetry,
    methods: Methods,
    default_scheme: &'static str,
    redaction: Redaction,
    request_headers: Captured,
    filters: Vec<Filter>,
    on_request: Option<OnRequest>,
    on_measurement: Option<OnMeasurement>,
    destinations: Destinations,
    answer: Arc<Answer>,
}

type Filter = Arc<dyn Fn(&RequestHead<'_>) -> bool + Send + Sync>;
type OnRequest = Arc<dyn Fn(&RequestHead<'_>, &mut Start) + Send + Sync>;
type OnMeasurement = Arc<dyn Fn(&RequestHead<'_>, &mut Attributes) + Send + Sync>;

impl<F: Framework> ClientLayerFor<F> {
    /// The layer without settings.
    pub fn new() -> Self {
        let config = Config {
            telemetry: Telemetry::default(),
            methods: Methods::default(),
            default_scheme: "http",
            redaction: Redaction::default(),
            request_headers: Captured::default(),
            filters: Vec::new(),
            on_request: None,
            on_measurement: None,
            destinations: Destinations::default(),
            answer: Arc::new(Answer::new::<F>()),
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

    /// The scheme of requests whose target has none; `http` by default. An empty one is ignored.
    #[must_use]
    pub fn default_scheme(self, scheme: &'static str) -> Self {
        self.with(|config| config.default_scheme = if scheme.is_empty() { "http" } else { scheme })
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

    /// Records these response headers. Values of credentials are recorded as `REDACTED`.
    #[must_use]
    pub fn response_headers<T: AsRef<str>>(self, headers: impl IntoIterator<Item = T>) -> Self {
        let captured = Captured::new(names::HTTP_RESPONSE_HEADER, headers);
        self.with_answer(|answer| answer.response_headers = captured)
    }

    /// Makes no span for requests of which this function says so. The current context is still
    /// written into them.
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

    /// Ends the span with the head of the response, not with its body.
    #[must_use]
    pub fn end_at_head(self) -> Self {
        self.with_answer(|answer| answer.ends_at_head = true)
    }

    /// Writes context only into requests to these hosts: `api.example.com`, `api.example.com:8443`,
    /// `*.example.com` or `*`. Into others it goes neither as trace context nor as baggage, and what
    /// the request holds of it is taken out. Called again it replaces the list.
    #[must_use]
    pub fn propagate_to<T: AsRef<str>>(self, hosts: impl IntoIterator<Item = T>) -> Self {
        let places = places(hosts);
        self.with(|config| config.destinations.allowed = Some(places))
    }

    /// Writes no context into requests to these hosts, which are named as for
    /// [`propagate_to`](Self::propagate_to) and win over those named there.
    #[must_use]
    pub fn never_propagate_to<T: AsRef<str>>(self, hosts: impl IntoIterator<Item = T>) -> Self {
        let places = places(hosts);
        self.with(|config| config.destinations.denied = places)
    }

    /// Lets only baggage of these keys leave; all of it by default.
    #[must_use]
    pub fn baggage_keys<T: AsRef<str>>(self, keys: impl IntoIterator<Item = T>) -> Self {
        let keys = keys.into_iter().map(|key| key.as_ref().into()).collect();
        self.with(|config| config.destinations.baggage_keys = Some(keys))
    }

    /// Names the service at `host` or `host:port` (`service.peer.name`). Of several that match the
    /// first one counts.
    #[must_use]
    pub fn service(self, address: &str, name: &str) -> Self {
        let service = (Place::new(address), Arc::from(name));
        self.with(|config| config.destinations.services.push(service))
    }

    /// The settings, for clients that are no tower services over `http::Request`.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.config.clone()
    }
}

fn places<T: AsRef<str>>(hosts: impl IntoIterator<Item = T>) -> Vec<Place> {
    hosts.into_iter().map(|host| Place::new(host.as_ref())).collect()
}

impl<F: Framework> Default for ClientLayerFor<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F> Clone for ClientLayerFor<F> {
    fn clone(&self) -> Self {
        Self { config: self.config.clone(), framework: PhantomData }
    }
}

impl<F> fmt::Debug for ClientLayerFor<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientLayer").field("config", &self.config).finish()
    }
}

impl<S, F> Layer<S> for ClientLayerFor<F> {
    type Service = Client<S>;

    fn layer(&self, inner: S) -> Client<S> {
        Client { inner, config: self.config.clone() }
    }
}

// === impl Client ===

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for Client<S>
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

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        let mut calling = Calling::new(Some(self.config.begin(&mut request)));
        let entered = calling.enter();
        let inner = self.inner.call(request);
        drop(entered);
        calling.future(inner)
    }
}

impl<S: fmt::Debug> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("telemetry", &self.telemetry)
            .field("destinations", &self.destinations)
            .finish_non_exhaustive()
    }
}
