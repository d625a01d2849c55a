//! The future of a response, on both sides.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll, ready};

use http::Response;
use http::header::{HeaderName, HeaderValue};
use http_body::Body as HttpBody;
use opentelemetry::KeyValue;
use opentelemetry::trace::TraceContextExt as _;
use pin_project_lite::pin_project;

use super::attributes::peer_attributes;
use super::body::{Body, Tracked};
use super::error::{ErrorType, any_error_type, type_name};
use super::headers::Captured;
use super::serving::{self, Serving};
use super::{Framework, Http, Protocol, ResponseHead};
use crate::context::trace_parent;
use crate::measure::Slot;
use crate::span::{self, Operation, Side, attributes as names};

pin_project! {
    /// Future of a response that passes a server or a client layer.
    #[derive(Debug)]
    pub struct ResponseFuture<F, P: Protocol = Http> {
        #[pin]
        inner: Option<F>,
        exchange: Option<Exchange<P>>,
    }

    impl<F, P: Protocol> PinnedDrop for ResponseFuture<F, P> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let entered = this.exchange.as_mut().map(Exchange::enter);
            this.inner.set(None);
            drop(entered);
            if let Some(exchange) = this.exchange.take() {
                exchange.dropped();
            }
        }
    }
}

/// An exchange whose future is being called for. If that panics it is settled as if the future had
/// been dropped.
pub(crate) struct Calling<P: Protocol>(Option<Exchange<P>>);

impl<P: Protocol> Calling<P> {
    #[inline]
    pub(crate) fn new(exchange: Option<Exchange<P>>) -> Self {
        Self(exchange)
    }

    /// Makes the operation current until the guard goes.
    #[inline(always)]
    pub(crate) fn enter(&mut self) -> Option<Entered<'_>> {
        self.0.as_mut().map(Exchange::enter_at_once)
    }

    /// The future that was called for. Where it is made it stays, as it is large to move.
    #[inline(always)]
    pub(crate) fn future<F>(mut self, inner: F) -> ResponseFuture<F, P> {
        let exchange = self.0.take();
        std::mem::forget(self);
        ResponseFuture { inner: Some(inner), exchange }
    }
}

impl<P: Protocol> Drop for Calling<P> {
    #[inline]
    fn drop(&mut self) {
        if let Some(exchange) = self.0.take() {
            exchange.dropped();
        }
    }
}

/// One request under way.
#[derive(Debug)]
pub(crate) struct Exchange<P = Http> {
    pub(crate) operation: Operation,
    pub(crate) protocol: P,
    /// What inner layers may tell a server layer.
    pub(crate) serving: Option<Serving>,
    pub(crate) answer: Arc<Answer>,
}

/// What a response is worth once it is there; shared by all requests of a layer.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(super) response_headers: Captured,
    pub(super) ends_at_head: bool,
    pub(super) trace_response: bool,
    pub(super) server_timing: bool,
    pub(super) on_response: Option<OnResponse>,
    pub(super) error_type: ErrorType,
    pub(super) peer: fn(&http::Extensions) -> Option<std::net::SocketAddr>,
}

pub(super) type OnResponse = Arc<dyn Fn(&ResponseHead<'_>, &Operation) + Send + Sync>;

impl<F, P: Protocol> ResponseFuture<F, P> {
    /// What the inner future yields, and the exchange to settle with it.
    pub(crate) fn poll_inner(
        self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<(F::Output, Option<Exchange<P>>)>
    where
        F: Future,
    {
        let mut this = self.project();
        let output = ready!(poll_within(&mut this.inner, this.exchange, task));
        Poll::Ready((output, this.exchange.take()))
    }
}

/// Polls a future with the operation of an exchange current.
#[inline(always)]
fn poll_within<F: Future, P: Protocol>(
    inner: &mut Pin<&mut Option<F>>,
    exchange: &mut Option<Exchange<P>>,
    task: &mut Task<'_>,
) -> Poll<F::Output> {
    let _entered = exchange.as_mut().map(Exchange::enter);
    let Some(future) = inner.as_mut().as_pin_mut() else { return Poll::Pending };
    let output = ready!(future.poll(task));
    // What it still holds goes while the operation is current.
    inner.set(None);
    Poll::Ready(output)
}

impl<F, B, E, P> Future for ResponseFuture<F, P>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: HttpBody,
    E: 'static,
    P: Protocol,
{
    type Output = Result<Response<Body<B, P>>, E>;

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut response = match ready!(poll_within(&mut this.inner, this.exchange, task)) {
            Ok(response) => response,
            Err(error) => {
                this.exchange.take().into_iter().for_each(|exchange| exchange.failed(&error));
                return Poll::Ready(Err(error));
            }
        };
        // Moved once and no more, as it is large.
        let left = this.exchange.as_mut().and_then(|exchange| exchange.see(&mut response));
        let tracked = this.exchange.take().map(|exchange| exchange.track(left));
        Poll::Ready(Ok(response.map(|body| Body::new(body, tracked))))
    }
}

/// Keeps an operation, and what inner layers may tell it, current.
pub(crate) struct Entered<'a> {
    // Dropped in this order.
    _serving: Option<serving::Entered<'a>>,
    _operation: span::Entered<'a>,
}

