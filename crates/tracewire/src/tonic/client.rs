//! The client layer: opens a client span for each call and writes the context into it.

use std::cell::LazyCell;
use std::fmt;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use http_body::Body as HttpBody;
use opentelemetry::KeyValue;
use tower_layer::Layer;
use tower_service::Service;

use super::call::{Call, OnMeasurement, Settings, describe, label};
use super::messages;
use super::method::{self, Standing};
use super::target::{Target, default_port};
use super::{Body, HEALTH, REFLECTION, ResponseFuture, Tonic};
use crate::Telemetry;
use crate::http::{
    Calling, Captured, ClientConfig, ClientLayerFor, Exchange, HasSpan, RequestHead, ResponseHead,
    server_of,
};
use crate::measure::{Family, Metered};
use crate::span::{Domain, Operation, Side, Start, attributes as names};

/// Layer that opens a client span for each call, around a `tonic::transport::Channel` or another
/// service that a client of tonic takes.
///
/// Without settings it writes the context into every request and ends the span with the trailers, or
/// when the response is dropped, which cancels the call.
///
/// | attribute | from |
/// |---|---|
/// | `rpc.system.name` | `grpc` |
/// | `rpc.method` | the path |
/// | `rpc.response.status_code` | trailers, or a head without a body; HTTP's status or the error where there is neither |
/// | `server.address`, `server.port` | [`target`](Self::target), otherwise the URI or `Host` of the request |
/// | `service.peer.name` | [`service`](Self::service), if the host is named there |
/// | `error.type` | the name of a status other than `OK`, or `panic` |
///
/// A channel adds the host to a request after this layer has seen it, so name it in
/// [`target`](Self::target). Rules about destinations go by it too: while the host is not known,
/// context is only sent when it may be sent to all.
#[derive(Clone)]
pub struct ClientLayer {
    http: ClientLayerFor<Tonic>,
    settings: Arc<Settings>,
}

/// Service made by a [`ClientLayer`].
#[derive(Clone)]
pub struct Client<S> {
    inner: S,
    http: Arc<ClientConfig>,
    settings: Arc<Settings>,
}

impl ClientLayer {
    /// The layer without settings.
    pub fn new() -> Self {
        Self { http: ClientLayerFor::new(), settings: Arc::default() }
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
        change: impl FnOnce(ClientLayerFor<Tonic>) -> ClientLayerFor<Tonic>,
    ) -> Self {
        Self { http: change(self.http), ..self }
    }

    /// Uses this telemetry instead of the process-wide one.
    #[must_use]
    pub fn telemetry(self, telemetry: &Telemetry) -> Self {
        self.with_http(|http| http.telemetry(telemetry))
    }

