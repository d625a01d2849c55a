//! The target of a channel as `server.address` and `server.port` (semantic conventions, "gRPC").

use std::sync::Arc;

use crate::http::{Host, host_and_port};

/// Where a channel leads: what to record, and the host that destination rules look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The host without brackets, the path of a socket, or all of a target that is neither.
    pub(super) address: Arc<str>,
    /// The port, where the target names one host and a port.
    pub(super) port: Option<u16>,
    /// Whether `address` is a host.
    pub(super) is_host: bool,
}

impl Target {
    /// Parses a target as in gRPC's naming, or a URI as tonic takes them:
    ///
    /// | target | address | port |
    /// |---|---|---|
    /// | `dns://1.2.3.4/shop:50051`, `dns:shop:50051`, `shop:50051` | `shop` | 50051 |
    /// | `http://shop:50051`, `https://shop` | `shop` | 50051, 443 |
    /// | `ipv4:10.0.0.1:50051`, `ipv6:[::1]:50051` | `10.0.0.1`, `::1` | 50051 |
    /// | `unix:/run/shop.sock`, `unix:///run/shop.sock` | `/run/shop.sock` | |
    /// | several addresses, other schemes | the whole target | |
    pub(super) fn parse(target: &str) -> Self {
        let target = target.trim();
        let (scheme, rest) = target.split_once(':').unwrap_or(("", target));
        let parsed = match scheme.to_ascii_lowercase().as_str() {
            scheme @ ("http" | "https") => {
                Self::host(before_path(rest.trim_start_matches('/')), default_port(scheme))
            }
            "dns" => Self::host(endpoint(rest), None),
            "ipv4" | "ipv6" => Self::host(endpoint(rest), None).filter(Self::is_one_address),
            "unix" => Some(Self::whole(rest.strip_prefix("//").unwrap_or(rest))),
            _ if rest.starts_with("//") => None,
            _ => Self::host(target, None).filter(|it| !it.address.contains(',')),
        };
        parsed.unwrap_or_else(|| Self::whole(target))
    }

    /// The host and port for rules about destinations.
    pub(super) fn server(&self) -> Option<Host> {
        self.is_host.then(|| (self.address.clone(), self.port))
    }

    fn host(authority: &str, default_port: Option<u16>) -> Option<Self> {
        let (host, port) = host_and_port(authority)?;
        Some(Self { address: host.into(), port: port.or(default_port), is_host: true })
    }

    fn whole(target: &str) -> Self {
        Self { address: target.into(), port: None, is_host: false }
    }

    fn is_one_address(&self) -> bool {
        self.address.parse::<std::net::IpAddr>().is_ok()
    }
}

/// The port of a URI that names none.
pub(super) fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// The endpoint of `//authority/endpoint`, or of `endpoint`.
fn endpoint(rest: &str) -> &str {
    match rest.strip_prefix("//") {
        Some(rest) => rest.split_once('/').map_or(rest, |(_, endpoint)| endpoint),
        None => rest,
    }
}

fn before_path(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn targets_become_addresses() {
        let hosts = [
            ("dns://1.2.3.4/grpc.io:50051", "grpc.io", Some(50051)),
            ("dns:///grpc.io:50051", "grpc.io", Some(50051)),
            ("dns:grpc.io:50051", "grpc.io", Some(50051)),
            ("dns:grpc.io", "grpc.io", None),
            ("DNS:grpc.io", "grpc.io", None),
            ("grpc.io:50051", "grpc.io", Some(50051)),
            ("grpc.io", "grpc.io", None),
            ("localhost:50051", "localhost", Some(50051)),
            ("[::1]:50051", "::1", Some(50051)),
            ("10.0.0.1:80", "10.0.0.1", Some(80)),
            ("http://10.0.0.1:50051", "10.0.0.1", Some(50051)),
            ("http://[::1]:50051/", "::1", Some(50051)),
            ("http://shop", "shop", Some(80)),
            ("https://user:secret@shop/api?key=1", "shop", Some(443)),
            ("ipv4:10.0.0.1:50051", "10.0.0.1", Some(50051)),
            ("ipv4:10.0.0.1", "10.0.0.1", None),
            ("ipv6:[2001:db8::1]:50051", "2001:db8::1", Some(50051)),
        ];
        for (target, address, port) in hosts {
            let parsed = Target::parse(target);
            assert_eq!((&*parsed.address, parsed.port), (address, port), "{target}");
            assert_eq!(parsed.server(), Some((address.into(), port)), "{target}");
        }
        let others = [
            ("unix:/run/shop.sock", "/run/shop.sock"),
            ("unix:///run/shop.sock", "/run/shop.sock"),
            ("unix:shop.sock", "shop.sock"),
            ("unix-abstract:shop", "unix-abstract:shop"),
            ("zk://zookeeper/my_service", "zk://zookeeper/my_service"),
            ("xds:///shop:50051", "xds:///shop:50051"),
            ("ipv4:10.0.0.1:50051,10.0.0.2:50051", "ipv4:10.0.0.1:50051,10.0.0.2:50051"),
            ("ipv6:[::1]:1,[::2]:1", "ipv6:[::1]:1,[::2]:1"),
            ("vsock:2:50051", "vsock:2:50051"),
            ("a:1,b:2", "a:1,b:2"),
            ("http://", "http://"),
            ("", ""),
        ];
        for (target, address) in others {
            let parsed = Target::parse(target);
            assert_eq!((&*parsed.address, parsed.port), (address, None), "{target}");
            assert_eq!(parsed.server(), None, "{target}");
        }
    }
}
