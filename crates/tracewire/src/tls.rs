//! Connections to a Collector that are encrypted where its address says so.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::Error;

/// What opens connections; `http` and `https` are both known to it.
pub(crate) type Connector = HttpsConnector<HttpConnector>;

/// The files behind an encrypted connection, in PEM.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Files<'a> {
    /// Whom to trust, instead of the authorities of the system.
    pub(crate) certificate: Option<&'a Path>,
    /// Who we are, for servers that ask: a certificate chain and its key.
    pub(crate) identity: Option<(&'a Path, &'a Path)>,
}

/// Which version of HTTP both sides agree on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// Opens connections for addresses that begin with `http`.
pub(crate) fn plain(version: Version, timeout: Duration) -> Result<Connector, Error> {
    // Nobody is trusted, as nobody is asked for a certificate.
    connector(config(RootCertStore::empty(), None)?, version, timeout)
}

/// Opens connections for addresses that begin with `https`.
///
/// # Errors
/// When a file cannot be read or holds something else than it should.
pub(crate) fn encrypted(
    files: Files<'_>,
    version: Version,
    timeout: Duration,
) -> Result<Connector, Error> {
    let roots = match files.certificate {
        Some(path) => trusted(path)?,
        None => system(),
    };
    connector(config(roots, files.identity)?, version, timeout)
}

fn connector(
    config: ClientConfig,
    version: Version,
    timeout: Duration,
) -> Result<Connector, Error> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(timeout));
    let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http();
    Ok(match version {
        Version::Http1 => builder.enable_http1().wrap_connector(http),
        Version::Http2 => builder.enable_http2().wrap_connector(http),
    })
}

/// The provider of the process goes first. Ours is named, not installed, so that no other user of
/// rustls in the program finds one that it did not choose.
fn config(roots: RootCertStore, identity: Option<(&Path, &Path)>) -> Result<ClientConfig, Error> {
    let provider = CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::configuration("TLS cannot be set up").because(error))?
        .with_root_certificates(roots);
    let Some((certificate, key)) = identity else {
        return Ok(config.with_no_client_auth());
    };
    let chain = certificates(certificate)?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        let key = key.display();
        Error::configuration(format!("no private key can be read from {key}: {error}"))
            .because(error)
    })?;
    config.with_client_auth_cert(chain, secret).map_err(|error| {
        let (certificate, key) = (certificate.display(), key.display());
        let what = format!("{certificate} and {key} are no certificate and its key: {error}");
        Error::configuration(what).because(error)
    })
}

fn trusted(path: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| {
            let path = path.display();
            Error::configuration(format!("{path} holds a certificate that cannot be used: {error}"))
                .because(error)
        })?;
    }
    Ok(roots)
}

/// At least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let unreadable = |error: rustls::pki_types::pem::Error| {
        let path = path.display();
        Error::configuration(format!("no certificate can be read from {path}: {error}"))
            .because(error)
    };
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(unreadable)?
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    if found.is_empty() {
        return Err(Error::configuration(format!("there is no certificate in {}", path.display())));
    }
    Ok(found)
}

/// The authorities that the system trusts; in a container without any, those that browsers trust.
fn system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}
