//! The variables of OTLP, each with one for a single signal beside it that counts for more.
//!
//! Specification: OpenTelemetry Protocol Exporter, "Configuration Options".

use std::path::PathBuf;

use http::{HeaderName, HeaderValue};

use super::{Env, decode};
use crate::sdk::{Compression, Otlp, Protocol, Signal};

impl Env {
    /// What the variables for all signals say.
    pub(in crate::sdk) fn otlp(&mut self) -> Otlp {
        self.otlp_of("OTEL_EXPORTER_OTLP_")
    }

    /// What the variables for this signal alone say.
    pub(in crate::sdk) fn otlp_for(&mut self, signal: Signal) -> Otlp {
        self.otlp_of(&format!("OTEL_EXPORTER_OTLP_{}_", signal.variable()))
    }

    fn otlp_of(&mut self, prefix: &str) -> Otlp {
        let name = |suffix: &str| format!("{prefix}{suffix}");
        let file = |env: &mut Self, suffix| env.text(&name(suffix)).map(PathBuf::from);
        Otlp {
            endpoint: self.text(&name("ENDPOINT")),
            protocol: self.choice(
                &[&name("PROTOCOL")],
                "grpc, http/protobuf or http/json",
                Protocol::from_name,
            ),
            headers: self.headers(&name("HEADERS")),
            timeout: self.timeout(&[&name("TIMEOUT")]),
            compression: self.choice(
                &[&name("COMPRESSION")],
                "gzip or none",
                Compression::from_name,
            ),
            insecure: self.maybe(&name("INSECURE")),
            certificate: file(self, "CERTIFICATE"),
            client_certificate: file(self, "CLIENT_CERTIFICATE"),
            client_key: file(self, "CLIENT_KEY"),
            ..Otlp::new()
        }
    }

    /// `name=value,…`, values percent-encoded. What is no header is left out, and not shown, as it
    /// may be a secret.
    fn headers(&mut self, name: &str) -> Option<Vec<(HeaderName, HeaderValue)>> {
        let text = self.text(name)?;
        let mut headers = Vec::new();
        for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
            match header(pair) {
                Some(header) => headers.push(header),
                None => self.complain_of(format!(
                    "a part of {name} is ignored: it should be name=value,…, percent-encoded"
                )),
            }
        }
        Some(headers)
    }
}

/// A member as in baggage; properties after a `;` are no part of the value.
pub(in crate::sdk) fn header(pair: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = pair.split_once('=')?;
    let value = decode(value.trim()).unwrap_or_else(|| value.trim().to_owned());
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some((HeaderName::from_bytes(name.trim().as_bytes()).ok()?, value))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::ask;
    use super::*;

    #[test]
    fn each_signal_has_variables_of_its_own() {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318"),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://logs/in"),
            ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "7"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "HTTP/json"),
            ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "/ca.pem"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "GZIP"),
        ];
        let (all, none) = ask(&variables, Env::otlp);
        assert_eq!((all.endpoint.as_deref(), none), (Some("http://all:4318"), 0));
        assert_eq!(all.compression, Some(Compression::Gzip));
        let (logs, _) = ask(&variables, |env| env.otlp_for(Signal::Logs));
        assert_eq!(logs.endpoint.as_deref(), Some("http://logs/in"));
        let (metrics, _) = ask(&variables, |env| env.otlp_for(Signal::Metrics));
        assert_eq!(metrics.timeout, Some(Duration::from_millis(7)));
        let (traces, _) = ask(&variables, |env| env.otlp_for(Signal::Traces));
        assert_eq!(traces.protocol, Some(Protocol::HttpJson));
        assert_eq!(traces.certificate, Some(PathBuf::from("/ca.pem")));
    }

    #[test]
    fn what_is_not_understood_is_told_of_and_ignored() {
        let cases = [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
            ("OTEL_EXPORTER_OTLP_INSECURE", "maybe"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "secret"),
        ];
        for (name, value) in cases {
            let (otlp, complaints) = ask(&[(name, value)], Env::otlp);
            assert_eq!(complaints, 1, "{name}");
            assert!(otlp.protocol.is_none() && otlp.timeout.is_none(), "{name}");
            assert!(otlp.compression.is_none(), "{name}");
        }
    }

    #[test]
    fn headers_are_a_list_like_baggage() {
        let cases = [
            ("a=1", vec![("a", "1")], 0),
            (" api-key = a%20b , x=y=z ", vec![("api-key", "a b"), ("x", "y=z")], 0),
            ("authorization=Basic dTpw", vec![("authorization", "Basic dTpw")], 0),
            ("a=100%,b=2", vec![("a", "100%"), ("b", "2")], 0),
            ("a,b=2", vec![("b", "2")], 1),
            ("a b=1", vec![], 1),
            ("a=%0a", vec![], 1),
        ];
        for (text, expected, complaints) in cases {
            let (otlp, complained) = ask(&[("OTEL_EXPORTER_OTLP_HEADERS", text)], Env::otlp);
            let headers = otlp.headers.unwrap_or_default();
            let found: Vec<_> = headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
                .collect();
            assert_eq!((found, complained), (expected, complaints), "{text}");
        }
    }
}
