//! Which call belongs to which served request, where no parent id says so.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::Evidence;
use crate::attributes::Value;
use crate::span::{Span, SpanId, SpanKind, TraceId};
use crate::trace::{Node, Trace};

/// How far two clocks may be apart.
const SKEW: u64 = Duration::from_millis(50).as_nanos() as u64;
/// How many spans that began before a moment are looked at; so many at once are never one request's.
const NEAREST: usize = 64;

/// A span among several traces.
pub(super) type Key = (TraceId, SpanId);

/// What may lie on the near side of a break, each in order of start.
pub(super) struct Calls<'a> {
    /// Calls to other services that nobody is seen to have served.
    unanswered: Vec<Node<'a>>,
    /// Requests and messages being handled.
    handlers: Vec<Node<'a>>,
}

/// A call and the request served for it in another trace.
pub(super) struct Match<'a> {
    pub(super) call: Node<'a>,
    pub(super) served: Node<'a>,
    pub(super) evidence: Evidence,
}

pub(super) fn key(node: Node<'_>) -> Key {
    (node.trace_id, node.span_id)
}

// === impl Calls ===

impl<'a> Calls<'a> {
    pub(super) fn of(traces: &'a [Trace]) -> Self {
        let spans = || traces.iter().flat_map(Trace::nodes);
        let sorted = |mut nodes: Vec<Node<'a>>| {
            nodes.sort_by_key(|node| node.start);
            nodes
        };
        Self {
            unanswered: sorted(spans().filter(|node| is_unanswered(*node)).collect()),
            handlers: sorted(spans().filter(|node| is_handler(node)).collect()),
        }
    }

    /// For each served request the call it most likely answers; each call is answered once.
    pub(super) fn matched(&self, served: &[Node<'a>]) -> HashMap<Key, Match<'a>> {
        let mut pairs: Vec<_> = served.iter().flat_map(|served| self.candidates(*served)).collect();
        pairs.sort_by_key(|(score, found)| {
            (Reverse(*score), found.served.start.abs_diff(found.call.start))
        });
        let mut taken = HashSet::new();
        let mut matched = HashMap::new();
        for (_, found) in pairs {
            if !matched.contains_key(&key(found.served)) && taken.insert(key(found.call)) {
                matched.insert(key(found.served), found);
            }
        }
        matched
    }

    /// What the same service was handling, in another trace, when this span began.
    pub(super) fn handling(&self, start: Node<'_>) -> Option<Node<'a>> {
        if start.kind == SpanKind::Server {
            return None;
        }
        self.open_handlers(start).find(|handler| handler.service_name() == start.service_name())
    }

    /// What any other service was handling, in another trace, when this span began.
    pub(super) fn around(&self, start: Node<'_>) -> Option<Node<'a>> {
        self.open_handlers(start).find(|handler| handler.service_name() != start.service_name())
    }

    fn open_handlers(&self, start: Node<'_>) -> impl Iterator<Item = Node<'a>> {
        let (id, at) = (start.trace_id, start.start);
        before(&self.handlers, at)
            .filter(move |handler| handler.trace_id != id && at <= handler.end)
    }

    fn candidates(&self, served: Node<'a>) -> impl Iterator<Item = (u32, Match<'a>)> {
        let at = served.start;
        before(&self.unanswered, at.saturating_add(SKEW))
            .filter(move |call| {
                call.trace_id != served.trace_id && at <= call.end.saturating_add(SKEW)
            })
            .filter_map(move |call| {
                let score = agreement(&call, &served)?;
                let evidence = if score > 0 { Evidence::Address } else { Evidence::Time };
                Some((score, Match { call, served, evidence }))
            })
    }
}

/// The nearest of these that began by then, the latest first.
fn before<'a>(nodes: &[Node<'a>], time: u64) -> impl Iterator<Item = Node<'a>> {
    let end = nodes.partition_point(|node| node.start <= time);
    nodes[..end].iter().rev().take(NEAREST).copied()
}

fn is_unanswered(node: Node<'_>) -> bool {
    let to_a_service = ["db.system.name", "db.system", "messaging.system"]
        .iter()
        .all(|key| node.attributes.get(key).is_none());
    node.kind == SpanKind::Client
        && to_a_service
        && !node.children().any(|child| is_handler(&child))
}

fn is_handler(span: &Span) -> bool {
    matches!(span.kind, SpanKind::Server | SpanKind::Consumer)
}

/// How much speaks for these two being one request seen from both sides; `None` if something speaks against it.
///
/// A proxy between them may change the port or the path, hardly both.
fn agreement(call: &Span, served: &Span) -> Option<u32> {
    let url = call.attributes.text("url.full").map(Url::parse).unwrap_or_default();
    let text = |key| (call.attributes.text(key), served.attributes.text(key));
    let method = agree(text("http.request.method"));
    let rpc = agree(text("rpc.method"));
    let peer = agree((
        call.attributes.text("service.peer.name").or(call.attributes.text("peer.service")),
        Some(served.service_name()),
    ));
    let path = agree((url.path, served.attributes.text("url.path")));
    let port = agree((
        number(call, "server.port").or(url.port).or(number(call, "network.peer.port")),
        number(served, "server.port").or(number(served, "network.local.port")),
    ));
    let address = agree((
        call.attributes.text("server.address").or(url.host),
        served.attributes.text("server.address"),
    ));

    let against = [method, rpc, peer].contains(&Some(false))
        || (port == Some(false) && path != Some(true))
        || (path == Some(false) && port != Some(true));
    let points = [(peer, 4), (port, 4), (path, 3), (rpc, 3), (address, 1)];
    let score =
        points.iter().filter(|(agrees, _)| *agrees == Some(true)).map(|(_, points)| points).sum();
    (!against).then_some(score)
}

/// Whether two facts agree; `None` unless both are known.
fn agree<T: PartialEq>((one, other): (Option<T>, Option<T>)) -> Option<bool> {
    Some(one? == other?)
}

fn number(span: &Span, key: &str) -> Option<i64> {
    span.attributes.get(key).and_then(Value::as_i64)
}

/// The parts of an absolute URL that both sides see.
#[derive(Debug, Default, PartialEq)]
struct Url<'a> {
    host: Option<&'a str>,
    port: Option<i64>,
    path: Option<&'a str>,
}

impl<'a> Url<'a> {
    fn parse(url: &'a str) -> Self {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Self::default();
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let host_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        // The colons of an IPv6 address stand inside its brackets.
        let (host, port) = match host_port.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
            _ => (host_port, None),
        };
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let default_port = match scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        Self {
            host: Some(host.trim_matches(['[', ']'])),
            port: port.or(default_port),
            path: Some(if path.is_empty() { "/" } else { path }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_come_apart_where_both_sides_see_them() {
        for (url, host, port, path) in [
            ("http://127.0.0.1:7001/stock/1?sku=2#x", "127.0.0.1", Some(7001), "/stock/1"),
            ("https://bank/authorize", "bank", Some(443), "/authorize"),
            ("http://bank?x=/y", "bank", Some(80), "/"),
            ("http://user:pw@bank:81", "bank", Some(81), "/"),
            ("http://[::1]:80/", "::1", Some(80), "/"),
            ("http://[::1]", "::1", Some(80), "/"),
            ("ftp://files/x", "files", None, "/x"),
        ] {
            let expected = Url { host: Some(host), port, path: Some(path) };
            assert_eq!(Url::parse(url), expected, "{url}");
        }
        assert_eq!(Url::parse("/relative"), Url::default());
    }
}
