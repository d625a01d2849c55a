//! Client spans for reqwest: a middleware for reqwest-middleware, and a layer over `reqwest::Client`
//! as a tower service.
//!
//! ```
//! let http = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
//!     .with(tracewire::reqwest::Middleware::new())
//!     .build();
//! # drop(http);
//! ```
//!
//! Put it after a retry middleware and each attempt has a span, numbered by
//! `http.request.resend_count`. Redirects are followed inside reqwest and are part of one attempt.
//! A `reqwest::Request` lets nobody see its extensions, so behind [`ClientLayer`] as a tower service
//! attempts have no numbers and spans no templates.
//!
//! With the middleware a [`UrlTemplate`] among the request's extensions names the span:
//!
//! ```
//! # fn request(http: &reqwest_middleware::ClientWithMiddleware) -> reqwest_middleware::RequestBuilder {
//! use tracewire::reqwest::UrlTemplate;
//!
//! http.get("http://users.internal/users/7").with_extension(UrlTemplate("/users/{id}"))
//! # }
//! ```

use std::any::Any;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context as Task, Poll, ready};

use hyper_util::client::legacy::connect::HttpInfo;
use pin_project_lite::pin_project;
use reqwest::{Request, Response, ResponseBuilderExt as _};
use reqwest_middleware::Next;
use tower_service::Service;

use crate::context::Fields;
use crate::http::{self, Body, Client, ClientAttributes, ClientConfig, Exchange, Framework};
use crate::http::{Calling, RequestHead, ResponseFuture};

pub use crate::http::{ClientLayerFor, UrlTemplate};

/// What reqwest knows: its errors, and the address to which it is connected.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Reqwest;

/// Layer over `reqwest::Client`, or over a tower service of the same kind. See [`ClientLayerFor`] for
/// its settings.
pub type ClientLayer = ClientLayerFor<Reqwest>;

impl http::sealed::Sealed for Reqwest {}

impl Framework for Reqwest {
    fn response_peer(extensions: &::http::Extensions) -> Option<SocketAddr> {
        extensions.get::<HttpInfo>().map(HttpInfo::remote_addr)
    }

    fn error_type(error: &(dyn Any + 'static)) -> Option<Cow<'static, str>> {
        match error.downcast_ref::<reqwest_middleware::Error>() {
            Some(reqwest_middleware::Error::Reqwest(error)) => Some(error_type(error)),
            Some(reqwest_middleware::Error::Middleware(error)) => {
                http::error_type(error.as_ref()).or(Some(Cow::Borrowed("middleware")))
            }
            None => error.downcast_ref::<reqwest::Error>().map(error_type),
        }
    }
}

fn error_type(error: &reqwest::Error) -> Cow<'static, str> {
    if error.is_timeout() {
        return Cow::Borrowed("timeout");
    }
    http::error_type(error).unwrap_or(Cow::Borrowed(if error.is_connect() {
        "connect"
    } else if error.is_redirect() {
        "redirect"
    } else if error.is_body() {
        "body"
    } else if error.is_decode() {
        "decode"
    } else if error.is_builder() {
        "builder"
    } else {
        "request"
    }))
}

/// Middleware that opens a client span for each attempt and writes the context into it.
///
/// Settings are those of [`ClientLayer`]:
///
/// ```
/// use tracewire::reqwest::{ClientLayer, Middleware};
///
/// let middleware = Middleware::from(ClientLayer::new().propagate_to(["*.internal"]));
/// # drop(middleware);
/// ```
#[derive(Clone, Debug)]
pub struct Middleware {
    config: Arc<ClientConfig>,
}

impl Middleware {
    /// The middleware without settings.
    pub fn new() -> Self {
        ClientLayer::new().into()
    }
}

impl Default for Middleware {
    fn default() -> Self {
        Self::new()
    }
}

impl From<ClientLayer> for Middleware {
    fn from(layer: ClientLayer) -> Self {
        Self { config: layer.config() }
    }
}

/// How often a request has been sent so far.
#[derive(Clone, Debug)]
struct Sent(u32);

/// The target where nobody looks at it.
static UNSEEN: LazyLock<::http::Uri> = LazyLock::new(::http::Uri::default);

#[async_trait::async_trait]
impl reqwest_middleware::Middleware for Middleware {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut ::http::Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        // Retries run with the same extensions, where the next attempt finds the count.
        let resends = extensions.get().map_or(0, |Sent(times)| *times);
        let exchange = begin(&self.config, &mut request, extensions, resends);
        // Where there is no span, there is none for a later attempt below the same parent either,
        // unless a filter says something else of that.
        if exchange.operation.has_identity() || self.config.is_watched() {
            extensions.insert(Sent(resends.saturating_add(1)));
        }
        let mut calling = Calling::new(Some(exchange));
        let entered = calling.enter();
        let inner = next.run(request, extensions);
        drop(entered);
        Pending { future: calling.future(inner) }.await
    }
}

