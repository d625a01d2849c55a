//! A request or a response without its body, as filters and hooks see it.

use std::net::SocketAddr;

use http::{Extensions, HeaderMap, Method, Request, Response, StatusCode, Uri, Version};

use crate::context::Fields;

/// A request without its body.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target, as it stands in the request.
    pub uri: &'a Uri,
    /// The protocol version.
    pub version: Version,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// What servers and other layers have attached.
    pub extensions: &'a Extensions,
    /// What tracing looks for among them.
    pub(crate) fields: Fields<'a>,
}

impl<'a> RequestHead<'a> {
    /// A request that has arrived.
    #[inline]
    pub(crate) fn arrived<B>(request: &'a Request<B>) -> Self {
        Self::with_fields(request, Fields::of(request.headers()))
    }

    /// A request that is about to leave.
    #[inline]
    pub(crate) fn leaving<B>(request: &'a Request<B>) -> Self {
        Self::with_fields(request, Fields::unread(request.headers()))
    }

    fn with_fields<B>(request: &'a Request<B>, fields: Fields<'a>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            headers: request.headers(),
            extensions: request.extensions(),
            fields,
        }
    }
}

/// A response without its body.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ResponseHead<'a> {
    /// The status code.
    pub status: StatusCode,
    /// The protocol version.
    pub version: Version,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// What clients and other layers have attached.
    pub extensions: &'a Extensions,
}

impl<'a> ResponseHead<'a> {
    pub(crate) fn of<B>(response: &'a Response<B>) -> Self {
        Self {
            status: response.status(),
            version: response.version(),
            headers: response.headers(),
            extensions: response.extensions(),
        }
    }
}

/// Request extension: the other end of the socket, for servers that do not say it otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Request extension: the scheme of the connection, for servers that accept TLS themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheme(pub &'static str);

/// Request extension: the template of a client's request, `/users/{id}`. It becomes `url.template`
/// and part of the span's name, so it must be low in cardinality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UrlTemplate(pub &'static str);
