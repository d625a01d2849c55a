//! What is said about the way to a Collector, in code or in variables.

use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::{Compression, Protocol};

/// The way to a Collector: its address, protocol, headers and so on.
///
/// Said for [all signals](crate::sdk::Builder::otlp) or for [one](crate::sdk::Builder::otlp_for),
/// which counts for more. What is not said comes from the environment.
///
/// ```
/// use std::time::Duration;
/// use tracewire::sdk::{Compression, Otlp, Protocol};
///
/// let way = Otlp::new()
///     .endpoint("http://collector:4317")
///     .protocol(Protocol::Grpc)
///     .compression(Compression::Gzip)
///     .timeout(Duration::from_secs(5));
/// # assert!(format!("{way:?}").contains("collector"));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it has to be given to a builder"]
pub struct Otlp {
    pub(in crate::sdk) endpoint: Option<String>,
    pub(in crate::sdk) protocol: Option<Protocol>,
    pub(in crate::sdk) headers: Option<Vec<(HeaderName, HeaderValue)>>,
    pub(in crate::sdk) timeout: Option<Duration>,
    pub(in crate::sdk) compression: Option<Compression>,
    pub(in crate::sdk) insecure: Option<bool>,
    pub(in crate::sdk) certificate: Option<PathBuf>,
    pub(in crate::sdk) client_certificate: Option<PathBuf>,
    pub(in crate::sdk) client_key: Option<PathBuf>,
    pub(in crate::sdk) max_request: Option<usize>,
    pub(in crate::sdk) max_response: Option<usize>,
}

impl Otlp {
    /// Nothing is said yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The address, as `http://host:port` or `https://host:port`. Said for all signals, over HTTP
    /// the path of each is added; said for one signal, it is used as it is. Variable:
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// How telemetry travels. Variable: `OTEL_EXPORTER_OTLP_PROTOCOL`.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// A header of every request. Those from the environment are then not sent. Variable:
    /// `OTEL_EXPORTER_OTLP_HEADERS`.
    pub fn header(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.headers.get_or_insert_default().push((name, value));
        self
    }

    /// How long one export may take, with everything that is tried again; ten seconds by default.
    /// Variable: `OTEL_EXPORTER_OTLP_TIMEOUT`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How requests are made smaller. Variable: `OTEL_EXPORTER_OTLP_COMPRESSION`.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// Takes an address for gRPC that names no scheme as `http`, not as `https`. Variable:
    /// `OTEL_EXPORTER_OTLP_INSECURE`.
    pub fn insecure(mut self) -> Self {
        self.insecure = Some(true);
        self
    }

    /// A file in PEM with the certificates to trust instead of the system's. Variable:
    /// `OTEL_EXPORTER_OTLP_CERTIFICATE`.
    pub fn certificate(mut self, file: impl Into<PathBuf>) -> Self {
        self.certificate = Some(file.into());
        self
    }

    /// Files in PEM with the certificate of this process and its private key, for a server that asks
    /// who it is (mTLS). Variables: `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`,
    /// `OTEL_EXPORTER_OTLP_CLIENT_KEY`.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.client_certificate = Some(certificate.into());
        self.client_key = Some(key.into());
        self
    }

    /// How many bytes one request may have before it is packed; 64 MiB by default. What is larger is
    /// sent in parts, and a single span, log record or metric that is larger is dropped. Collectors
    /// often take no more than 4 MiB over gRPC and 20 MiB over HTTP. There is no variable for it.
    pub fn max_request_size(mut self, bytes: usize) -> Self {
        self.max_request = Some(bytes);
        self
    }

    /// How many bytes an answer may have; 4 MiB by default. One that is larger is not read to its
    /// end, and what it is the answer to counts as dropped. There is no variable for it.
    pub fn max_response_size(mut self, bytes: usize) -> Self {
        self.max_response = Some(bytes);
        self
    }

    /// What is said here, and else what `other` says.
    pub(in crate::sdk) fn or(self, other: Self) -> Self {
        Self {
            endpoint: self.endpoint.or(other.endpoint),
            protocol: self.protocol.or(other.protocol),
            headers: self.headers.or(other.headers),
            timeout: self.timeout.or(other.timeout),
            compression: self.compression.or(other.compression),
            insecure: self.insecure.or(other.insecure),
            certificate: self.certificate.or(other.certificate),
            client_certificate: self.client_certificate.or(other.client_certificate),
            client_key: self.client_key.or(other.client_key),
            max_request: self.max_request.or(other.max_request),
            max_response: self.max_response.or(other.max_response),
        }
    }
}
