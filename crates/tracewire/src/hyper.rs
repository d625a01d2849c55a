//! Layers for hyper: servers over `hyper::service::Service`, and the client of hyper-util.
//!
//! A hyper service wrapped by [`ServerLayer`] is a hyper service again. hyper does not say who
//! connected: put [`Peer`] into the requests' extensions if the address is wanted.
//!
//! ```no_run
//! use hyper_util::{client::legacy::Client, rt::TokioExecutor};
//! use tower::ServiceBuilder;
//!
//! let client = Client::builder(TokioExecutor::new()).build_http::<String>();
//! let client = ServiceBuilder::new().layer(tracewire::hyper::ClientLayer::new()).service(client);
//! # drop(client);
//! ```

use std::any::Any;
use std::borrow::Cow;
use std::net::SocketAddr;

use http_body::Body as HttpBody;
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpInfo;

use crate::http::{self, Body, Calling, Framework, ResponseFuture, Server};

pub use crate::http::{ClientLayerFor, Peer, ServerLayerFor};

/// What hyper and hyper-util know: errors, and the address to which a client is connected.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Hyper;

/// Layer that opens a server span for each request. See [`ServerLayerFor`] for its settings.
pub type ServerLayer = ServerLayerFor<Hyper>;

/// Layer that opens a client span for each attempt. See [`ClientLayerFor`] for its settings.
pub type ClientLayer = ClientLayerFor<Hyper>;

impl http::sealed::Sealed for Hyper {}

impl Framework for Hyper {
    fn response_peer(extensions: &hyper::http::Extensions) -> Option<SocketAddr> {
        extensions.get::<HttpInfo>().map(HttpInfo::remote_addr)
    }

    fn error_type(error: &(dyn Any + 'static)) -> Option<Cow<'static, str>> {
        if let Some(error) = error.downcast_ref::<legacy::Error>() {
            return client_error_type(error);
        }
        error.downcast_ref::<hyper::Error>().and_then(connection_error_type)
    }
}

/// `error.type` for an error of hyper-util's client.
pub(crate) fn client_error_type(error: &legacy::Error) -> Option<Cow<'static, str>> {
    let known = http::error_type(error);
    let inner = || {
        let source: &(dyn std::error::Error + 'static) = std::error::Error::source(error)?;
        source.downcast_ref::<hyper::Error>().and_then(connection_error_type)
    };
    known.or_else(inner).or_else(|| error.is_connect().then_some(Cow::Borrowed("connect")))
}

fn connection_error_type(error: &hyper::Error) -> Option<Cow<'static, str>> {
    let known = if error.is_timeout() {
        Some("timeout")
    } else if error.is_incomplete_message() {
        Some("unexpected_eof")
    } else {
        None
    };
    known.map(Cow::Borrowed).or_else(|| http::error_type(error))
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for Server<S>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
    S::Error: 'static,
    ResponseBody: HttpBody,
{
    type Response = Response<Body<ResponseBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn call(&self, request: Request<RequestBody>) -> Self::Future {
        let mut calling = Calling::new(self.config.exchange(&request));
        let entered = calling.enter();
        let inner = self.inner.call(request);
        drop(entered);
        calling.future(inner)
    }
}
