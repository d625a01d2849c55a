//! A layer written by hand with every trick: all that the conventions ask for, a span that lasts as long as the body, and
//! W3C Trace Context in every mode. It is an inner service and a word; axum boxes it as it does any layer.

mod body;
mod fields;
mod request;

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use axum::body::Body;
use bench_harness::Mode;
use bench_tricks::{Tracing, end};
use http::{Method, Request, Response, StatusCode};
use opentelemetry::trace::{SpanKind, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use self::body::Traced;
use self::fields::Fields;

/// What a span of the harness's requests has.
pub(crate) const ATTRIBUTES: [&str; 8] = [
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "network.protocol.version",
    "server.address",
    "url.path",
    "url.scheme",
    "user_agent.original",
];

/// Lives as long as the process, so that a copy of the service, of which axum makes one for each request, is a word.
#[derive(Clone, Copy)]
pub(crate) struct TricksLayer(&'static Tracing);

#[derive(Clone, Copy)]
pub(crate) struct Tricks<S> {
    inner: S,
    tracing: &'static Tracing,
}

impl TricksLayer {
    pub(crate) fn new(mode: Mode) -> Self {
        Self(Box::leak(Box::new(Tracing::of(mode))))
    }
}

impl<S> Layer<S> for TricksLayer {
    type Service = Tricks<S>;

    fn layer(&self, inner: S) -> Tricks<S> {
        Tricks { inner, tracing: self.0 }
    }
}

impl<S> Service<Request<Body>> for Tricks<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Traced>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let fields = Fields::of(request.headers());
        let parent = fields.parent();
        let (context, recorded) =
            self.tracing.start(parent, SpanKind::Server, || request::describe(&request, &fields));
        let has_no_body = matches!(*request.method(), Method::HEAD | Method::CONNECT);
        let guard = context.clone().attach();
        let inner = Some(self.inner.call(request));
        drop(guard);
        ResponseFuture { inner, span: Span { context, recorded }, has_no_body }
    }
}

/// A span that ends as cancelled, or with a panic, when it is dropped.
pub(crate) struct Span {
    context: Context,
    /// Until it has ended.
    recorded: bool,
}

impl Span {
    fn end(&mut self, error: Option<&'static str>) {
        if std::mem::take(&mut self.recorded) {
            end(&self.context, error.map(Into::into));
        }
    }

    fn take(&mut self) -> Self {
        Self {
            context: std::mem::take(&mut self.context),
            recorded: std::mem::take(&mut self.recorded),
        }
    }
}

impl Drop for Span {
    #[inline]
    fn drop(&mut self) {
        if self.recorded {
            self.end(Some(if std::thread::panicking() { "panic" } else { "cancelled" }));
        }
    }
}

pin_project! {
    pub(crate) struct ResponseFuture<F> {
        #[pin]
        inner: Option<F>,
        span: Span,
        has_no_body: bool,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.inner.is_some() {
                let guard = this.span.context.clone().attach();
                this.inner.set(None);
                drop(guard);
            }
        }
    }
}

impl<F> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<Body>, Infallible>>,
{
    type Output = Result<Response<Traced>, Infallible>;

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let guard = this.span.context.clone().attach();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let Ok(response) = ready!(inner.poll(task));
        this.inner.set(None);
        drop(guard);
        let status = response.status();
        let mut span = this.span.take();
        if span.recorded {
            let code = i64::from(status.as_u16());
            span.context.span().set_attribute(KeyValue::new("http.response.status_code", code));
        }
        let has_no_body = *this.has_no_body
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || status.is_informational();
        Poll::Ready(Ok(body::wrap(response, span, has_no_body)))
    }
}

/// The `error.type` of a status code.
fn error_of(status: StatusCode) -> Option<&'static str> {
    const CODES: [&str; 12] =
        ["500", "501", "502", "503", "504", "505", "506", "507", "508", "509", "510", "511"];
    let code = status.as_u16().checked_sub(500)?;
    Some(CODES.get(usize::from(code)).copied().unwrap_or("_OTHER"))
}
