//! Who called and whom: addresses and scheme of a request as the client saw them.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use http::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::StringValue;

use super::host::{Host, host_of};
use super::trust::{Fields, TrustedProxies, Which, contains};
use super::{RequestHead, Scheme};
use crate::span::{kept_address, lasting};

mod forwarded;

use forwarded::Element;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Where a request came from and went to.
#[derive(Debug, PartialEq)]
pub(super) struct Origin {
    /// The client: behind trusted proxies, otherwise the socket's peer.
    pub(super) client: Option<StringValue>,
    /// The host that the client named, without brackets, and the port if it named one.
    pub(super) server: Option<Host>,
    /// In lower case, never empty.
    pub(super) scheme: Cow<'static, str>,
}

impl Origin {
    /// Reads it from a request. `default_scheme` is used where nothing tells the scheme.
    pub(super) fn of(
        request: &RequestHead<'_>,
        peer: Option<SocketAddr>,
        proxies: &TrustedProxies,
        default_scheme: &'static str,
    ) -> Self {
        let told = forwarded_by(request.headers, peer, proxies).unwrap_or_default();
        let client = told.node.map(StringValue::from);
        let client = client.or_else(|| Some(kept_address(peer?.ip())));
        let server = told.host.as_deref().and_then(|host| host_of(host.as_bytes()));
        Self {
            client,
            server: server.or_else(|| named_server(request)),
            scheme: told
                .proto
                .as_deref()
                .and_then(known_scheme)
                .or_else(|| scheme(request))
                .unwrap_or(Cow::Borrowed(default_scheme)),
        }
    }
}

/// The scheme alone, for who needs no more.
pub(super) fn scheme_of(
    request: &RequestHead<'_>,
    peer: impl FnOnce() -> Option<SocketAddr>,
    proxies: &TrustedProxies,
    default_scheme: &'static str,
) -> Cow<'static, str> {
    if !matches!(proxies.which, Which::None) {
        return Origin::of(request, peer(), proxies, default_scheme).scheme;
    }
    scheme(request).unwrap_or(Cow::Borrowed(default_scheme))
}

/// A scheme in lower case, or `http` in place of what is none.
pub(super) fn valid_scheme(scheme: &'static str) -> &'static str {
    match known_scheme(scheme) {
        Some(Cow::Borrowed(known)) => known,
        Some(Cow::Owned(known)) => lasting(&known),
        None => "http",
    }
}

fn scheme(request: &RequestHead<'_>) -> Option<Cow<'static, str>> {
    let of_target = request.uri.scheme_str().and_then(known_scheme);
    let of_connection = || known_scheme(request.extensions.get::<Scheme>()?.0);
    of_target.or_else(of_connection)
}

/// `http` and `https` without an allocation, another valid scheme in lower case.
fn known_scheme(scheme: &str) -> Option<Cow<'static, str>> {
    const LONGEST: usize = 32;
    match scheme {
        "http" => return Some(Cow::Borrowed("http")),
        "https" => return Some(Cow::Borrowed("https")),
        _ => {}
    }
    if scheme.eq_ignore_ascii_case("http") {
        return Some(Cow::Borrowed("http"));
    }
    if scheme.eq_ignore_ascii_case("https") {
        return Some(Cow::Borrowed("https"));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let starts = scheme.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let valid = starts && scheme.len() <= LONGEST && scheme.bytes().all(allowed);
    valid.then(|| Cow::Owned(scheme.to_ascii_lowercase()))
}

/// `:authority` or the absolute form, then `Host`.
pub(crate) fn named_server(request: &RequestHead<'_>) -> Option<Host> {
    let of_target = request.uri.authority().map(|authority| authority.as_str().as_bytes());
    let of_field = || request.fields.host().map(HeaderValue::as_bytes);
    host_of(of_target.or_else(of_field)?)
}

/// More characters are no host.
const LONGEST: usize = 255;

/// Splits an authority into host, without brackets, and port. User information is cut off; `None`
/// for what is no host.
pub(crate) fn host_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    name_and_port(authority).or_else(|| any_host_and_port(authority))
}

/// The same for what nearly all authorities are, a name and digits; `None` for all others.
fn name_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let ends = |byte: u8| byte == b':' || !is_allowed_in_host(byte);
    let end = authority.bytes().position(ends).unwrap_or(authority.len());
    let (host, rest) = authority.split_at_checked(end)?;
    let port = match rest.as_bytes() {
        [] => None,
        [b':', digits @ ..] if (1..=5).contains(&digits.len()) => {
            let port = digits.iter().try_fold(0, |port, digit| {
                digit.is_ascii_digit().then(|| port * 10 + u32::from(digit - b'0'))
            });
            Some(u16::try_from(port?).ok()?)
        }
        _ => return None,
    };
    (1..=LONGEST).contains(&host.len()).then_some((host, port))
}

