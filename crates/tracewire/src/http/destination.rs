//! Where a client's context may go, and what the services there are called.

use std::net::IpAddr;
use std::sync::Arc;

use super::host::Host;
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
    name: Name,
    port: Option<u16>,
}

/// A host, or with a leading `*.` all hosts below it. Case does not count, nor does the root's dot at
/// the end of a name.
#[derive(Clone, Debug)]
enum Name {
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
        Self { name: Name::new(host), port }
    }

    fn is_at(&self, (host, port): &Host) -> bool {
        (self.port.is_none() || self.port == *port) && self.name.matches(host)
    }
}

impl Name {
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
    /// Whether context may be sent to a host and port, which are asked for only where it depends on
    /// them. A host that is not known is only sent context when all hosts are.
    pub(crate) fn allows(&self, server: impl FnOnce() -> Option<Host>) -> bool {
        if self.allowed.is_none() && self.denied.is_empty() {
            return true;
        }
        let server = server();
        let listed = |list: &[Place]| {
            server.as_ref().is_some_and(|at| list.iter().any(|place| place.is_at(at)))
        };
        let denied = !self.denied.is_empty() && (server.is_none() || listed(&self.denied));
        !denied && self.allowed.as_deref().is_none_or(listed)
    }

    /// Whether baggage of this key may leave.
    pub(crate) fn carries(&self, key: &str) -> bool {
        self.baggage_keys.as_ref().is_none_or(|keys| keys.iter().any(|allowed| **allowed == *key))
    }

    /// The name of the service there.
    pub(crate) fn service(&self, server: impl FnOnce() -> Option<Host>) -> Option<Arc<str>> {
        if self.services.is_empty() {
            return None;
        }
        let server = server()?;
        let named = self.services.iter().find(|(place, _)| place.is_at(&server));
        named.map(|(_, name)| name.clone())
    }
}
