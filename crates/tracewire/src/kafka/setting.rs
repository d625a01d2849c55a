//! What a `ClientConfig` says that belongs on spans.

use opentelemetry::StringValue;
use rdkafka::ClientConfig;

use super::{Config, SYSTEM};
use crate::messaging::Client;

/// What is known of a client from how it was made.
#[derive(Clone, Debug, Default)]
pub(super) struct Setting {
    server: Option<(StringValue, u16)>,
    client_id: Option<StringValue>,
    pub(super) group: Option<StringValue>,
}

impl Setting {
    pub(super) fn of(config: &ClientConfig) -> Self {
        let text = |key| config.get(key).map(|value| StringValue::from(value.to_owned()));
        Self {
            server: config.get("bootstrap.servers").and_then(only_server),
            client_id: text("client.id"),
            group: text("group.id"),
        }
    }

    /// A client with these settings, and what they leave open from here.
    pub(super) fn client(&self, config: &Config) -> Client {
        let mut config = config.clone().server_if_none(self.server.clone());
        if let Some(id) = &self.client_id {
            config = config.client_id_if_none(|| id.clone());
        }
        Client::new(SYSTEM, &config)
    }
}

/// The host and port of a list of just one server; 9092 is the port when none is named.
fn only_server(list: &str) -> Option<(StringValue, u16)> {
    let mut servers = list.split(',').map(str::trim).filter(|server| !server.is_empty());
    let (server, None) = (servers.next()?, servers.next()) else {
        return None;
    };
    let server = server.split_once("://").map_or(server, |(_, server)| server);
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().ok()?)
        }
        _ => (server, 9092),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| (host.to_owned().into(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_is_the_server_and_several_are_none() {
        let cases = [
            ("kafka:9093", Some(("kafka", 9093))),
            (" PLAINTEXT://kafka:9093 ,", Some(("kafka", 9093))),
            ("kafka", Some(("kafka", 9092))),
            ("[::1]:9093", Some(("::1", 9093))),
            ("a:1,b:1", None),
            ("a:port", None),
            ("", None),
        ];
        for (list, expected) in cases {
            let found = only_server(list);
            let found = found.as_ref().map(|(host, port)| (host.as_str(), *port));
            assert_eq!(found, expected, "{list}");
        }
    }
}
