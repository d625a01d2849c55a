//! Requests and responses as attributes (semantic conventions, "HTTP spans").

use std::borrow::Cow;
use std::net::SocketAddr;

use http::{Uri, Version};
use opentelemetry::{KeyValue, StringValue};

use super::host::{Host, host_of};
use super::method::Methods;
use super::name::{self, Route};
use super::origin::Origin;
use super::redact::{self, Redaction};
use super::{RequestHead, UrlTemplate};
use crate::span::{Start, attributes as names, kept, kept_address};

/// `network.protocol.version`; a version that is not known is not set.
pub(crate) fn version_name(version: Version) -> Option<&'static str> {
    Some(match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_11 => "1.1",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => return None,
    })
}

fn text(value: Cow<'_, str>) -> StringValue {
    value.into_owned().into()
}

/// Sets the method by the name that is known, if one is.
#[inline(always)]
fn set_method(start: &mut Start, known: Option<&'static str>, method: &http::Method) {
    start.set(KeyValue::new(names::HTTP_REQUEST_METHOD, known.unwrap_or("_OTHER")));
    if known.is_none() {
        start.set(KeyValue::new(names::HTTP_REQUEST_METHOD_ORIGINAL, method.as_str().to_owned()));
    }
}

/// `network.peer.address` and `.port`.
pub(crate) fn peer_attributes(peer: SocketAddr) -> [KeyValue; 2] {
    [
        KeyValue::new(names::NETWORK_PEER_ADDRESS, kept_address(peer.ip())),
        KeyValue::new(names::NETWORK_PEER_PORT, i64::from(peer.port())),
    ]
}

/// What is known of a server's request besides its head.
pub(super) struct Arrived {
    /// The method, if it is known.
    pub(super) method: Option<&'static str>,
    pub(super) route: Option<Route>,
    pub(super) origin: Origin,
    pub(super) peer: Option<SocketAddr>,
}

/// What a server span has at its start (§1.3 of the requirements): name and attributes.
pub(super) fn describe_server_request(
    start: &mut Start,
    request: &RequestHead<'_>,
    Arrived { method, route, origin, peer }: Arrived,
    redaction: &Redaction,
) {
    set_method(start, method, request.method);
    match &route {
        Some(route) => start.name(route.name(method)),
        None => start.name(name::without_route(method)),
    }
    // The target of a CONNECT has no path.
    if !request.uri.path().is_empty() {
        start.set(KeyValue::new(names::URL_PATH, request.uri.path().to_owned()));
    }
    start.set(KeyValue::new(names::URL_SCHEME, StringValue::from(origin.scheme)));
    if let Some(query) = request.uri.query().filter(|query| !query.is_empty()) {
        start.set(KeyValue::new(names::URL_QUERY, text(redaction.query(query))));
    }
    if let Some(route) = route {
        start.set(KeyValue::new(names::HTTP_ROUTE, route.template));
    }
    if let Some((host, port)) = origin.server {
        start.set(KeyValue::new(names::SERVER_ADDRESS, host));
        if let Some(port) = port {
            start.set(KeyValue::new(names::SERVER_PORT, i64::from(port)));
        }
    }
    if let Some(client) = origin.client {
        start.set(KeyValue::new(names::CLIENT_ADDRESS, client));
    }
    if let Some(peer) = peer {
        peer_attributes(peer).into_iter().for_each(|attribute| start.set(attribute));
    }
    if let Some(version) = version_name(request.version) {
        start.set(KeyValue::new(names::NETWORK_PROTOCOL_VERSION, version));
    }
    let agent = request.fields.user_agent();
    if let Some(agent) = agent.filter(|agent| !agent.is_empty()) {
        start.set(KeyValue::new(names::USER_AGENT_ORIGINAL, kept(agent.as_bytes())));
    }
}

/// Lets a hook change what has been described. Its attributes take the place of those with the same
/// keys, as OpenTelemetry would export both. Returns whether it has changed the name.
pub(super) fn amend(start: &mut Start, hook: impl FnOnce(&mut Start)) -> bool {
    let (name, described) = (start.name.clone(), start.attributes.len());
    hook(start);
    for added in start.attributes.split_off(described) {
        let known = start.attributes.iter_mut().find(|set| set.key == added.key);
        match known {
            Some(set) => *set = added,
            None => start.attributes.push(added),
        }
    }
    start.name != name
}

