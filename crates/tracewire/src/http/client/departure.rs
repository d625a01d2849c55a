//! A request that is about to leave: its operation, its measurement, and what may leave with it.

use http::{Method, Request};
use opentelemetry::Context;
use opentelemetry::trace::SpanKind;

use super::Config;
use crate::Telemetry;
use crate::context::CarrierMut;
use crate::http::attributes::amend;
use crate::http::future::Exchange;
use crate::http::{
    ClientAttributes, Host, Http, RequestHead, Resends, UrlTemplate, content_length,
};
use crate::measure::{Family, Metered, Slot};
use crate::span::{Domain, Operation, Side, Start, attributes as names};

/// What a request has at its start and its end, without headers.
const TYPICAL_ATTRIBUTES: usize = 10;

impl Config {
    #[inline]
    pub(super) fn begin<B>(&self, request: &mut Request<B>) -> Exchange {
        let resends = request.extensions().get::<Resends>().map_or(0, Resends::next);
        let head = RequestHead::leaving(request);
        let attributes = ClientAttributes::of(&head, self.default_scheme, resends);
        let (operation, egress) = self.open(&head, &attributes);
        egress.write(&operation, self, request.headers_mut());
        self.exchange(operation, request.method())
    }

    #[inline]
    pub(crate) fn exchange(&self, mut operation: Operation, method: &Method) -> Exchange {
        operation.set_domain(Domain::Http);
        self.exchange_of(operation, Http::new(Side::Caller, method))
    }

    /// The same for another protocol.
    #[inline]
    pub(crate) fn exchange_of<P>(&self, operation: Operation, protocol: P) -> Exchange<P> {
        Exchange { operation, protocol, serving: None, answer: self.answer.clone() }
    }

    /// Whether filters or hooks look at requests.
    pub(crate) fn is_watched(&self) -> bool {
        self.on_request.is_some() || self.on_measurement.is_some() || !self.filters.is_empty()
    }

    /// Opens the operation of a request, and says what may leave with it.
    pub(crate) fn open(
        &self,
        head: &RequestHead<'_>,
        attributes: &ClientAttributes<'_>,
    ) -> (Operation, Egress) {
        let describe =
            |start: &mut Start| attributes.describe(start, &self.methods, &self.redaction);
        let measure = |metered: &mut Metered| self.measure(metered, head, attributes);
        self.open_to(Family::HttpClient, || attributes.server(), head, describe, measure)
    }

    /// What the metrics of a request have at its start (semantic conventions, "HTTP metrics").
    fn measure(
        &self,
        metered: &mut Metered,
        head: &RequestHead<'_>,
        attributes: &ClientAttributes<'_>,
    ) {
        let method = self.methods.name(attributes.method).unwrap_or("_OTHER");
        let (sizes, active, templates) = metered.choice().map_or((false, false, false), |choice| {
            (choice.body_sizes, choice.active_requests, choice.url_template)
        });
        let template = attributes.template.filter(|_| templates);
        metered.label(|labels| {
            labels.fixed(names::HTTP_REQUEST_METHOD, method);
            if let Some((host, port)) = attributes.server() {
                labels.text(names::SERVER_ADDRESS, &host);
                port.iter().for_each(|port| labels.number(names::SERVER_PORT, i64::from(*port)));
            }
            if let Some(UrlTemplate(template)) = template {
                labels.fixed(names::URL_TEMPLATE, template);
            }
        });
        if active {
            metered.activate(Family::HttpClientActive);
        }
        if let Some(hook) = &self.on_measurement {
            metered.label(|labels| hook(head, labels));
        }
        if sizes && let Some(length) = content_length(head.headers) {
            metered.count(Slot::Request, length);
        }
    }

    /// The same for a request to this host and port that `describe` names, and about which
    /// `measure` says what is to be measured, if anything is.
    pub(crate) fn open_to(
        &self,
        family: Family,
        server: impl Fn() -> Option<Host>,
        head: &RequestHead<'_>,
        describe: impl FnOnce(&mut Start),
        measure: impl FnOnce(&mut Metered),
    ) -> (Operation, Egress) {
        let telemetry = self.telemetry.now();
        let parent = Context::current();
        let allowed = self.destinations.allows(&server);
        let suppressed = parent.is_telemetry_suppressed();
        let has_span = head.extensions.get::<HasSpan>().is_some();
        let mut operation =
            if suppressed || has_span || self.filters.iter().any(|skips| skips(head)) {
                Operation::untraced(&parent)
            } else if telemetry.ignores(&parent) {
                Operation::only_measured(parent, Side::Caller, telemetry.measurement(family))
            } else {
                let metered = telemetry.measurement(family);
                telemetry.start_metered(metered, SpanKind::Client, &parent, |start| {
                    start.reserve(
                        TYPICAL_ATTRIBUTES
                            + self.request_headers.len()
                            + self.answer.response_headers.len(),
                    );
                    describe(start);
                    if let Some(service) = self.destinations.service(&server) {
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
        operation.be_call();
        if operation.measurement().is_on() {
            measure(operation.measurement());
        }
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
        carrier: &mut impl CarrierMut,
    ) {
        match self {
            Self::Untouched => {}
            Self::Allowed(telemetry) => {
                let keep = |key: &str| config.destinations.carries(key);
                telemetry.write(operation.context(), keep, carrier);
            }
            Self::Denied(telemetry) => telemetry.clear(carrier),
        }
    }
}
