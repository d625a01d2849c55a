//! `server.address` and `server.port` of an authority.

use opentelemetry::{KeyValue, StringValue};

use crate::Kept;

/// What an authority or a `Host` names.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    host: &'static str,
    port: Option<u16>,
    /// All of it, without a name and a password.
    pub shown: &'static str,
}

/// What was read of one. That which comes again is known by its bytes, and read no more.
#[inline]
pub fn of(named: &[u8]) -> Option<Server> {
    static SERVERS: Kept<Server> = Kept::new();
    SERVERS.get(named, read)
}

/// Adds `server.address` and `server.port`, which is `default_port` where none is named.
#[inline]
pub fn name(
    named: &[u8],
    known: Option<Server>,
    default_port: Option<u16>,
    attributes: &mut Vec<KeyValue>,
) {
    let copied = || host_and_port(named).map(|(host, port)| (StringValue::from(host), port));
    let known = known.map(|it| (StringValue::from(it.host), it.port));
    if let Some((host, port)) = known.or_else(copied) {
        attributes.push(KeyValue::new("server.address", host));
        let port = port.or(default_port);
        attributes.extend(port.map(|port| KeyValue::new("server.port", i64::from(port))));
    }
}

fn read(named: &[u8]) -> Option<Server> {
    let (host, port) = host_and_port(named)?;
    let shown = shown(std::str::from_utf8(named).ok()?);
    Some(Server { host: host.leak(), port, shown: shown.leak() })
}

/// An authority without secrets.
pub fn shown(authority: &str) -> String {
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("REDACTED:REDACTED@{host}"),
        None => authority.to_owned(),
    }
}

fn host_and_port(named: &[u8]) -> Option<(String, Option<u16>)> {
    let authority = http::uri::Authority::try_from(named).ok()?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| (host.to_owned(), authority.port_u16()))
}
