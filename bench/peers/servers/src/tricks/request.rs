//! A request as the name and the attributes of its span (semantic conventions, "HTTP spans").

use std::borrow::Cow;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath};
use bench_by_hand::http::version_name;
use bench_by_hand::{Described, Fields, Kept, redact, server};
use http::Request;
use opentelemetry::{KeyValue, StringValue};

/// Those of a request with everything, and the two of its response.
const MOST: usize = 14;
/// What the conventions know, and what stands for the others in a name.
const METHODS: [&str; 10] =
    ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE", "HTTP"];
const OTHER: usize = METHODS.len() - 1;

/// A template and the names of the spans below it, one for each method.
struct Route {
    template: &'static str,
    names: [String; METHODS.len()],
}

static ROUTES: Kept<&Route> = Kept::new();
static AGENTS: Kept<&str> = Kept::new();

pub(super) fn describe(request: &Request<Body>, fields: &Fields<'_>) -> Described {
    let (uri, extensions) = (request.uri(), request.extensions());
    let mut attributes = Vec::with_capacity(MOST);
    let asked = request.method().as_str();
    let method = METHODS[..OTHER].iter().position(|known| *known == asked).unwrap_or(OTHER);
    if method == OTHER {
        attributes.push(KeyValue::new("http.request.method", "_OTHER"));
        attributes.push(KeyValue::new("http.request.method_original", asked.to_owned()));
    } else {
        attributes.push(KeyValue::new("http.request.method", METHODS[method]));
    }
    attributes.push(KeyValue::new("url.path", uri.path().to_owned()));
    let scheme = if uri.scheme_str() == Some("https") { "https" } else { "http" };
    attributes.push(KeyValue::new("url.scheme", scheme));
    if let Some(query) = uri.query().filter(|query| !query.is_empty()) {
        attributes.push(KeyValue::new("url.query", redact::query(query).into_owned()));
    }
    let name = match extensions.get::<MatchedPath>().map(MatchedPath::as_str) {
        Some(template) => match ROUTES.get(template.as_bytes(), route) {
            Some(route) => {
                attributes.push(KeyValue::new("http.route", route.template));
                Cow::Borrowed(route.names[method].as_str())
            }
            None => {
                attributes.push(KeyValue::new("http.route", template.to_owned()));
                Cow::Owned(format!("{} {template}", METHODS[method]))
            }
        },
        None => Cow::Borrowed(METHODS[method]),
    };
    if let Some(named) = uri.authority().map(|it| it.as_str().as_bytes()).or(fields.host) {
        server::name(named, server::of(named), None, &mut attributes);
    }
    if let Some(ConnectInfo(peer)) = extensions.get::<ConnectInfo<SocketAddr>>() {
        let address = StringValue::from(peer.ip().to_canonical().to_string());
        attributes.push(KeyValue::new("client.address", address.clone()));
        attributes.push(KeyValue::new("network.peer.address", address));
        attributes.push(KeyValue::new("network.peer.port", i64::from(peer.port())));
    }
    attributes.push(KeyValue::new("network.protocol.version", version_name(request.version())));
    if let Some(agent) = fields.user_agent.filter(|agent| !agent.is_empty()) {
        let kept =
            AGENTS.get(agent, |agent| Some(String::from_utf8_lossy(agent).into_owned().leak()));
        let copied = || String::from_utf8_lossy(agent).into_owned().into();
        let agent = kept.map_or_else(copied, StringValue::from);
        attributes.push(KeyValue::new("user_agent.original", agent));
    }
    (name, attributes)
}

fn route(template: &[u8]) -> Option<&'static Route> {
    let template: &'static str = std::str::from_utf8(template).ok()?.to_owned().leak();
    let names = METHODS.map(|method| format!("{method} {template}"));
    Some(Box::leak(Box::new(Route { template, names })))
}