fn any_host_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let authority = authority.trim();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, rest) = match authority.strip_prefix('[') {
        Some(literal) => {
            let (host, rest) = literal.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, rest)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port = match rest.strip_prefix(':') {
        Some("") => None,
        Some(port) if port.starts_with('+') => return None,
        Some(port) => Some(port.parse().ok()?),
        None if rest.is_empty() => None,
        None => return None,
    };
    let valid = !host.is_empty() && host.len() <= LONGEST && host.bytes().all(is_allowed_in_host);
    valid.then_some((host, port))
}

/// Characters of a `reg-name` (RFC 3986 §3.2.2) and of an IPv6 address.
fn is_allowed_in_host(byte: u8) -> bool {
    const ALLOWED: [bool; 256] = {
        let mut allowed = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            allowed[byte] = (byte as u8).is_ascii_alphanumeric();
            byte += 1;
        }
        let mut others: &[u8] = b"-._~!$&'()*+,;=%:";
        while let [other, rest @ ..] = others {
            allowed[*other as usize] = true;
            others = rest;
        }
        allowed
    };
    ALLOWED[usize::from(byte)]
}

/// What the outermost trusted proxy says, or `None` when there is none to believe.
fn forwarded_by(
    headers: &HeaderMap,
    peer: Option<SocketAddr>,
    proxies: &TrustedProxies,
) -> Option<Element> {
    match &proxies.which {
        Which::None => return None,
        Which::Networks(networks) if !contains(networks, peer?.ip()) => return None,
        Which::Networks(_) | Which::Hops(_) => {}
    }
    let elements = match proxies.fields {
        Fields::OnlyForwarded => forwarded::standard(headers),
        Fields::OnlyXForwarded => x_forwarded(headers),
        Fields::ForwardedFirst => forwarded::standard(headers).or_else(|| x_forwarded(headers)),
    }?;
    let is_proxy = |element: &Element| match (&proxies.which, element.address()) {
        (Which::Networks(networks), Some(address)) => contains(networks, address),
        _ => false,
    };
    let chosen = match proxies.which {
        Which::Hops(hops) => elements.len().saturating_sub(hops),
        _ => elements.iter().rposition(|element| !is_proxy(element)).unwrap_or(0),
    };
    elements.into_iter().nth(chosen)
}

/// The three `X-Forwarded-*` lists side by side, aligned at their right ends. A list with one entry
/// stands for all hops, as many proxies do not append to it.
fn x_forwarded(headers: &HeaderMap) -> Option<Vec<Element>> {
    let nodes = forwarded::list(headers, &X_FORWARDED_FOR);
    let protos = forwarded::list(headers, &X_FORWARDED_PROTO);
    let hosts = forwarded::list(headers, &X_FORWARDED_HOST);
    let length = nodes.len().max(protos.len()).max(hosts.len());
    let aligned = |list: &[&str], index: usize| -> Option<String> {
        let only = (list.len() == 1).then(|| list[0]);
        let from_right = length - index;
        let entry = only.or_else(|| list.get(list.len().checked_sub(from_right)?).copied());
        entry.filter(|entry| !entry.is_empty()).map(str::to_owned)
    };
    let node = |index: usize| nodes.get(nodes.len().checked_sub(length - index)?).copied();
    let elements = (0..length).map(|index| Element {
        node: node(index).and_then(forwarded::node),
        proto: aligned(&protos, index),
        host: aligned(&hosts, index),
    });
    (length > 0).then(|| elements.collect())
}

impl Element {
    fn address(&self) -> Option<IpAddr> {
        self.node.as_deref()?.parse().ok()
    }
}
