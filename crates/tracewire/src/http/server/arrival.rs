//! A request that has arrived: whose child it is, and the operation that is opened for it.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::trace::SpanKind;
use opentelemetry::{Context, KeyValue};

use super::Config;
use crate::Telemetry;
use crate::context::Incoming;
use crate::http::attributes::{Arrived, amend, describe_server_request, version_name};
use crate::http::future::{Answer, Exchange};
use crate::http::name::Route;
use crate::http::origin::{self, Origin};
use crate::http::serving::{self, Serving};
use crate::http::{Http, Peer, RequestHead, content_length};
use crate::measure::{Attributes, Family, Metered, Slot};
use crate::span::{Domain, Operation, RequestLine, Side, Start, attributes as names};

const OTHER_METHOD: &str = "_OTHER";

/// What a request has at its start and its end, without headers.
const TYPICAL_ATTRIBUTES: usize = 14;

impl Config {
    /// Opens the operation of a request, or `None` when an outer layer has done so.
    pub(super) fn begin(&self, request: &RequestHead<'_>) -> Option<Exchange> {
        let telemetry = self.telemetry.now();
        let mut incoming = telemetry.read_fields(&request.fields);
        let template = || (self.route)(request.extensions);
        let method = || self.methods.name(request.method);
        let caller = serving::caller(&incoming);
        if serving::is_served(caller) {
            template().into_iter().for_each(serving::tell_route);
            return None;
        }
        let metered = telemetry.measurement(Family::HttpServer);
        let is_measured = metered.is_on();
        let (mut has_template, mut described) = (None, None);
        let (mut operation, named) =
            self.open(&telemetry, metered, request, &mut incoming, |start, peer| {
                let request = &self.as_sent(request);
                let origin = Origin::of(request, peer, &self.proxies, self.default_scheme);
                let route = template().map(Route::of);
                let method = method();
                has_template = Some(route.is_some());
                if is_measured {
                    described = Some((method, self.scheme_label(&origin.scheme), route.clone()));
                }
                let arrived = Arrived { method, route, origin, peer };
                describe_server_request(start, request, arrived, &self.redaction);
            });
        if operation.measurement().is_on() {
            let (method, scheme, route) = described.unwrap_or_else(|| {
                let peer = || self.peer_of(request);
                let sent = self.as_sent(request);
                let scheme = origin::scheme_of(&sent, peer, &self.proxies, self.default_scheme);
                (method(), self.scheme_label(&scheme), template().map(Route::of))
            });
            has_template = Some(route.is_some());
            let method = method.unwrap_or(OTHER_METHOD);
            self.measure(operation.measurement(), request, [method, scheme], route.as_ref());
        }
        let mut serving = Serving::new(caller, &operation, named);
        let wants_route = operation.is_watched() || operation.line().is_some();
        if wants_route && !has_template.unwrap_or_else(|| template().is_some()) {
            serving = serving.wanting_route(method());
        }
        let protocol = Http::new(Side::Called, request.method);
        Some(Exchange { operation, protocol, serving: Some(serving), answer: self.answer() })
    }

