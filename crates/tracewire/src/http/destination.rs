//! Where a client's context may go, and what the services there are called.

use std::net::IpAddr;
use std::sync::Arc;

use super::origin::host_and_port;

/// Hosts to which context is sent or not, baggage that may leave, names of services.
#[derive(Clone, Debug, Default)]
pub(crate) struct Destinations {
    pub(crate) allowed: Option<Vec<Place>>,
    pub(crate) denied: Vec<Place>,
    pub(crate) baggage_keys: Option<Vec<Box<str>>>,
    pub(crate) services: Vec<(Place, Arc<str>)>,
}

/// Hosts at one port, or at all of them.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    host: Host,
    port: Option<u16>,
}

/// A host, or with a leading `*.` all hosts below it. Case does not count, nor does the root's dot at
/// the end of a name.
#[derive(Clone, Debug)]
enum Host {
    Any,
    Exactly(Box<str>),
    Below(Box<str>),
    /// Compared as an address, as IPv6 can be written in many ways.
    Address(IpAddr),
}

impl Place {
    /// `host` or `host:port`.
    pub(crate) fn new(pattern: &str) -> Self {
        let pattern = pattern.trim();
        let (host, port) = host_and_port(pattern).unwrap_or((pattern, None));
        Self { host: Host::new(host), port }
    }

    fn is_at(&self, (host, port): (&str, Option<u16>)) -> bool {
        (self.port.is_none() || self.port == port) && self.host.matches(host)
    }
}

impl Host {
    fn new(pattern: &str) -> Self {
        if let Ok(address) = pattern.parse() {
            return Self::Address(address);
        }
        let pattern = without_root(pattern);
        match pattern.strip_prefix('*') {
            Some("") => Self::Any,
            Some(parent) if parent.starts_with('.') => Self::Below(parent.into()),
            _ => Self::Exactly(pattern.into()),
        }
    }

    fn matches(&self, host: &str) -> bool {
        let host = without_root(host);
        match self {
            Self::Any => true,
            Self::Exactly(name) => host.eq_ignore_ascii_case(name),
            Self::Below(suffix) => {
                let start = host.len().checked_sub(suffix.len()).filter(|start| *start > 0);
                start
                    .and_then(|start| host.get(start..))
                    .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
            }
            Self::Address(address) => host.parse() == Ok(*address),
        }
    }
}

/// A name with the root's dot at its end is the same name.
fn without_root(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

impl Destinations {
    /// Whether context may be sent to a host and port. A host that is not known is only sent context
    /// when all hosts are.
    pub(crate) fn allows(&self, server: Option<(&str, Option<u16>)>) -> bool {
        let listed =
            |list: &[Place]| server.is_some_and(|server| list.iter().any(|at| at.is_at(server)));
        let denied = !self.denied.is_empty() && (server.is_none() || listed(&self.denied));
        !denied && self.allowed.as_deref().is_none_or(listed)
    }

    /// Whether baggage of this key may leave.
    pub(crate) fn carries(&self, key: &str) -> bool {
        self.baggage_keys.as_ref().is_none_or(|keys| keys.iter().any(|allowed| **allowed == *key))
    }

    /// The name of the service there.
    pub(crate) fn service(&self, server: (&str, Option<u16>)) -> Option<Arc<str>> {
        let named = self.services.iter().find(|(at, _)| at.is_at(server));
        named.map(|(_, name)| name.clone())
    }
}
