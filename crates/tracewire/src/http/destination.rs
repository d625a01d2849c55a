//! Where a client's context may go, and what the services there are called.

use std::sync::Arc;

/// Hosts to which context is sent or not, baggage that may leave, names of services.
#[derive(Clone, Debug, Default)]
pub(crate) struct Destinations {
    pub(crate) allowed: Option<Vec<Host>>,
    pub(crate) denied: Vec<Host>,
    pub(crate) baggage_keys: Option<Vec<Box<str>>>,
    pub(crate) services: Vec<(Host, Option<u16>, Arc<str>)>,
}

/// A host, or with a leading `*.` all hosts below it. Case does not count.
#[derive(Clone, Debug)]
pub(crate) enum Host {
    Exactly(Box<str>),
    Below(Box<str>),
}

impl Host {
    pub(crate) fn new(pattern: &str) -> Self {
        let pattern =
            pattern.trim().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        match pattern.strip_prefix("*.") {
            Some(parent) => Self::Below(format!(".{parent}").into()),
            None => Self::Exactly(pattern.into()),
        }
    }

    fn matches(&self, host: &str) -> bool {
        // A name with the root's dot at its end is the same name.
        let host = host.strip_suffix('.').unwrap_or(host);
        match self {
            Self::Exactly(name) => host.eq_ignore_ascii_case(name),
            Self::Below(suffix) => {
                let start = host.len().checked_sub(suffix.len()).filter(|start| *start > 0);
                start
                    .and_then(|start| host.get(start..))
                    .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
            }
        }
    }
}

impl Destinations {
    /// Whether context may be sent there. A host that is not known is only sent context when all
    /// hosts are.
    pub(crate) fn allows(&self, host: Option<&str>) -> bool {
        let listed =
            |list: &[Host]| host.is_some_and(|host| list.iter().any(|entry| entry.matches(host)));
        let denied = !self.denied.is_empty() && (host.is_none() || listed(&self.denied));
        !denied && self.allowed.as_deref().is_none_or(listed)
    }

    /// Whether baggage of this key may leave.
    pub(crate) fn carries(&self, key: &str) -> bool {
        self.baggage_keys.as_ref().is_none_or(|keys| keys.iter().any(|allowed| **allowed == *key))
    }

    /// The name of the service there.
    pub(crate) fn service(&self, host: &str, port: Option<u16>) -> Option<Arc<str>> {
        let is = |(entry, at, _): &&(Host, Option<u16>, Arc<str>)| {
            entry.matches(host) && (at.is_none() || *at == port)
        };
        self.services.iter().find(is).map(|(_, _, name)| name.clone())
    }

    /// Adds a service at `host` or `host:port`.
    pub(crate) fn name_service(&mut self, address: &str, name: &str) {
        let (host, port) = super::origin::host_and_port(address).unwrap_or((address, None));
        self.services.push((Host::new(host), port, name.into()));
    }
}