    /// What the metrics of a request have at its start (semantic conventions, "HTTP metrics").
    fn measure(
        &self,
        metered: &mut Metered,
        request: &RequestHead<'_>,
        [method, scheme]: [&'static str; 2],
        route: Option<&Route>,
    ) {
        let (sizes, active, address) = metered.choice().map_or((false, false, false), |choice| {
            (choice.body_sizes, choice.active_requests, choice.server_address)
        });
        metered.label(|labels| {
            labels.fixed(names::HTTP_REQUEST_METHOD, method);
            labels.fixed(names::URL_SCHEME, scheme);
            if address {
                self.label_server(request, labels);
            }
        });
        if active {
            metered.activate(Family::HttpServerActive);
        }
        metered.label(|labels| {
            if let Some(route) = route {
                labels.mostly_fixed(names::HTTP_ROUTE, &route.template);
            }
            if let Some(version) = version_name(request.version) {
                labels.fixed(names::NETWORK_PROTOCOL_VERSION, version);
            }
            if let Some(hook) = &self.on_measurement {
                hook(request, labels);
            }
        });
        if sizes && let Some(length) = content_length(request.headers) {
            metered.count(Slot::Request, length);
        }
    }

    #[cold]
    fn label_server(&self, request: &RequestHead<'_>, labels: &mut Attributes) {
        let peer = self.peer_of(request);
        let request = &self.as_sent(request);
        let origin = Origin::of(request, peer, &self.proxies, self.default_scheme);
        if let Some((host, port)) = origin.server {
            labels.text(names::SERVER_ADDRESS, &host);
            port.iter().for_each(|port| labels.number(names::SERVER_PORT, i64::from(*port)));
        }
    }

    /// Anybody can make up a scheme.
    #[expect(clippy::ptr_arg, reason = "what is borrowed is known")]
    fn scheme_label(&self, scheme: &Cow<'static, str>) -> &'static str {
        match scheme {
            Cow::Borrowed(known) => known,
            Cow::Owned(made_up) if *made_up == self.default_scheme => self.default_scheme,
            Cow::Owned(_) => "_OTHER",
        }
    }

    fn peer_of(&self, request: &RequestHead<'_>) -> Option<SocketAddr> {
        let peer = request.extensions.get::<Peer>().map(|peer| peer.0);
        peer.or_else(|| (self.peer)(request.extensions))
    }

    /// The telemetry for a request.
    pub(crate) fn telemetry(&self) -> Telemetry {
        self.telemetry.now()
    }

    /// Whether a filter wants no span for a request.
    pub(crate) fn skips(&self, request: &RequestHead<'_>) -> bool {
        self.filters.iter().any(|skips| skips(request))
    }

    /// What responses are worth.
    pub(crate) fn answer(&self) -> Arc<Answer> {
        self.answer.clone()
    }

    /// Opens the operation of a request that `describe` names, with its peer at hand. Says whether a
    /// hook has given it another name.
    pub(crate) fn open(
        &self,
        telemetry: &Telemetry,
        metered: Metered,
        request: &RequestHead<'_>,
        incoming: &mut Incoming,
        describe: impl FnOnce(&mut Start, Option<SocketAddr>),
    ) -> (Operation, bool) {
        let is_believed = self.trust.believes(request, || self.peer_of(request));
        let parent = if is_believed { incoming.take(Context::new()) } else { Context::new() };
        if self.skips(request) {
            return (Operation::untraced(&parent), false);
        }
        let mut named = false;
        let mut operation = if telemetry.ignores(&parent) {
            Operation::only_measured(parent, Side::Called, metered)
        } else {
            telemetry.start_metered(metered, SpanKind::Server, &parent, |start| {
                start.reserve(
                    TYPICAL_ATTRIBUTES
                        + self.request_headers.len()
                        + self.answer.response_headers.len()
                        + self.baggage_attributes.len(),
                );
                describe(start, self.peer_of(request));
                self.copy_baggage(&parent, start);
                if let Some(stranger) = &incoming.trace {
                    start.link(stranger.span_context().clone(), Vec::new());
                }
                named = self.add_what_is_asked_for(start, request);
            })
        };
        operation.set_domain(Domain::Http);
        if self.logs_requests {
            operation.log(self.line(request));
        }
        (operation, named)
    }

    /// The log line that is asked for.
    #[cold]
    fn line(&self, request: &RequestHead<'_>) -> RequestLine {
        let method = self.methods.name(request.method).unwrap_or(OTHER_METHOD);
        let mut line = RequestLine::new(method, request.uri.path());
        if let Some(template) = (self.route)(request.extensions) {
            line.route(Route::of(template).template);
        }
        line
    }

    #[inline]
    fn copy_baggage(&self, parent: &Context, start: &mut Start) {
        for key in &self.baggage_attributes {
            if let Some(value) = parent.baggage().get(key.as_str()) {
                start.set(KeyValue::new(key.clone(), value.clone()));
            }
        }
    }

    /// Says more about the operation of an outer layer, whose context this is.
    pub(crate) fn join(
        &self,
        outer: Context,
        request: &RequestHead<'_>,
        describe: impl FnOnce(&mut Start),
    ) -> (Operation, bool) {
        let mut named = false;
        let operation = Operation::join(outer, Side::Called, |start| {
            describe(start);
            named = self.add_what_is_asked_for(start, request);
        });
        (operation, named)
    }

    fn add_what_is_asked_for(&self, start: &mut Start, request: &RequestHead<'_>) -> bool {
        self.request_headers.attributes(request.headers).for_each(|attribute| start.set(attribute));
        self.on_request.as_ref().is_some_and(|hook| amend(start, |start| hook(request, start)))
    }
}
