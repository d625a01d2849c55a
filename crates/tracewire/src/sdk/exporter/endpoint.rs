//! The address that spans are sent to.

use std::fmt;

use http::Uri;

use super::Protocol;
use crate::Error;

/// An absolute `http` URL that is fit for its protocol.
///
/// `Display` leaves out user information, which may be a password.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint(Uri);

const TRACES: &str = "v1/traces";

impl Endpoint {
    /// Where a Collector on the same machine listens.
    pub(crate) fn local(protocol: Protocol) -> Self {
        Self(Uri::from_static(match protocol {
            Protocol::Grpc => "http://localhost:4317",
            Protocol::HttpProtobuf => "http://localhost:4318/v1/traces",
        }))
    }

    /// An address for all signals; over HTTP the path for traces is added, unless it is there.
    pub(crate) fn base(text: &str, protocol: Protocol, insecure: bool) -> Result<Self, Error> {
        let base = text.trim_end_matches('/');
        if protocol == Protocol::Grpc || base.ends_with(TRACES) {
            Self::exact(text, protocol, insecure)
        } else {
            Self::exact(&format!("{base}/{TRACES}"), protocol, insecure)
        }
    }

    /// An address for traces, used as it is.
    pub(crate) fn exact(text: &str, protocol: Protocol, insecure: bool) -> Result<Self, Error> {
        let text = text.trim();
        let wrong = |why: &str| Error::configuration(format!("the OTLP endpoint {text:?} {why}"));
        let absolute = match (text.contains("://"), protocol) {
            (true, _) => text.to_owned(),
            (false, Protocol::Grpc) if insecure => format!("http://{text}"),
            (false, Protocol::Grpc) => return Err(wrong("needs http:// in front of it")),
            (false, Protocol::HttpProtobuf) => {
                return Err(wrong("needs http:// in front of it"));
            }
        };
        let uri: Uri = absolute.parse().map_err(|error| wrong("is not a URL").because(error))?;
        match (uri.scheme_str(), uri.host()) {
            (_, None | Some("")) => Err(wrong("names no host")),
            (Some("http"), _) => Ok(Self(uri)),
            (Some("https"), _) => Err(wrong(
                "asks for TLS, which is not supported yet; send to a Collector nearby over http://",
            )),
            _ => Err(wrong("should begin with http://")),
        }
    }

    /// The whole URL.
    pub(crate) fn url(&self) -> String {
        self.0.to_string()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.0.authority().map(http::uri::Authority::as_str);
        let authority = authority.unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        write!(f, "http://{host}{}", self.0.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_become_urls() {
        use Protocol::{Grpc, HttpProtobuf};
        let cases = [
            (HttpProtobuf, "http://otel:4318", Some("http://otel:4318/v1/traces")),
            (HttpProtobuf, "http://otel:4318/", Some("http://otel:4318/v1/traces")),
            (HttpProtobuf, "http://otel/in/v1/traces", Some("http://otel/in/v1/traces")),
            (HttpProtobuf, "http://otel/in", Some("http://otel/in/v1/traces")),
            (HttpProtobuf, "otel:4318", None),
            (HttpProtobuf, "https://otel:4318", None),
            (HttpProtobuf, "http://", None),
            (HttpProtobuf, "unix:///run/otel.sock", None),
            (HttpProtobuf, "http://o tel", None),
            (Grpc, "http://otel:4317", Some("http://otel:4317/")),
            (Grpc, "http://[::1]:4317", Some("http://[::1]:4317/")),
            (Grpc, "otel:4317", None),
            (Grpc, "https://otel:4317", None),
        ];
        for (protocol, text, expected) in cases {
            let found = Endpoint::base(text, protocol, false);
            assert_eq!(found.as_ref().map(Endpoint::url).ok().as_deref(), expected, "{text}");
            assert!(found.is_ok() || found.is_err_and(|error| error.is_configuration()));
        }
    }

    #[test]
    fn an_endpoint_for_traces_is_used_as_it_is() {
        let exact = |text| Endpoint::exact(text, Protocol::HttpProtobuf, false).map(|e| e.url());
        assert_eq!(exact("http://otel:4318").ok().as_deref(), Some("http://otel:4318/"));
        assert_eq!(exact("http://otel/spans").ok().as_deref(), Some("http://otel/spans"));
    }

    #[test]
    fn insecure_is_for_grpc_without_a_scheme() {
        let found = Endpoint::base("otel:4317", Protocol::Grpc, true);
        assert_eq!(found.map(|e| e.url()).ok().as_deref(), Some("http://otel:4317/"));
        assert!(Endpoint::base("https://otel:4317", Protocol::Grpc, true).is_err());
    }

    #[test]
    fn a_password_is_not_shown() {
        let endpoint = Endpoint::base("http://me:secret@otel:4318", Protocol::HttpProtobuf, false);
        let shown = endpoint.map(|e| e.to_string());
        assert_eq!(shown.ok().as_deref(), Some("http://otel:4318/v1/traces"));
    }
}
