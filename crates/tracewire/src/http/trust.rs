//! Whom to believe: callers about their trace, proxies about who called them.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};

use super::RequestHead;

/// Whose trace context becomes the parent.
///
/// A request that is not trusted starts a new trace, linked to the caller's. Its baggage is dropped,
/// and its sampled flag does not force anything to be recorded.
#[derive(Clone, Default)]
pub struct Trust(Policy);

#[derive(Clone, Default)]
enum Policy {
    #[default]
    Always,
    Never,
    Networks(Arc<[IpNet]>),
    Function(Arc<dyn Fn(&RequestHead<'_>) -> bool + Send + Sync>),
}

impl Trust {
    /// Everybody: the default, for services behind an edge that does the checking.
    pub fn always() -> Self {
        Self(Policy::Always)
    }

    /// Nobody: for the public edge.
    pub fn never() -> Self {
        Self(Policy::Never)
    }

    /// Whoever connects from one of these networks. A peer that is not known is not trusted.
    pub fn networks(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(Policy::Networks(networks.into_iter().map(canonical).collect()))
    }

    /// Whomever this function believes.
    pub fn when(believes: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self(Policy::Function(Arc::new(believes)))
    }

    /// Whether it goes by more than who calls.
    pub(super) fn looks_at_requests(&self) -> bool {
        matches!(self.0, Policy::Function(_))
    }

    #[inline]
    pub(crate) fn believes(
        &self,
        request: &RequestHead<'_>,
        peer: impl FnOnce() -> Option<SocketAddr>,
    ) -> bool {
        match &self.0 {
            Policy::Always => true,
            Policy::Never => false,
            Policy::Networks(networks) => peer().is_some_and(|peer| contains(networks, peer.ip())),
            Policy::Function(believes) => believes(request),
        }
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Policy::Always => f.write_str("Trust::always"),
            Policy::Never => f.write_str("Trust::never"),
            Policy::Networks(networks) => f.debug_tuple("Trust::networks").field(networks).finish(),
            Policy::Function(_) => f.write_str("Trust::when(..)"),
        }
    }
}

/// Which proxies may say, in `Forwarded` and `X-Forwarded-*`, who called and how.
///
/// By default none may, as anybody can write these fields.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    pub(super) which: Which,
    pub(super) fields: Fields,
}

#[derive(Clone, Debug, Default)]
pub(super) enum Which {
    #[default]
    None,
    Networks(Arc<[IpNet]>),
    Hops(usize),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fields {
    #[default]
    ForwardedFirst,
    OnlyForwarded,
    OnlyXForwarded,
}

impl TrustedProxies {
    /// No proxy.
    pub fn none() -> Self {
        Self::default()
    }

    /// Proxies in these networks. The fields count only when the peer is one of them, and the client
    /// is the right-most address that is not.
    pub fn networks(networks: impl IntoIterator<Item = IpNet>) -> Self {
        let which = Which::Networks(networks.into_iter().map(canonical).collect());
        Self { which, fields: Fields::default() }
    }

    /// So many proxies in front of this service, whatever their addresses. The client is the address
    /// that the outermost of them has seen. Nobody must be able to come around them.
    pub fn hops(hops: usize) -> Self {
        let which = if hops == 0 { Which::None } else { Which::Hops(hops) };
        Self { which, fields: Fields::default() }
    }

    /// Reads only `Forwarded` (RFC 7239), for proxies that let `X-Forwarded-*` of clients through.
    #[must_use]
    pub fn only_forwarded(self) -> Self {
        Self { fields: Fields::OnlyForwarded, ..self }
    }

    /// Reads only `X-Forwarded-*`, for proxies that let `Forwarded` of clients through. Without
    /// either restriction `Forwarded` wins where both are there.
    #[must_use]
    pub fn only_x_forwarded(self) -> Self {
        Self { fields: Fields::OnlyXForwarded, ..self }
    }
}

/// A network of IPv4 addresses mapped into IPv6 as one of IPv4 addresses.
fn canonical(network: IpNet) -> IpNet {
    const MAPPED: u8 = 96;
    let mapped = || {
        let length = network.prefix_len().checked_sub(MAPPED)?;
        match (network, network.addr().to_canonical()) {
            (IpNet::V6(_), IpAddr::V4(address)) => Ipv4Net::new(address, length).ok(),
            _ => None,
        }
    };
    mapped().map_or(network, IpNet::V4)
}

/// Whether an address lies in one of the networks, IPv4 addresses mapped into IPv6 taken as IPv4.
pub(super) fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}