impl<S> Service<Request> for Client<S>
where
    S: Service<Request, Response = Response>,
    S::Error: 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pending<S::Future>;

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let exchange = begin(&self.config, &mut request, &::http::Extensions::new(), 0);
        let mut calling = Calling::new(Some(exchange));
        let entered = calling.enter();
        let inner = self.inner.call(request);
        drop(entered);
        Pending { future: calling.future(inner) }
    }
}

fn begin(
    config: &ClientConfig,
    request: &mut Request,
    extensions: &::http::Extensions,
    resends: u32,
) -> Exchange {
    let url = request.url();
    let attributes = ClientAttributes {
        method: request.method(),
        scheme: Cow::Borrowed(url.scheme()),
        authority: Cow::Borrowed(url.authority()),
        path: url.path(),
        query: url.query(),
        fragment: url.fragment(),
        template: extensions.get::<UrlTemplate>().copied(),
        resends,
    };
    // Only filters and hooks look at the target, which would have to be parsed once more.
    let uri = config.is_watched().then(|| url.as_str().parse().unwrap_or_default());
    let head = RequestHead {
        method: request.method(),
        uri: uri.as_ref().unwrap_or(&UNSEEN),
        version: request.version(),
        headers: request.headers(),
        extensions,
        fields: Fields::unread(request.headers()),
    };
    let (operation, egress) = config.open(&head, &attributes);
    egress.write(&operation, config, request.headers_mut());
    config.exchange(operation, request.method())
}

pin_project! {
    /// Future of a response from a `reqwest::Client` behind [`ClientLayer`].
    #[derive(Debug)]
    pub struct Pending<F> {
        #[pin]
        future: ResponseFuture<F>,
    }
}

impl<F, E> Future for Pending<F>
where
    F: Future<Output = Result<Response, E>>,
    E: 'static,
{
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let (result, exchange) = ready!(self.project().future.poll_inner(task));
        Poll::Ready(match (result, exchange) {
            (Ok(response), Some(exchange)) if exchange.is_watched() => {
                Ok(from_http(exchange.head(into_http(response))))
            }
            (Err(error), Some(exchange)) => {
                exchange.failed(&error);
                Err(error)
            }
            // Wrapping a body costs reqwest several boxes, so it is left alone where nobody looks.
            (result, _) => result,
        })
    }
}

/// reqwest's response as one of `http`, with its URL among the extensions, where [`from_http`] finds
/// it again.
fn into_http(response: Response) -> ::http::Response<reqwest::Body> {
    let url = response.url().clone();
    let mut response = ::http::Response::from(response);
    let mut builder = ::http::Response::builder();
    if let Some(extensions) = builder.extensions_mut() {
        std::mem::swap(extensions, response.extensions_mut());
    }
    if let Ok(with_url) = builder.url(url).body(()) {
        *response.extensions_mut() = with_url.into_parts().0.extensions;
    }
    response
}

fn from_http(response: ::http::Response<Body<reqwest::Body>>) -> Response {
    response.map(reqwest::Body::wrap).into()
}
