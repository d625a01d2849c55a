//! gRPC as a team writes it for itself on OpenTelemetry's API, for a server or a client of tonic: the attributes that the
//! conventions require, the SDK's propagator, the context attached at each poll, the status from the trailers.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll, ready};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use opentelemetry::context::FutureExt as _;
use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use pin_project_lite::pin_project;
use tower::Service;

use crate::{Side, grpc};

/// Around a server or a client.
#[derive(Clone)]
pub struct ByHand<S> {
    inner: S,
    tracer: Arc<BoxedTracer>,
    side: Side,
}

impl<S> ByHand<S> {
    /// With the global tracer.
    pub fn new(inner: S, side: Side) -> Self {
        Self { inner, tracer: Arc::new(global::tracer("by hand")), side }
    }

    fn begin<A>(&self, request: &mut Request<A>) -> Context {
        let mut headers = Headers(request.headers_mut());
        let (parent, kind) = match self.side {
            Side::Client => (Context::current(), SpanKind::Client),
            Side::Server => {
                let extract =
                    |it: &dyn opentelemetry::propagation::TextMapPropagator| it.extract(&headers);
                (global::get_text_map_propagator(extract), SpanKind::Server)
            }
        };
        let method = request.uri().path().trim_start_matches('/').to_owned();
        let mut attributes = Vec::with_capacity(5);
        attributes.push(KeyValue::new("rpc.system.name", "grpc"));
        attributes.push(KeyValue::new("rpc.method", method.clone()));
        let (host, port) = (request.uri().host(), request.uri().port_u16());
        attributes.extend(host.map(|it| KeyValue::new("server.address", it.to_owned())));
        attributes.extend(port.map(|it| KeyValue::new("server.port", i64::from(it))));
        let builder = self.tracer.span_builder(method).with_kind(kind);
        let span = self.tracer.build_with_context(builder.with_attributes(attributes), &parent);
        let context = parent.with_span(span);
        if self.side == Side::Client {
            headers = Headers(request.headers_mut());
            global::get_text_map_propagator(|it| it.inject_context(&context, &mut headers));
        }
        context
    }
}

impl<S, A, B> Service<Request<A>> for ByHand<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: 'static,
{
    type Response = Response<Ending<B>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>>>>;

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, mut request: Request<A>) -> Self::Future {
        let context = self.begin(&mut request);
        let guard = context.clone().attach();
        let response = self.inner.call(request);
        drop(guard);
        let side = self.side;
        Box::pin(async move {
            let response = response.with_context(context.clone()).await?;
            end(&context, side, response.headers());
            Ok(response.map(|inner| Ending { inner, context, side }))
        })
    }
}

/// Ends the span if these fields hold the status.
fn end(context: &Context, side: Side, fields: &HeaderMap) {
    let Some(code) = fields.get("grpc-status").and_then(|it| it.to_str().ok()?.parse().ok()) else {
        return;
    };
    let span = context.span();
    span.set_attribute(KeyValue::new("rpc.response.status_code", grpc::name_of(code)));
    if grpc::is_error(code, side) {
        span.set_attribute(KeyValue::new("error.type", grpc::name_of(code)));
        span.set_status(Status::error(""));
    }
    span.end();
}

pin_project! {
    /// A body that ends a span with its trailers, or when it is dropped.
    pub struct Ending<B> {
        #[pin]
        inner: B,
        context: Context,
        side: Side,
    }
}

impl<B: Body> Body for Ending<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let guard = this.context.clone().attach();
        let frame = ready!(this.inner.poll_frame(task));
        drop(guard);
        if let Some(Ok(frame)) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            end(this.context, *this.side, trailers);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

struct Headers<'a>(&'a mut HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

impl Injector for Headers<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (key.parse::<HeaderName>(), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}
