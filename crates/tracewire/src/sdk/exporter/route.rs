//! The way of one signal to a Collector, ready to be gone.

use std::time::Duration;

use http::HeaderMap;
use http::header::{AUTHORIZATION, USER_AGENT};

use super::endpoint::Endpoint;
use super::{Compression, Otlp, Protocol};
use crate::Error;
use crate::sdk::Signal;
use crate::sdk::env::Env;
use crate::tls::{self, Connector, Files, Version};

/// Where one signal goes, and how.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) signal: Signal,
    pub(crate) protocol: Protocol,
    pub(crate) endpoint: Endpoint,
    /// Sent with every request; the content's own headers are not among them.
    pub(crate) headers: HeaderMap,
    /// How long one export may take, with everything that is tried again.
    pub(crate) timeout: Duration,
    pub(crate) compression: Compression,
    /// How many bytes a request may have before it is packed.
    pub(crate) max_request: usize,
    /// How many bytes an answer may have when it is unpacked.
    pub(crate) max_response: usize,
    pub(crate) connector: Connector,
}

/// Specification: OTLP exporter, the limits on requests and responses.
const MAX_REQUEST: usize = 64 << 20;
const MAX_RESPONSE: usize = 4 << 20;

const AGENT: &str = concat!(
    "tracewire/",
    env!("CARGO_PKG_VERSION"),
    " OTel-OTLP-Exporter-Rust/",
    env!("CARGO_PKG_VERSION")
);

impl Route {
    /// Brings together, from what counts most to what counts least: what is said in code for the
    /// signal, in code for all, in variables for the signal, in variables for all.
    ///
    /// # Errors
    /// When the endpoint cannot be used, or a file of certificates cannot be.
    pub(crate) fn find(
        signal: Signal,
        special: &Otlp,
        general: &Otlp,
        env: &mut Env,
    ) -> Result<Self, Error> {
        let (exact_env, base_env) = (env.otlp_for(signal), env.otlp());
        let endpoints = [
            (special.endpoint.clone(), true),
            (general.endpoint.clone(), false),
            (exact_env.endpoint.clone(), true),
            (base_env.endpoint.clone(), false),
        ];
        let said = special.clone().or(general.clone()).or(exact_env).or(base_env);
        let protocol = said.protocol.unwrap_or_default();
        let insecure = said.insecure.unwrap_or(false);
        let endpoint = endpoints.into_iter().find_map(|(text, exact)| Some((text?, exact)));
        let endpoint = match endpoint {
            Some((text, true)) => Endpoint::exact(&text, signal, protocol, insecure)?,
            Some((text, false)) => Endpoint::base(&text, signal, protocol, insecure)?,
            None => Endpoint::local(signal, protocol)?,
        };
        let timeout = said.timeout.unwrap_or(Duration::from_secs(10));
        let connector = connector(&said, &endpoint, protocol, timeout)?;
        Ok(Self {
            signal,
            protocol,
            headers: headers(&said, &endpoint),
            endpoint,
            timeout,
            compression: said.compression.unwrap_or_default(),
            max_request: said.max_request.unwrap_or(MAX_REQUEST),
            max_response: said.max_response.unwrap_or(MAX_RESPONSE),
            connector,
        })
    }

    /// To a Zipkin server.
    ///
    /// # Errors
    /// When the endpoint cannot be used.
    pub(crate) fn zipkin(endpoint: &str, timeout: Duration) -> Result<Self, Error> {
        let (nothing, protocol) = (Otlp::new(), Protocol::HttpJson);
        let endpoint = Endpoint::zipkin(endpoint)?;
        let connector = connector(&nothing, &endpoint, protocol, timeout)?;
        Ok(Self {
            signal: Signal::Traces,
            protocol,
            headers: headers(&nothing, &endpoint),
            endpoint,
            timeout,
            compression: Compression::None,
            max_request: MAX_REQUEST,
            max_response: MAX_RESPONSE,
            connector,
        })
    }
}

fn connector(
    said: &Otlp,
    endpoint: &Endpoint,
    protocol: Protocol,
    timeout: Duration,
) -> Result<Connector, Error> {
    let version = match protocol {
        Protocol::Grpc => Version::Http2,
        Protocol::HttpProtobuf | Protocol::HttpJson => Version::Http1,
    };
    if !endpoint.is_encrypted() {
        return tls::plain(version, timeout);
    }
    let identity = match (&said.client_certificate, &said.client_key) {
        (Some(certificate), Some(key)) => Some((certificate.as_path(), key.as_path())),
        (None, None) => None,
        (Some(_), None) => return Err(half("a client certificate", "its key", "KEY")),
        (None, Some(_)) => {
            return Err(half("the key of a client", "its certificate", "CERTIFICATE"));
        }
    };
    let files = Files { certificate: said.certificate.as_deref(), identity };
    tls::encrypted(files, version, timeout).map_err(|error| {
        Error::configuration(format!("nothing can be sent to {endpoint}: {error}")).because(error)
    })
}

fn half(there: &str, missing: &str, variable: &str) -> Error {
    Error::configuration(format!(
        "{there} is of no use without {missing}, OTEL_EXPORTER_OTLP_CLIENT_{variable}"
    ))
}

/// What the user says goes over what the endpoint says.
fn headers(said: &Otlp, endpoint: &Endpoint) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, http::HeaderValue::from_static(AGENT));
    if let Some(authorization) = endpoint.authorization() {
        headers.insert(AUTHORIZATION, authorization.clone());
    }
    for (name, value) in said.headers.iter().flatten() {
        headers.insert(name, value.clone());
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdk::env::tests::ask;

    #[test]
    fn code_beats_variables_and_one_signal_beats_all() {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://b"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ];
        let (nothing, general) = (Otlp::new(), Otlp::new().endpoint("http://c"));
        let special = Otlp::new().endpoint("http://d").timeout(Duration::from_secs(2));
        let cases = [
            (&variables[..1], &nothing, &nothing, "http://a/v1/traces", 10),
            (&variables, &nothing, &nothing, "http://b/", 1),
            (&variables, &nothing, &general, "http://c/v1/traces", 1),
            (&variables, &special, &general, "http://d/", 2),
            (&[], &nothing, &nothing, "http://localhost:4318/v1/traces", 10),
        ];
        for (variables, special, general, endpoint, seconds) in cases {
            let (found, _) =
                ask(variables, |env| Route::find(Signal::Traces, special, general, env));
            let found = found.map(|route| (route.endpoint.to_string(), route.timeout));
            let expected = (endpoint.to_owned(), Duration::from_secs(seconds));
            assert_eq!(found.ok(), Some(expected), "{endpoint}");
        }
    }

    #[test]
    fn a_certificate_without_its_key_is_an_error() {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://a"),
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/c.pem"),
        ];
        let nothing = Otlp::new();
        let (found, _) =
            ask(&variables, |env| Route::find(Signal::Traces, &nothing, &nothing, env));
        assert!(found.is_err_and(|error| error.to_string().contains("CLIENT_KEY")));
    }
}