fn is_one_of(scheme: &str, names: [&str; 2]) -> bool {
    names.iter().any(|name| scheme.eq_ignore_ascii_case(name))
}

/// A client's request, wherever it comes from: `http::Request` or a library's own type.
#[derive(Debug)]
pub(crate) struct ClientAttributes<'a> {
    pub(crate) method: &'a http::Method,
    pub(crate) scheme: Cow<'a, str>,
    /// With user information, as it stands in the request.
    pub(crate) authority: Cow<'a, str>,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) fragment: Option<&'a str>,
    pub(crate) template: Option<UrlTemplate>,
    pub(crate) resends: u32,
}

impl<'a> ClientAttributes<'a> {
    /// Reads them from a request; the target in absolute form, otherwise `Host`, unless that names
    /// no host.
    pub(super) fn of(
        request: &RequestHead<'a>,
        default_scheme: &'static str,
        resends: u32,
    ) -> Self {
        let uri: &'a Uri = request.uri;
        let host = || {
            let host = request.fields.host().and_then(|host| host.to_str().ok());
            host.filter(|host| host_of(host.as_bytes()).is_some())
        };
        let authority = uri.authority().map(http::uri::Authority::as_str).or_else(host);
        Self {
            method: request.method,
            scheme: Cow::Borrowed(uri.scheme_str().unwrap_or(default_scheme)),
            authority: Cow::Borrowed(authority.unwrap_or_default()),
            path: uri.path(),
            query: uri.query(),
            fragment: None,
            template: request.extensions.get::<UrlTemplate>().copied(),
            resends,
        }
    }

    /// The host and the port, which is that of the scheme when none is named.
    pub(crate) fn server(&self) -> Option<Host> {
        let (host, port) = host_of(self.authority.as_bytes())?;
        let default = || match &*self.scheme {
            scheme if is_one_of(scheme, ["https", "wss"]) => Some(443),
            scheme if is_one_of(scheme, ["http", "ws"]) => Some(80),
            _ => None,
        };
        Some((host, port.or_else(default)))
    }

    /// What a client span has at its start (§1.2 of the requirements): name and attributes.
    pub(crate) fn describe(&self, start: &mut Start, methods: &Methods, redaction: &Redaction) {
        let known = methods.name(self.method);
        set_method(start, known, self.method);
        match self.template {
            Some(UrlTemplate(template)) => {
                start.name(Route::of(template).name(known));
                start.set(KeyValue::new(names::URL_TEMPLATE, template));
            }
            None => start.name(name::without_route(known)),
        }
        start.set(KeyValue::new(names::URL_FULL, self.url(redaction)));
        if let Some((host, port)) = self.server() {
            start.set(KeyValue::new(names::SERVER_ADDRESS, host));
            if let Some(port) = port {
                start.set(KeyValue::new(names::SERVER_PORT, i64::from(port)));
            }
        }
        if self.resends > 0 {
            start.set(KeyValue::new(names::HTTP_REQUEST_RESEND_COUNT, i64::from(self.resends)));
        }
    }

    /// The absolute URL, or as much of it as is known when no host is. Exactly as long as it has to
    /// be, as OpenTelemetry would copy what has room for more.
    fn url(&self, redaction: &Redaction) -> String {
        let authority = redact::authority(&self.authority);
        let scheme = if authority.is_empty() { None } else { Some((&*self.scheme, "://")) };
        // The asterisk stands for a target without a path (RFC 9110 §7.1).
        let path = if self.path == "*" { "" } else { self.path };
        let query = self.query.map(|query| redaction.query(query));
        let query = query.as_deref().map(|query| ("?", query));
        let fragment = self.fragment.map(|fragment| ("#", fragment));
        let length = |pair: (&str, &str)| pair.0.len() + pair.1.len();
        let pairs = [scheme, query, fragment].map(|pair| pair.map_or(0, length));
        let length = pairs.iter().sum::<usize>() + authority.len() + path.len();
        let mut url = String::with_capacity(length);
        let mut push = |pair: Option<(&str, &str)>| {
            if let Some((first, second)) = pair {
                url.push_str(first);
                url.push_str(second);
            }
        };
        push(scheme);
        push(Some((&authority, path)));
        push(query);
        push(fragment);
        url
    }
}
