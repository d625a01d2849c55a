//! Server and client layers for everything that speaks `http::Request`.
//!
//! [`ServerLayer`] and [`ClientLayer`] work with any tower service and any body. The modules
//! [`axum`](crate::axum), [`hyper`](crate::hyper) and [`reqwest`](crate::reqwest) are the same layers
//! with what those libraries know: matched routes, socket peers, kinds of errors.
//!
//! ```
//! use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
//! use tracewire::http::ServerLayer;
//! use tracewire::test::{Capture, expect};
//!
//! # futures_executor::block_on(async {
//! let capture = Capture::new();
//! let mut service = ServiceBuilder::new()
//!     .layer(ServerLayer::new().telemetry(&capture.telemetry()))
//!     .service(service_fn(async |_: http::Request<()>| Ok::<_, std::io::Error>(http::Response::new(String::new()))));
//!
//! let request = http::Request::get("/orders/7?sig=secret").body(())?;
//! service.ready().await?.call(request).await?;
//!
//! capture.assert(expect::span("GET").server().status(200).attribute("url.query", "sig=REDACTED"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # Errors
//!
//! A span that ends in an error says in `error.type` what kind of error it was:
//!
//! | value | when |
//! |---|---|
//! | a status code | from 500 on, on a client from 400 on |
//! | `timeout` | a time limit passed, or the socket timed out |
//! | `connection_refused`, `connection_reset`, `connection_aborted` | as the socket says |
//! | `unreachable` | there is no route to the host or the network |
//! | `dns` | the name does not resolve |
//! | `tls` | the handshake or the certificate failed |
//! | `connect` | connecting failed in another way |
//! | `broken_pipe`, `unexpected_eof` | the connection ended in the middle |
//! | `protocol` | what came is not HTTP, or breaks the rules of HTTP/2 |
//! | `body` | the body failed in another way |
//! | `redirect`, `decode`, `builder`, `request`, `middleware` | as reqwest and its middleware say, where nothing else is known |
//! | `cancelled` | the caller of this server went away; a client that goes away is no error |
//! | `panic` | a panic passed through |
//! | a type's name, or `_OTHER` for a type without a name of its own | everything else |
//!
//! [`ServerLayer`] and [`ClientLayer`] themselves look into `std::io::Error` and boxed errors only;
//! the layers of a library know its errors too.

mod attributes;
mod body;
mod client;
mod destination;
mod error;
mod future;
mod head;
mod headers;
mod host;
mod method;
mod name;
mod origin;
mod protocol;
mod redact;
mod resend;
mod server;
mod serving;
mod trust;

pub use body::Body;
pub use client::{Client, ClientLayer, ClientLayerFor};
pub use future::ResponseFuture;
pub use head::{Peer, RequestHead, ResponseHead, Scheme, UrlTemplate};
#[doc(hidden)]
pub use protocol::{Http, Protocol};
pub use resend::{CountResends, CountResendsLayer, Resends};
pub use server::{Server, ServerLayer, ServerLayerFor};
pub use trust::{Trust, TrustedProxies};

pub(crate) use attributes::{ClientAttributes, peer_attributes};
pub(crate) use client::{Config as ClientConfig, HasSpan};
pub(crate) use destination::Destinations;
pub(crate) use error::error_type;
pub(crate) use future::{Calling, Exchange};
pub(crate) use headers::{Captured, first};
pub(crate) use host::Host;
pub(crate) use method::Methods;
pub(crate) use origin::{host_and_port, named_server as server_of};
pub(crate) use protocol::content_length;
pub(crate) use redact::Redaction;
pub(crate) use server::Config as ServerConfig;
pub(crate) use serving::{Serving, caller, claim, is_served, tell_route};

use std::any::Any;
use std::borrow::Cow;
use std::net::SocketAddr;

/// What a library on top of `http` knows and where it keeps it. Sealed: its implementations are the
/// modules of this crate.
pub trait Framework: sealed::Sealed + 'static {
    /// The route template that a request has matched.
    #[doc(hidden)]
    fn route(_: &http::Extensions) -> Option<&str> {
        None
    }

    /// The target of a request before routers took prefixes off it.
    #[doc(hidden)]
    fn target(_: &http::Extensions) -> Option<&http::Uri> {
        None
    }

    /// The other end of the connection on which a request came.
    #[doc(hidden)]
    fn request_peer(_: &http::Extensions) -> Option<SocketAddr> {
        None
    }

    /// The other end of the connection on which a response came.
    #[doc(hidden)]
    fn response_peer(_: &http::Extensions) -> Option<SocketAddr> {
        None
    }

    /// `error.type` for an error of this library.
    #[doc(hidden)]
    fn error_type(_: &(dyn Any + 'static)) -> Option<Cow<'static, str>> {
        None
    }
}

/// No library in particular.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Plain;

impl Framework for Plain {}

pub(crate) mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Plain {}
}
