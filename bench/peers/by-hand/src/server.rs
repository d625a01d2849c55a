//! `server.address` and `server.port` of an authority.

use opentelemetry::{KeyValue, StringValue};

use crate::Kept;

type Server = (&'static str, Option<u16>);

static SERVERS: Kept<Server> = Kept::new();

/// Adds what an authority or a `Host` names, with the port of the scheme where it names none. One that comes again is
/// known by its bytes, and read no more.
#[inline]
pub fn name(named: &[u8], default_port: Option<u16>, attributes: &mut Vec<KeyValue>) {
    let known = SERVERS.get(named, |named| {
        let (host, port) = host_and_port(named)?;
        Some((&*host.leak(), port))
    });
    let known = known.map(|(host, port)| (StringValue::from(host), port));
    let copied = || host_and_port(named).map(|(host, port)| (StringValue::from(host), port));
    if let Some((host, port)) = known.or_else(copied) {
        attributes.push(KeyValue::new("server.address", host));
        let port = port.or(default_port);
        attributes.extend(port.map(|port| KeyValue::new("server.port", i64::from(port))));
    }
}

fn host_and_port(named: &[u8]) -> Option<(String, Option<u16>)> {
    let authority = http::uri::Authority::try_from(named).ok()?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| (host.to_owned(), authority.port_u16()))
}
