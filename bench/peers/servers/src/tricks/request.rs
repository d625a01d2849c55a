//! A request as the name and the attributes of its span (semantic conventions, "HTTP spans").

use std::borrow::Cow;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath};
use bench_tricks::Kept;
use http::uri::Authority;
use http::{Request, Version};
use opentelemetry::{KeyValue, StringValue};

use super::fields::Fields;

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

type Server = (&'static str, Option<u16>);

static ROUTES: Kept<&Route> = Kept::new();
static SERVERS: Kept<Server> = Kept::new();
static AGENTS: Kept<&str> = Kept::new();

pub(super) fn describe(
    request: &Request<Body>,
    fields: &Fields<'_>,
) -> (Cow<'static, str>, Vec<KeyValue>) {
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
        attributes.push(KeyValue::new("url.query", redacted(query)));
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
        name_server(named, &mut attributes);
    }
    if let Some(ConnectInfo(peer)) = extensions.get::<ConnectInfo<SocketAddr>>() {
        let address = StringValue::from(peer.ip().to_canonical().to_string());
        attributes.push(KeyValue::new("client.address", address.clone()));
        attributes.push(KeyValue::new("network.peer.address", address));
        attributes.push(KeyValue::new("network.peer.port", i64::from(peer.port())));
    }
    let version = match request.version() {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    };
    attributes.push(KeyValue::new("network.protocol.version", version));
    if let Some(agent) = fields.user_agent.filter(|agent| !agent.is_empty()) {
        let kept =
            AGENTS.get(agent, |agent| Some(String::from_utf8_lossy(agent).into_owned().leak()));
        let copied = || String::from_utf8_lossy(agent).into_owned().into();
        let agent = kept.map_or_else(copied, StringValue::from);
        attributes.push(KeyValue::new("user_agent.original", agent));
    }
    (name, attributes)
}

/// `server.address`, and `server.port` where one is named.
fn name_server(named: &[u8], attributes: &mut Vec<KeyValue>) {
    let known = SERVERS.get(named, |named| {
        let (host, port) = host_and_port(named)?;
        Some((&*host.leak(), port))
    });
    let known = known.map(|(host, port)| (StringValue::from(host), port));
    let copied = || host_and_port(named).map(|(host, port)| (StringValue::from(host), port));
    if let Some((host, port)) = known.or_else(copied) {
        attributes.push(KeyValue::new("server.address", host));
        attributes.extend(port.map(|port| KeyValue::new("server.port", i64::from(port))));
    }
}

fn host_and_port(named: &[u8]) -> Option<(String, Option<u16>)> {
    let authority = Authority::try_from(named).ok()?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| (host.to_owned(), authority.port_u16()))
}

fn route(template: &[u8]) -> Option<&'static Route> {
    let template: &'static str = std::str::from_utf8(template).ok()?.to_owned().leak();
    let names = METHODS.map(|method| format!("{method} {template}"));
    Some(Box::leak(Box::new(Route { template, names })))
}

/// Without the values of the keys that the conventions name as secret.
fn redacted(query: &str) -> String {
    const SECRET: [&str; 4] = ["AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature"];
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((key, _)) if SECRET.contains(&key) => format!("{key}=REDACTED"),
        _ => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}
