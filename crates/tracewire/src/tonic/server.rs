//! The server layer: reads the caller's context and opens a server span for each call.

use std::cell::LazyCell;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use ::http::{HeaderMap, Request, Response};
use http_body::Body as HttpBody;
use opentelemetry::{Key, KeyValue};
use tonic::server::NamedService;
use tower_layer::Layer;
use tower_service::Service;

use super::call::{Call, OnMeasurement, Settings, describe, label};
use super::messages::{self, is_grpc};
use super::method::{self, Known, Standing};
use super::{Body, HEALTH, REFLECTION, ResponseFuture, Tonic};
use crate::Telemetry;
use crate::http::{
    self, Calling, Captured, Exchange, RequestHead, ResponseHead, ServerConfig, ServerLayerFor,
    Serving, Trust, peer_attributes, server_of,
};
use crate::measure::Family;
use crate::span::{Domain, Operation, Side, Start, attributes as names};

/// Layer that opens a server span for each call, for `tonic::transport::Server::builder().layer(..)`
/// or around a single service.
///
/// Without settings it believes every caller and ends the span with the trailers, or when the caller
/// goes away. Requests that are not gRPC's by their content type have no span from this layer. Below
/// a server layer of another module there is one span all the same, with what both know about it.
///
/// | attribute | from |
/// |---|---|
/// | `rpc.system.name` | `grpc` |
/// | `rpc.method` | the path; `_OTHER` for a method that the server does not have, then `rpc.method_original` too |
/// | `rpc.response.status_code` | trailers, or a head without a body; HTTP's status where there is neither |
/// | `server.address`, `server.port` | `:authority` |
/// | `network.peer.address`, `network.peer.port` | tonic's `TcpConnectInfo`, or [`Peer`](crate::http::Peer) |
/// | `error.type` | the name of a status that is the server's fault, `panic`, or the kind of error |
///
/// A method that answers have not proven yet is in the span's name from the start, and in
/// `rpc.method` as soon as there is an answer. [`known_methods`](Self::known_methods) tells at once.
#[derive(Clone)]
pub struct ServerLayer {
    http: ServerLayerFor<Tonic>,
    settings: Arc<Settings>,
}

/// Service made by a [`ServerLayer`].
#[derive(Clone)]
pub struct Server<S> {
    inner: S,
    http: Arc<ServerConfig>,
    settings: Arc<Settings>,
}