    /// Where the channel leads: the URI of its endpoint, or a target as in gRPC's naming, such as
    /// `dns:///shop:50051` or `unix:/run/shop.sock`. A target of several addresses, or of a scheme
    /// that is not known, is recorded as it is.
    ///
    /// ```
    /// use tower::ServiceBuilder;
    /// use tracewire::tonic::ClientLayer;
    ///
    /// # fn channel(endpoint: tonic::transport::Endpoint) {
    /// let layer = ClientLayer::new().target(endpoint.uri().to_string());
    /// # drop(layer);
    /// # }
    /// ```
    #[must_use]
    pub fn target(self, target: impl AsRef<str>) -> Self {
        self.with(|settings| settings.target = Some(Target::parse(target.as_ref())))
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

    /// Makes no span for calls of which this function says so. The current context is still written
    /// into them.
    #[must_use]
    pub fn skip(self, skips: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.with_http(|http| http.skip(skips))
    }

    /// Makes no span for calls of this service, `package.Service`.
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

    /// Adds attributes or changes the name when a span starts; samplers see them. Not called for
    /// calls that nobody records.
    #[must_use]
    pub fn on_request(
        self,
        hook: impl Fn(&RequestHead<'_>, &mut Start) + Send + Sync + 'static,
    ) -> Self {
        self.with_http(|http| http.on_request(hook))
    }

    /// Adds attributes or changes the name when the head of the response is there.
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

    /// Counts messages: `tracewire.rpc.messages_sent` if requests have tonic's own body, and
    /// `tracewire.rpc.messages_received`.
    #[must_use]
    pub fn count_messages(self) -> Self {
        self.with(|settings| settings.counts_messages = true)
    }

    /// A time limit that something around this layer sets without a `grpc-timeout`. What is dropped
    /// after it has exceeded its deadline, and was not cancelled.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|settings| settings.timeout = Some(timeout))
    }

    /// Writes context only into calls to these hosts, `api.example.com` or `*.example.com`. Into others
    /// it goes neither as trace context nor as baggage, and what the request holds of it is taken out.
    #[must_use]
    pub fn propagate_to<T: AsRef<str>>(self, hosts: impl IntoIterator<Item = T>) -> Self {
        self.with_http(|http| http.propagate_to(hosts))
    }

    /// Writes no context into calls to these hosts, `api.example.com` or `*.example.com`.
    #[must_use]
    pub fn never_propagate_to<T: AsRef<str>>(self, hosts: impl IntoIterator<Item = T>) -> Self {
        self.with_http(|http| http.never_propagate_to(hosts))
    }

    /// Lets only baggage of these keys leave; all of it by default.
    #[must_use]
    pub fn baggage_keys<T: AsRef<str>>(self, keys: impl IntoIterator<Item = T>) -> Self {
        self.with_http(|http| http.baggage_keys(keys))
    }

    /// Names the service at `host` or `host:port` (`service.peer.name`).
    #[must_use]
    pub fn service(self, address: &str, name: &str) -> Self {
        self.with_http(|http| http.service(address, name))
    }
}

impl Default for ClientLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ClientLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientLayer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = Client<S>;

    fn layer(&self, inner: S) -> Client<S> {
        Client { inner, http: self.http.config(), settings: self.settings.clone() }
    }
}

// === impl Client ===

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for Client<S>
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
        let mut exchange = self.begin(&mut request);
        if self.settings.counts_messages && exchange.operation.is_recording() {
            exchange.protocol.counts(messages::count(&mut request));
        }
        let mut calling = Calling::new(Some(exchange));
        let entered = calling.enter();
        let inner = self.inner.call(request);
        drop(entered);
        calling.future(inner)
    }
}

impl<S> Client<S> {
    fn begin<B>(&self, request: &mut Request<B>) -> Exchange<Call> {
        let head = RequestHead::leaving(request);
        let target = self.settings.target.as_ref();
        let default_port = || default_port(head.uri.scheme_str()?);
        let host = || match target {
            Some(target) => target.server(),
            None => server_of(&head).map(|(host, port)| (host, port.or_else(default_port))),
        };
        let server = || host().or_else(|| Some((target?.address.clone(), None)));
        let path = head.uri.path();
        let standing = LazyCell::new(|| match method::at_end_of_path(path) {
            Some(method) => Standing::Present(method::called(method)),
            None => Standing::Absent,
        });
        let family = Family::RpcClient;
        let describe = |start: &mut Start| {
            describe(start, path.trim_start_matches('/'), &standing);
            let Some((address, port)) = server() else { return };
            start.set(KeyValue::new(names::SERVER_ADDRESS, address));
            if let Some(port) = port {
                start.set(KeyValue::new(names::SERVER_PORT, i64::from(port)));
            }
        };
        let measure = |metered: &mut Metered| {
            metered.label(|labels| {
                label(labels, &standing);
                if let Some((address, port)) = server() {
                    labels.text(names::SERVER_ADDRESS, &address);
                    port.iter()
                        .for_each(|port| labels.number(names::SERVER_PORT, i64::from(*port)));
                }
                if let Some(hook) = &self.settings.on_measurement {
                    hook(&head, labels);
                }
            });
        };
        let (operation, egress) = self.http.open_to(family, host, &head, describe, measure);
        let call = Call::new(Side::Caller, self.settings.clone(), request.headers());
        egress.write(&operation, &self.http, request.headers_mut());
        if operation.is_recording() {
            request.extensions_mut().insert(HasSpan);
        }
        self.http.exchange_of(operation.in_domain(Domain::Rpc), call)
    }
}

impl<S: fmt::Debug> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("inner", &self.inner).finish_non_exhaustive()
    }
}
