//! Connections to a Collector in a program without the feature `sdk-tls`: never encrypted.

use std::path::Path;
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;

use crate::Error;

/// What opens connections.
pub(crate) type Connector = HttpConnector;

/// The files behind an encrypted connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Files<'a> {
    pub(crate) certificate: Option<&'a Path>,
    pub(crate) identity: Option<(&'a Path, &'a Path)>,
}

/// Which version of HTTP both sides agree on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// Opens connections for addresses that begin with `http`.
pub(crate) fn plain(_: Version, timeout: Duration) -> Result<Connector, Error> {
    let mut http = HttpConnector::new();
    http.set_nodelay(true);
    http.set_connect_timeout(Some(timeout));
    Ok(http)
}

/// Always an error.
pub(crate) fn encrypted(_: Files<'_>, _: Version, _: Duration) -> Result<Connector, Error> {
    Err(Error::configuration("TLS needs the feature `sdk-tls` of tracewire"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_what_is_missing() {
        let found = encrypted(Files::default(), Version::Http1, Duration::ZERO);
        assert!(found.is_err_and(|error| error.to_string().contains("`sdk-tls`")));
    }
}
