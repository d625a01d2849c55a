//! The future of a response, on both sides.

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

/// Settles an exchange whose call panics as if its future had been dropped.
struct UnderWay<'a, P: Protocol>(&'a mut Option<Exchange<P>>);

impl<P: Protocol> Drop for UnderWay<'_, P> {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(Exchange::dropped);
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
    pub(crate) fn new(inner: F, exchange: Option<Exchange<P>>) -> Self {
        Self { inner: Some(inner), exchange }
    }

    /// The same for the future that `call` returns, called with the operation current.
    pub(crate) fn calling(mut exchange: Option<Exchange<P>>, call: impl FnOnce() -> F) -> Self {
        let under_way = UnderWay(&mut exchange);
        let entered = under_way.0.as_mut().map(Exchange::enter_at_once);
        let inner = call();
        drop(entered);
        std::mem::forget(under_way);
        Self::new(inner, exchange)
    }

    /// What the inner future yields, and the exchange to settle with it.
    pub(crate) fn poll_inner(
        self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<(F::Output, Option<Exchange<P>>)>
    where
        F: Future,
    {
        let mut this = self.project();
        let entered = this.exchange.as_mut().map(Exchange::enter);
        let Some(inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Pending };
        let output = ready!(inner.poll(task));
        // What it still holds goes while the operation is current.
        this.inner.set(None);
        drop(entered);
        Poll::Ready((output, this.exchange.take()))
    }
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
        let (result, exchange) = ready!(self.poll_inner(task));
        let Some(exchange) = exchange else {
            return Poll::Ready(result.map(|response| response.map(|body| Body::new(body, None))));
        };
        Poll::Ready(match result {
            Ok(response) => Ok(exchange.head(response)),
            Err(error) => {
                exchange.failed(&error);
                Err(error)
            }
        })
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
    pub(crate) fn enter(&mut self) -> Entered<'_> {
        let operation = self.operation.enter();
        let serving = self.serving.is_some().then(|| Serving::enter(&mut self.serving));
        Entered { _serving: serving, _operation: operation }
    }

    /// The same right after its start.
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
    fn learn_route(&mut self) {
        let Some((name, template)) = self.serving.take().and_then(Serving::told) else { return };
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
        self.learn_route();
        let Self { mut operation, mut protocol, answer, .. } = self;
        let head = ResponseHead::of(&response);
        if operation.is_recording() {
            answer.record(&head, protocol.side(), &operation);
        }
        protocol.head(&head, &mut operation);
        if let Some(line) = operation.line() {
            line.status(head.status.as_u16());
        }
        if let Some(hook) = &answer.on_response {
            let _entered = operation.enter();
            hook(&head, &operation);
        }
        let left = protocol.length(response.headers());
        answer.tell(&operation, &mut response);
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
            let outcome = protocol.complete(None, &mut operation);
            operation.end(outcome);
        }
        let error_type = answer.error_type;
        let tracked = Tracked { operation, protocol, error_type, left, ended: false };
        response.map(|body| Body::new(body, Some(tracked)))
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

    fn record(&self, response: &ResponseHead<'_>, side: Side, operation: &Operation) {
        if side == Side::Caller {
            let peer = (self.peer)(response.extensions);
            peer.into_iter().for_each(|peer| operation.set(peer_attributes(peer)));
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