impl ServerLayer {
    /// The layer without settings.
    pub fn new() -> Self {
        let http = ServerLayerFor::new().skip(|request| !is_grpc(request.headers));
        Self { http, settings: Arc::default() }
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    pub(crate) fn measurement_hook(self, hook: OnMeasurement) -> Self {
        self.with(|settings| settings.on_measurement = Some(hook))
    }

    fn with_http(
        self,
        change: impl FnOnce(ServerLayerFor<Tonic>) -> ServerLayerFor<Tonic>,
    ) -> Self {
        Self { http: change(self.http), ..self }
    }

    /// Uses this telemetry instead of the process-wide one.
    #[must_use]
    pub fn telemetry(self, telemetry: &Telemetry) -> Self {
        self.with_http(|http| http.telemetry(telemetry))
    }

    /// Whose trace context becomes the parent; everybody's by default.
    #[must_use]
    pub fn trust(self, trust: Trust) -> Self {
        self.with_http(|http| http.trust(trust))
    }

    /// The methods that the server has, `package.Service/Method`, or `package.Service/*` for those of
    /// a service that its answers will tell. Any other is recorded as `_OTHER`.
    ///
    /// ```
    /// # use tonic::server::NamedService;
    /// # struct PaymentServer;
    /// # impl NamedService for PaymentServer { const NAME: &'static str = "shop.Payment"; }
    /// use tracewire::tonic::ServerLayer;
    ///
    /// let layer = ServerLayer::new()
    ///     .known_methods(["grpc.health.v1.Health/Check", &format!("{}/*", PaymentServer::NAME)]);
    /// # drop(layer);
    /// ```
    #[must_use]
    pub fn known_methods<T: AsRef<str>>(self, methods: impl IntoIterator<Item = T>) -> Self {
        self.with(|settings| settings.known = Known::listed(methods))
    }

    /// Records the request metadata of these keys. Values of credentials are recorded as `REDACTED`.
    #[must_use]
    pub fn request_metadata<T: AsRef<str>>(self, keys: impl IntoIterator<Item = T>) -> Self {
        self.with_http(|http| http.request_fields(Captured::new(names::RPC_REQUEST_METADATA, keys)))
    }

    /// Records the response metadata of these keys, from the head and the trailers. Values of
    /// credentials are recorded as `REDACTED`.
    #[must_use]
    pub fn response_metadata<T: AsRef<str>>(self, keys: impl IntoIterator<Item = T>) -> Self {
        let captured = Captured::new(names::RPC_RESPONSE_METADATA, keys);
        self.with(|settings| settings.response_metadata = captured)
    }

    /// Copies the values of these baggage keys to attributes of the same names when a span starts.
    #[must_use]
    pub fn baggage_attributes<K: Into<Key>>(self, keys: impl IntoIterator<Item = K>) -> Self {
        self.with_http(|http| http.baggage_attributes(keys))
    }

    /// Writes a log line for each call when its span ends, as
    /// [`ServerLayerFor::log_requests`](crate::http::ServerLayerFor::log_requests) does.
    #[must_use]
    pub fn log_requests(self) -> Self {
        self.with_http(ServerLayerFor::log_requests)
    }

    /// Makes no span for calls of which this function says so. Their context travels on.
    #[must_use]
    pub fn skip(self, skips: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.with_http(|http| http.skip(skips))
    }

    /// Makes no span for calls of this service, `package.Service`. Their context travels on.
    #[must_use]
    pub fn skip_service(self, service: impl Into<Box<str>>) -> Self {
        let service = service.into();
        self.skip(move |request| method::is_of_service(request.uri.path(), &service))
    }

    /// Makes no span for health checks.
    #[must_use]
    pub fn skip_health_checks(self) -> Self {
        self.skip_service(HEALTH)
    }

    /// Makes no span for server reflection.
    #[must_use]
    pub fn skip_reflection(self) -> Self {
        REFLECTION.into_iter().fold(self, Self::skip_service)
    }

    /// Adds attributes or changes the name when a span starts. Not called for calls that nobody
    /// records.
    #[must_use]
    pub fn on_request(
        self,
        hook: impl Fn(&RequestHead<'_>, &mut Start) + Send + Sync + 'static,
    ) -> Self {
        self.with_http(|http| http.on_request(hook))
    }

    /// Adds attributes when the head of the response is there.
    #[must_use]
    pub fn on_response(
        self,
        hook: impl Fn(&ResponseHead<'_>, &Operation) + Send + Sync + 'static,
    ) -> Self {
        self.with_http(|http| http.on_response(hook))
    }

    /// Adds attributes when the trailers are there: the fields that `grpc-status` is among. Not called
    /// for calls that nobody records.
    #[must_use]
    pub fn on_trailers(
        self,
        hook: impl Fn(&HeaderMap, &Operation) + Send + Sync + 'static,
    ) -> Self {
        self.with(|settings| settings.on_trailers = Some(Arc::new(hook)))
    }

    /// Counts messages: `tracewire.rpc.messages_received` if requests have tonic's own body, and
    /// `tracewire.rpc.messages_sent`.
    #[must_use]
    pub fn count_messages(self) -> Self {
        self.with(|settings| settings.counts_messages = true)
    }

    /// The time that `tonic::transport::Server::timeout` allows. What is dropped after it has then
    /// exceeded its deadline, as after the caller's own, and was not cancelled.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|settings| settings.timeout = Some(timeout))
    }
}

impl Default for ServerLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ServerLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerLayer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = Server<S>;

    fn layer(&self, inner: S) -> Server<S> {
        Server { inner, http: self.http.config(), settings: self.settings.clone() }
    }
}

// === impl Server ===

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for Server<S>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
    S::Error: 'static,
    RequestBody: 'static,
    ResponseBody: HttpBody,
{
    type Response = Response<Body<ResponseBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        let mut exchange = self.begin(&RequestHead::arrived(&request));
        if let Some(exchange) = &mut exchange
            && self.settings.counts_messages
            && exchange.operation.is_recording()
        {
            exchange.protocol.counts(messages::count(&mut request));
        }
        let mut calling = Calling::new(exchange);
        let entered = calling.enter();
        let inner = self.inner.call(request);
        drop(entered);
        calling.future(inner)
    }
}

