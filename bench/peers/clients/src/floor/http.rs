//! A client of HTTP, as a tower service and as a middleware of reqwest.

use std::sync::Arc;
use std::task::{Context as Task, Poll};

use async_trait::async_trait;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use opentelemetry::context::FutureExt as _;
use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::propagation::Injector;
use opentelemetry::trace::{Status, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};
use reqwest_middleware::{Middleware, Next, Result};
use tower::Service;

use super::start;

/// Around a service, or by itself as a middleware.
#[derive(Clone)]
pub(crate) struct ByHand<S> {
    inner: S,
    tracer: Arc<BoxedTracer>,
}

impl<S> ByHand<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, tracer: Arc::new(global::tracer("by hand")) }
    }

    /// The span of one attempt, which is injected into these headers.
    fn begin(
        &self,
        method: &Method,
        url: String,
        host: Option<&str>,
        port: Option<u16>,
        headers: &mut HeaderMap,
    ) -> Context {
        let method = method.to_string();
        let mut attributes = Vec::with_capacity(5);
        attributes.push(KeyValue::new("http.request.method", method.clone()));
        attributes.push(KeyValue::new("url.full", url));
        attributes.extend(host.map(|it| KeyValue::new("server.address", it.to_owned())));
        attributes.extend(port.map(|it| KeyValue::new("server.port", i64::from(it))));
        let context = start(&self.tracer, method, attributes);
        global::get_text_map_propagator(|propagator| {
            propagator.inject_context(&context, &mut Headers(headers));
        });
        context
    }
}

fn end(context: &Context, status: Option<StatusCode>) {
    let span = context.span();
    if let Some(status) = status {
        let code = i64::from(status.as_u16());
        span.set_attribute(KeyValue::new("http.response.status_code", code));
    }
    if status.is_none_or(|it| it.is_client_error() || it.is_server_error()) {
        span.set_status(Status::error(""));
    }
    span.end();
}

struct Headers<'a>(&'a mut HeaderMap);

impl Injector for Headers<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (key.parse::<HeaderName>(), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

impl<S, A, B> Service<Request<A>> for ByHand<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: 'static,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future =
        std::pin::Pin<Box<dyn Future<Output = core::result::Result<Response<B>, S::Error>>>>;

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<core::result::Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, mut request: Request<A>) -> Self::Future {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let headers = request.headers_mut();
        let context = self.begin(&method, uri.to_string(), uri.host(), uri.port_u16(), headers);
        let guard = context.clone().attach();
        let response = self.inner.call(request);
        drop(guard);
        Box::pin(async move {
            let result = response.with_context(context.clone()).await;
            end(&context, result.as_ref().ok().map(Response::status));
            result
        })
    }
}

#[async_trait]
impl Middleware for ByHand<()> {
    async fn handle(
        &self,
        mut request: reqwest::Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<reqwest::Response> {
        let (method, url) = (request.method().clone(), request.url().clone());
        let (host, port) = (url.host_str(), url.port_or_known_default());
        let context = self.begin(&method, url.to_string(), host, port, request.headers_mut());
        let result = next.run(request, extensions).with_context(context.clone()).await;
        end(&context, result.as_ref().ok().map(reqwest::Response::status));
        result
    }
}
