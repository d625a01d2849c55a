//! The client layer: opens a client span for each attempt and writes the context into it.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use http::{Method, Request, Response};
use http_body::Body as HttpBody;
use opentelemetry::Context;
use opentelemetry::trace::SpanKind;
use tower_layer::Layer;
use tower_service::Service;

use super::attributes::amend;
use super::destination::Place;
use super::future::{Answer, Exchange};
use super::headers::Captured;
use super::{
    Body, ClientAttributes, Destinations, Framework, Http, Methods, Plain, Redaction, RequestHead,
};
use super::{Resends, ResponseFuture, ResponseHead};
use crate::Telemetry;
use crate::context::CarrierMut;
use crate::span::{Domain, Operation, Side, Start, attributes as names};

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
    destinations: Destinations,
    answer: Arc<Answer>,
}

type Filter = Arc<dyn Fn(&RequestHead<'_>) -> bool + Send + Sync>;
type OnRequest = Arc<dyn Fn(&RequestHead<'_>, &mut Start) + Send + Sync>;

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
            destinations: Destinations::default(),
            answer: Arc::new(Answer::new::<F>()),
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
        let mut exchange = self.config.begin(&mut request);
        let inner = exchange.within(|| self.inner.call(request));
        ResponseFuture::new(inner, Some(exchange))
    }
}

impl Config {
    fn begin<B>(&self, request: &mut Request<B>) -> Exchange {
        let resends = request.extensions().get::<Resends>().map_or(0, Resends::next);
        let head = RequestHead::of(request);
        let attributes = ClientAttributes::of(&head, self.default_scheme, resends);
        let (operation, egress) = self.open(&head, &attributes);
        egress.write(&operation, self, request.headers_mut());
        self.exchange(operation, request.method())
    }

    pub(crate) fn exchange(&self, operation: Operation, method: &Method) -> Exchange {
        self.exchange_of(operation.in_domain(Domain::Http), Http::new(Side::Caller, method))
    }

    /// The same for another protocol.
    pub(crate) fn exchange_of<P>(&self, operation: Operation, protocol: P) -> Exchange<P> {
        Exchange { operation, protocol, serving: None, answer: self.answer.clone() }
    }

    /// Whether filters or hooks look at requests.
    pub(crate) fn is_watched(&self) -> bool {
        self.on_request.is_some() || !self.filters.is_empty()
    }

    /// Opens the operation of a request, and says what may leave with it.
    pub(crate) fn open(
        &self,
        head: &RequestHead<'_>,
        attributes: &ClientAttributes<'_>,
    ) -> (Operation, Egress) {
        self.open_to(attributes.server(), head, |start| {
            attributes.describe(start, &self.methods, &self.redaction);
        })
    }

    /// The same for a request to this host and port that `describe` names.
    pub(crate) fn open_to(
        &self,
        server: Option<(&str, Option<u16>)>,
        head: &RequestHead<'_>,
        describe: impl FnOnce(&mut Start),
    ) -> (Operation, Egress) {
        let telemetry = self.telemetry.now();
        let parent = Context::current();
        let allowed = self.destinations.allows(server);
        let suppressed = parent.is_telemetry_suppressed();
        let has_span = head.extensions.get::<HasSpan>().is_some();
        let operation = if suppressed || has_span || self.filters.iter().any(|skips| skips(head)) {
            Operation::untraced(&parent)
        } else {
            telemetry.start(SpanKind::Client, &parent, |start| {
                start.reserve(
                    TYPICAL_ATTRIBUTES
                        + self.request_headers.len()
                        + self.answer.response_headers.len(),
                );
                describe(start);
                let service = server.and_then(|server| self.destinations.service(server));
                if let Some(service) = service {
                    start.set(opentelemetry::KeyValue::new(names::SERVICE_PEER_NAME, service));
                }
                self.request_headers
                    .attributes(head.headers)
                    .for_each(|attribute| start.set(attribute));
                if let Some(hook) = &self.on_request {
                    amend(start, |start| hook(head, start));
                }
            })
        };
        let egress = match (suppressed, allowed) {
            (true, _) => Egress::Untouched,
            (false, true) => Egress::Allowed(telemetry),
            (false, false) => Egress::Denied(telemetry),
        };
        (operation, egress)
    }
}

/// Extension of a request that a layer of a protocol on top of HTTP has opened a span for already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HasSpan;

/// What may leave with a request.
pub(crate) enum Egress {
    /// Telemetry is suppressed here: the request stays as it is.
    Untouched,
    /// Context.
    Allowed(Telemetry),
    /// Nothing that tells about the trace.
    Denied(Telemetry),
}

impl Egress {
    pub(crate) fn write(
        &self,
        operation: &Operation,
        config: &Config,
        carrier: &mut dyn CarrierMut,
    ) {
        match self {
            Self::Untouched => {}
            Self::Allowed(telemetry) => {
                let keep = |key: &str| config.destinations.carries(key);
                telemetry.inject_filtered(operation.context(), keep, carrier);
            }
            Self::Denied(telemetry) => telemetry.clear(carrier),
        }
    }
}

/// What a request has at its start and its end, without headers.
const TYPICAL_ATTRIBUTES: usize = 10;

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
