//! The address that a signal is sent to.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use super::Protocol;
use crate::Error;
use crate::sdk::Signal;

/// An absolute `http` or `https` URL that is fit for its protocol.
///
/// User information, which may be a password, is no part of it but a header of its own.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    uri: Uri,
    authorization: Option<HeaderValue>,
}

impl Endpoint {
    /// Where a Collector on the same machine listens.
    pub(crate) fn local(signal: Signal, protocol: Protocol) -> Result<Self, Error> {
        let port = if protocol == Protocol::Grpc { 4317 } else { 4318 };
        Self::base(&format!("http://localhost:{port}"), signal, protocol, false)
    }

    /// An address for all signals; over HTTP the signal's path is added, unless it is there.
    pub(crate) fn base(
        text: &str,
        signal: Signal,
        protocol: Protocol,
        insecure: bool,
    ) -> Result<Self, Error> {
        let base = text.trim_end_matches('/');
        if protocol == Protocol::Grpc || base.ends_with(signal.path()) {
            Self::exact(text, signal, protocol, insecure)
        } else {
            Self::exact(&format!("{base}/{}", signal.path()), signal, protocol, insecure)
        }
    }

    /// An address for this signal, used as it is; for gRPC the method is added.
    pub(crate) fn exact(
        text: &str,
        signal: Signal,
        protocol: Protocol,
        insecure: bool,
    ) -> Result<Self, Error> {
        let text = text.trim();
        let wrong = |why: &str| Error::configuration(format!("the endpoint {} {why}", shown(text)));
        let grpc = protocol == Protocol::Grpc;
        let mut absolute = match (text.contains("://"), insecure) {
            (true, _) => text.to_owned(),
            (false, true) if grpc => format!("http://{text}"),
            (false, false) if grpc => format!("https://{text}"),
            (false, _) => return Err(wrong("needs http:// or https:// in front of it")),
        };
        if grpc {
            absolute.truncate(absolute.trim_end_matches('/').len());
            absolute.push_str(signal.method());
        }
        let uri: Uri = absolute.parse().map_err(|error| wrong("is not a URL").because(error))?;
        match (uri.scheme_str(), uri.host()) {
            (_, None | Some("")) => Err(wrong("names no host")),
            (Some("http" | "https"), _) => Self::split(uri).ok_or_else(|| wrong("is not a URL")),
            _ => Err(wrong("should begin with http:// or https://")),
        }
    }

    /// Where Zipkin receives spans.
    pub(crate) fn zipkin(text: &str) -> Result<Self, Error> {
        Self::exact(text, Signal::Traces, Protocol::HttpJson, false)
    }

    /// Takes user information out of the address.
    fn split(uri: Uri) -> Option<Self> {
        let authority = uri.authority()?.as_str();
        let Some((user, host)) = authority.rsplit_once('@') else {
            return Some(Self { uri, authorization: None });
        };
        let plain: Vec<u8> = percent_decode_str(user).collect();
        let mut header =
            HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(plain))).ok()?;
        header.set_sensitive(true);
        let host = host.parse().ok()?;
        let mut parts = uri.into_parts();
        parts.authority = Some(host);
        Some(Self { uri: Uri::from_parts(parts).ok()?, authorization: Some(header) })
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The user and password of the address as a header.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// Whether connections to it are encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }
}

/// Without a query, which may hold a key.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let host = self.uri.authority().map_or("", http::uri::Authority::as_str);
        write!(f, "{scheme}://{host}{}", self.uri.path())
    }
}

/// What was written, without user information.
fn shown(text: &str) -> String {
    match text.split_once('@') {
        Some((user, host)) => {
            let scheme = user.find("://").map_or("", |at| &user[..at + 3]);
            format!("{:?}", format!("{scheme}…@{host}"))
        }
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use Protocol::{Grpc, HttpJson, HttpProtobuf};

    use super::*;

    fn base(text: &str, protocol: Protocol, insecure: bool) -> Result<Endpoint, Error> {
        Endpoint::base(text, Signal::Traces, protocol, insecure)
    }

    #[test]
    fn endpoints_become_urls() {
        let method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        let grpc = |base: &str| Some(format!("{base}{method}"));
        let http = |url: &str| Some(url.to_owned());
        let cases = [
            (HttpProtobuf, "http://otel:4318", http("http://otel:4318/v1/traces")),
            (HttpProtobuf, "https://otel:4318", http("https://otel:4318/v1/traces")),
            (HttpJson, "http://otel:4318/", http("http://otel:4318/v1/traces")),
            (HttpProtobuf, "http://otel/in/v1/traces", http("http://otel/in/v1/traces")),
            (HttpProtobuf, "http://otel/in", http("http://otel/in/v1/traces")),
            (HttpProtobuf, "otel:4318", None),
            (HttpProtobuf, "http://", None),
            (HttpProtobuf, "unix:///run/otel.sock", None),
            (HttpProtobuf, "http://o tel", None),
            (Grpc, "http://otel:4317", grpc("http://otel:4317")),
            (Grpc, "http://otel:4317/in/", grpc("http://otel:4317/in")),
            (Grpc, "http://[::1]:4317", grpc("http://[::1]:4317")),
            (Grpc, "otel:4317", grpc("https://otel:4317")),
        ];
        for (protocol, text, expected) in cases {
            let found = base(text, protocol, false);
            assert_eq!(found.as_ref().map(|it| it.uri().to_string()).ok(), expected, "{text}");
            assert!(found.is_ok() || found.is_err_and(|error| error.is_configuration()));
        }
    }

    #[test]
    fn each_signal_has_a_path() {
        for (signal, path) in [(Signal::Metrics, "/v1/metrics"), (Signal::Logs, "/v1/logs")] {
            let found = Endpoint::base("http://otel:4318", signal, HttpProtobuf, false);
            assert_eq!(found.map(|it| it.uri().path().to_owned()).ok().as_deref(), Some(path));
        }
    }

    #[test]
    fn an_endpoint_for_one_signal_is_used_as_it_is() {
        let exact = |text| {
            Endpoint::exact(text, Signal::Traces, HttpProtobuf, false).map(|it| it.to_string())
        };
        assert_eq!(exact("http://otel:4318").ok().as_deref(), Some("http://otel:4318/"));
        assert_eq!(exact("http://otel/spans").ok().as_deref(), Some("http://otel/spans"));
    }

    #[test]
    fn insecure_is_for_grpc_without_a_scheme() {
        let cases = [
            ("otel:4317", true, Some(false)),
            ("otel:4317", false, Some(true)),
            ("https://otel:4317", true, Some(true)),
        ];
        for (text, insecure, encrypted) in cases {
            let found = base(text, Grpc, insecure);
            assert_eq!(found.map(|it| it.is_encrypted()).ok(), encrypted, "{text}");
        }
        assert!(base("otel:4318", HttpProtobuf, true).is_err());
    }

    #[test]
    fn a_password_is_a_header_and_is_not_shown() {
        let Ok(endpoint) = base("http://me:se%3acret@otel:4318?key=x", HttpProtobuf, false) else {
            panic!("it is an endpoint");
        };
        assert!(!endpoint.to_string().contains("cret"), "{endpoint}");
        assert!(!format!("{endpoint:?}").contains("cret"), "{endpoint:?}");
        let header = endpoint.authorization().and_then(|it| it.to_str().ok());
        assert_eq!(header, Some("Basic bWU6c2U6Y3JldA=="));
        let error = base("me:secret@otel:4318", HttpProtobuf, false).err();
        assert!(error.is_some_and(|error| !error.to_string().contains("secret")));
    }
}