impl<S: NamedService> NamedService for Server<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Server<S> {
    /// Opens the operation of a call, or says more about the one that an outer layer has opened.
    /// `None` when that one speaks gRPC itself.
    fn begin(&self, request: &RequestHead<'_>) -> Option<Exchange<Call>> {
        let telemetry = self.http.telemetry();
        let mut incoming = telemetry.read_fields(&request.fields);
        let path = request.uri.path();
        let standing = LazyCell::new(|| {
            method::of_path(path)
                .map_or(Standing::Absent, |name| self.settings.known.standing(name))
        });
        let call = || Call::new(Side::Called, self.settings.clone(), request.headers);
        let describe = |start: &mut Start| describe(start, path.trim_start_matches('/'), &standing);

        // Where nobody looks it need not be proven.
        let unproven = |operation: &Operation| {
            let is_unproven = operation.is_watched() && *standing == Standing::Unproven;
            is_unproven.then(|| method::of_path(path)).flatten()
        };

        let caller = http::caller(&incoming);
        let answer = self.http.answer();
        if http::is_served(caller) {
            if self.http.skips(request) {
                return None;
            }
            let (operation, named) = self.http.join(http::claim()?, request, describe);
            let metered = telemetry.measurement(Family::RpcServer);
            let mut operation = operation.in_domain(Domain::Rpc).metered(metered);
            self.measure(&mut operation, request, &standing);
            let unproven = unproven(&operation);
            let mut exchange = Exchange { operation, protocol: call(), serving: None, answer };
            exchange.protocol.prove(unproven, named);
            exchange.protocol.join();
            return Some(exchange);
        }
        let metered = telemetry.measurement(Family::RpcServer);
        let (operation, named) =
            self.http.open(&telemetry, metered, request, &mut incoming, |start, peer| {
                describe(start);
                describe_ends(start, request, peer);
            });
        let mut operation = operation.in_domain(Domain::Rpc);
        self.measure(&mut operation, request, &standing);
        let serving = Some(Serving::claimed(caller, &operation));
        let unproven = unproven(&operation);
        let mut exchange = Exchange { operation, protocol: call(), serving, answer };
        exchange.protocol.prove(unproven, named);
        Some(exchange)
    }
}

impl<S> Server<S> {
    /// What the metrics of a call have at its start. A method that is not proven to be there is what
    /// anybody may have asked for, and is not named yet.
    fn measure(&self, operation: &mut Operation, request: &RequestHead<'_>, standing: &Standing) {
        let metered = operation.measurement();
        let with_server = metered.choice().is_some_and(|choice| choice.server_address);
        metered.label(|labels| {
            label(labels, standing);
            if let Some((host, port)) = with_server.then(|| server_of(request)).flatten() {
                labels.text(names::SERVER_ADDRESS, &host);
                port.iter().for_each(|port| labels.number(names::SERVER_PORT, i64::from(*port)));
            }
            if let Some(hook) = &self.settings.on_measurement {
                hook(request, labels);
            }
        });
    }
}

/// `server.*` and `network.peer.*`.
fn describe_ends(start: &mut Start, request: &RequestHead<'_>, peer: Option<SocketAddr>) {
    if let Some((host, port)) = server_of(request) {
        start.set(KeyValue::new(names::SERVER_ADDRESS, host));
        if let Some(port) = port {
            start.set(KeyValue::new(names::SERVER_PORT, i64::from(port)));
        }
    }
    if let Some(peer) = peer {
        peer_attributes(peer).into_iter().for_each(|attribute| start.set(attribute));
    }
}

impl<S: fmt::Debug> fmt::Debug for Server<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("inner", &self.inner).finish_non_exhaustive()
    }
}