impl<P: Protocol> Exchange<P> {
    /// Makes the operation current until the guard goes.
    #[inline(always)]
    pub(crate) fn enter(&mut self) -> Entered<'_> {
        let operation = self.operation.enter();
        let serving = self.serving.is_some().then(|| Serving::enter(&mut self.serving));
        Entered { _serving: serving, _operation: operation }
    }

    /// The same right after its start.
    #[inline(always)]
    fn enter_at_once(&mut self) -> Entered<'_> {
        if self.serving.is_some() {
            // It was started below what its caller has sent.
            return self.enter();
        }
        Entered { _serving: None, _operation: self.operation.enter_at_once() }
    }

    /// Whether anybody looks at the response.
    pub(crate) fn is_watched(&self) -> bool {
        self.operation.is_recording() || self.answer.on_response.is_some()
    }

    /// Records the route if an inner layer has told one by now.
    #[inline]
    fn learn_route(&mut self) {
        if let Some((name, template)) = self.serving.take().and_then(Serving::told) {
            self.route(name, template);
        }
    }

    #[inline(never)]
    fn route(&mut self, name: Option<Cow<'static, str>>, template: Cow<'static, str>) {
        if let Some(line) = self.operation.line() {
            line.route(template.clone());
        }
        if self.operation.is_watched() {
            self.operation.label(|labels| labels.mostly_fixed(names::HTTP_ROUTE, &template));
            if let Some(name) = name {
                self.operation.rename(name);
            }
            self.operation.set_one(KeyValue::new(names::HTTP_ROUTE, template));
        }
    }

    /// Records the head and hands the operation on to the body, unless nothing more will come.
    pub(crate) fn head<B: HttpBody>(mut self, mut response: Response<B>) -> Response<Body<B, P>> {
        let left = self.see(&mut response);
        response.map(|body| Body::new(body, Some(self.track(left))))
    }

    /// What the body is to be watched by.
    fn track(self, left: Option<u64>) -> Tracked<P> {
        let Self { operation, protocol, answer, .. } = self;
        Tracked { operation, protocol, error_type: answer.error_type, left, ended: false }
    }

    /// Records the head, and says how long the body will be, if that is known and counts.
    #[inline]
    fn see<B: HttpBody>(&mut self, response: &mut Response<B>) -> Option<u64> {
        self.learn_route();
        let Self { operation, protocol, answer, .. } = self;
        let head = ResponseHead::of(response);
        if operation.is_recording() {
            answer.record(&head, protocol.side(), operation);
        }
        protocol.head(&head, operation);
        if let Some(line) = operation.line() {
            line.status(head.status.as_u16());
        }
        if let Some(hook) = &answer.on_response {
            let _entered = operation.enter();
            hook(&head, operation);
        }
        let left = protocol.length(response.headers());
        answer.tell(operation, response);
        if operation.measurement().choice().is_some_and(|choice| choice.body_sizes) {
            let known = if answer.ends_at_head {
                left.or(response.body().size_hint().exact())
            } else {
                None
            };
            operation.measurement().count(Slot::Response, known.unwrap_or(0));
        }
        let is_over = protocol.is_over() || response.body().is_end_stream() || left == Some(0);
        if answer.ends_at_head || is_over {
            let outcome = protocol.complete(None, operation);
            operation.end(outcome);
        }
        left
    }

    pub(crate) fn failed<E: 'static>(mut self, error: &E) {
        self.learn_route();
        let known = any_error_type(error, self.answer.error_type);
        let error_type = known.unwrap_or_else(type_name::<E>);
        let outcome = self.protocol.failed(error, error_type, &mut self.operation);
        self.operation.finish(outcome);
    }

    fn dropped(mut self) {
        self.learn_route();
        let outcome = self.protocol.dropped(&mut self.operation);
        self.operation.finish(outcome);
    }
}

impl Answer {
    pub(super) fn new<F: Framework>() -> Self {
        Self {
            response_headers: Captured::default(),
            ends_at_head: false,
            trace_response: false,
            server_timing: false,
            on_response: None,
            error_type: F::error_type,
            peer: F::response_peer,
        }
    }

    #[inline]
    fn record(&self, response: &ResponseHead<'_>, side: Side, operation: &Operation) {
        if side == Side::Caller
            && let Some(peer) = (self.peer)(response.extensions)
        {
            operation.set(peer_attributes(peer));
        }
        if self.response_headers.len() > 0 {
            operation.set(self.response_headers.attributes(response.headers));
        }
    }

    /// Tells the client which trace its request belongs to (W3C Trace Context, draft of
    /// `traceresponse`; `Server-Timing` for browsers).
    fn tell<B>(&self, operation: &Operation, response: &mut Response<B>) {
        if !(self.trace_response || self.server_timing) {
            return;
        }
        let span = operation.context().span();
        // A request without a span of its own has its caller's, which is not ours to tell.
        if !span.span_context().is_valid() || span.span_context().is_remote() {
            return;
        }
        let value = trace_parent(span.span_context());
        let headers = response.headers_mut();
        if self.trace_response
            && let Ok(value) = HeaderValue::from_str(&value)
        {
            headers.insert(HeaderName::from_static("traceresponse"), value);
        }
        if self.server_timing
            && let Ok(value) = HeaderValue::from_str(&format!("trace;desc={value}"))
        {
            headers.append(HeaderName::from_static("server-timing"), value);
        }
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("ends_at_head", &self.ends_at_head).finish_non_exhaustive()
    }
}
