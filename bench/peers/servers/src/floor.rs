//! A layer such as a team writes for itself on OpenTelemetry's API: the attributes that the conventions require, the
//! SDK's propagator, the context attached at each poll. Its span ends with the head of the response, and it knows
//! nothing of bodies, cancels, proxies or trust.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll, ready};

use axum::extract::MatchedPath;
use http::{HeaderMap, Request, Response};
use opentelemetry::context::{FutureExt as _, WithContext};
use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::propagation::Extractor;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

#[derive(Clone)]
pub(crate) struct ByHandLayer {
    tracer: Arc<BoxedTracer>,
}

#[derive(Clone)]
pub(crate) struct ByHand<S> {
    inner: S,
    tracer: Arc<BoxedTracer>,
}

impl ByHandLayer {
    pub(crate) fn new() -> Self {
        Self { tracer: Arc::new(global::tracer("by hand")) }
    }
}

impl<S> Layer<S> for ByHandLayer {
    type Service = ByHand<S>;

    fn layer(&self, inner: S) -> ByHand<S> {
        ByHand { inner, tracer: self.tracer.clone() }
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

impl<S, A, B> Service<Request<A>> for ByHand<S>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let headers = Headers(request.headers());
        let parent = global::get_text_map_propagator(|propagator| propagator.extract(&headers));
        let method = request.method().to_string();
        let route = request.extensions().get::<MatchedPath>().map(|it| it.as_str().to_owned());
        let mut attributes = Vec::with_capacity(8);
        attributes.push(KeyValue::new("url.path", request.uri().path().to_owned()));
        attributes.push(KeyValue::new("url.scheme", "http"));
        if let Some(host) = headers.get("host") {
            attributes.push(KeyValue::new("server.address", host.to_owned()));
        }
        if let Some(agent) = headers.get("user-agent") {
            attributes.push(KeyValue::new("user_agent.original", agent.to_owned()));
        }
        let name = match &route {
            Some(route) => format!("{method} {route}"),
            None => method.clone(),
        };
        attributes.push(KeyValue::new("http.request.method", method));
        attributes.extend(route.map(|route| KeyValue::new("http.route", route)));
        let builder = self.tracer.span_builder(name).with_kind(SpanKind::Server);
        let span = self.tracer.build_with_context(builder.with_attributes(attributes), &parent);
        let context = parent.with_span(span);
        let guard = context.clone().attach();
        let inner = self.inner.call(request);
        drop(guard);
        ResponseFuture { inner: inner.with_context(context.clone()), context }
    }
}

pin_project! {
    pub(crate) struct ResponseFuture<F> {
        #[pin]
        inner: WithContext<F>,
        context: Context,
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(task));
        let span = this.context.span();
        if let Ok(response) = &result {
            let status = response.status();
            let code = i64::from(status.as_u16());
            span.set_attribute(KeyValue::new("http.response.status_code", code));
            if status.is_server_error() {
                span.set_status(Status::error(""));
            }
        }
        span.end();
        Poll::Ready(result)
    }
}
