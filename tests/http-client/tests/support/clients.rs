//! The kinds of clients that a layer goes around.

use std::error::Error;
use std::fmt;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::TokioExecutor;
use tower::{ServiceBuilder, ServiceExt};
use tracewire::reqwest::Middleware;
use tracewire::test::Capture;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// A layer that writes into a capture: `layer!(hyper, capture)`.
macro_rules! layer {
    ($library:ident, $capture:expr) => {
        tracewire::$library::ClientLayer::new().telemetry(&$capture.telemetry())
    };
}
pub(crate) use layer;

/// A client, and the layer around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    /// `http::ClientLayer` around hyper-util's client.
    Plain,
    /// `hyper::ClientLayer` around hyper-util's client.
    Hyper,
    /// The same over HTTP/2.
    Http2,
    /// `reqwest::Middleware` in reqwest-middleware.
    Middleware,
    /// `reqwest::ClientLayer` around `reqwest::Client`.
    Reqwest,
}

/// A response that was read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// A reqwest client that uses no proxy, whatever the environment says.
pub(crate) fn reqwest_client() -> reqwest::Client {
    reqwest_builder().build().unwrap()
}

pub(crate) fn reqwest_builder() -> reqwest::ClientBuilder {
    let tls = rustls::ClientConfig::builder_with_provider(
        rustls::crypto::aws_lc_rs::default_provider().into(),
    )
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_root_certificates(rustls::RootCertStore::empty())
    .with_no_client_auth();
    reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls)
}

pub(crate) fn get(url: &str) -> Request<Full<Bytes>> {
    Request::get(url).body(Full::default()).unwrap()
}

impl Via {
    pub(crate) const ALL: [Self; 5] =
        [Self::Plain, Self::Hyper, Self::Http2, Self::Middleware, Self::Reqwest];
    pub(crate) const HTTP1: [Self; 4] = [Self::Plain, Self::Hyper, Self::Middleware, Self::Reqwest];
    pub(crate) const REQWEST: [Self; 2] = [Self::Middleware, Self::Reqwest];

    pub(crate) fn version(self) -> &'static str {
        if self == Self::Http2 { "2" } else { "1.1" }
    }

    /// Whether the client says to which address it is connected.
    pub(crate) fn knows_peer(self) -> bool {
        self != Self::Plain
    }

    /// Sends a request and reads the response to its end.
    pub(crate) async fn send(
        self,
        capture: &Capture,
        request: Request<Full<Bytes>>,
    ) -> Result<Reply, BoxError> {
        match self {
            Self::Plain => {
                let client = HyperClient::builder(TokioExecutor::new()).build_http();
                let client = ServiceBuilder::new().layer(layer!(http, capture)).service(client);
                read(client.oneshot(request).await?).await
            }
            Self::Hyper | Self::Http2 => {
                let client = HyperClient::builder(TokioExecutor::new())
                    .http2_only(self == Self::Http2)
                    .build_http();
                let client = ServiceBuilder::new().layer(layer!(hyper, capture)).service(client);
                read(client.oneshot(request).await?).await
            }
            Self::Middleware => {
                let client = reqwest_middleware::ClientBuilder::new(reqwest_client())
                    .with(Middleware::from(layer!(reqwest, capture)))
                    .build();
                let request = of_reqwest(request).await?;
                read(client.execute(request).await?.into()).await
            }
            Self::Reqwest => {
                let client =
                    ServiceBuilder::new().layer(layer!(reqwest, capture)).service(reqwest_client());
                let request = of_reqwest(request).await?;
                read(client.oneshot(request).await?.into()).await
            }
        }
    }

    pub(crate) async fn get(self, capture: &Capture, url: &str) -> Result<Reply, BoxError> {
        self.send(capture, get(url)).await
    }
}

pub(crate) async fn of_reqwest(
    request: Request<Full<Bytes>>,
) -> Result<reqwest::Request, BoxError> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Request::from_parts(parts, body).try_into()?)
}

pub(crate) async fn read<B>(response: http::Response<B>) -> Result<Reply, BoxError>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    let (parts, body) = response.into_parts();
    let collected = body.collect().await.map_err(Into::into)?;
    Ok(Reply { status: parts.status, body: collected.to_bytes() })
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
