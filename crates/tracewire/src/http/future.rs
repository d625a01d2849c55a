//! The future of a response, on both sides.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll, ready};

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body::Body as HttpBody;
use opentelemetry::KeyValue;
use opentelemetry::trace::TraceContextExt as _;
use pin_project_lite::pin_project;

use super::attributes::{peer_attributes, version_name};
use super::body::{Body, Tracked};
use super::error::{ErrorType, any_error_type, type_name};
use super::headers::Captured;
use super::serving::Serving;
use super::{Framework, ResponseHead};
use crate::context::trace_parent;
use crate::span::{Operation, Outcome, Side, attributes as names};

pin_project! {
    /// Future of a response that passes a server or a client layer.
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: Option<F>,
        exchange: Option<Exchange>,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            match this.exchange {
                Some(exchange) => {
                    exchange.within(|| this.inner.set(None));
                    exchange.learn_route();
                }
                None => this.inner.set(None),
            }
        }
    }
}

/// One request under way.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(super) operation: Operation,
    pub(super) side: Side,
    pub(super) method: Asked,
    /// What inner layers may tell a server layer, and the method to go with it in the name.
    pub(super) serving: Option<Serving>,
    pub(super) known_method: Option<Cow<'static, str>>,
    pub(super) answer: Arc<Answer>,
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

/// The methods whose responses have no body of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Head,
    Connect,
    Other,
}

impl<F> ResponseFuture<F> {
    pub(crate) fn new(inner: F, exchange: Option<Exchange>) -> Self {
        Self { inner: Some(inner), exchange }
    }

    /// The same for the future that `call` returns, called with the operation current.
    pub(crate) fn calling(exchange: Option<Exchange>, call: impl FnOnce() -> F) -> Self {
        // Should the call panic, this is dropped like a future that was under way.
        let mut this = Self { inner: None, exchange };
        this.inner = Some(match &mut this.exchange {
            Some(exchange) => exchange.within(call),
            None => call(),
        });
        this
    }

    /// What the inner future yields, and the exchange to settle with it.
    pub(crate) fn poll_inner(
        self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<(F::Output, Option<Exchange>)>
    where
        F: Future,
    {
        let this = self.project();
        let output = ready!(match this.exchange {
            Some(exchange) => exchange.within(|| poll_once(this.inner, task)),
            None => poll_once(this.inner, task),
        });
        Poll::Ready((output, this.exchange.take()))
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: HttpBody,
    E: 'static,
{
    type Output = Result<Response<Body<B>>, E>;

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

/// Polls a future that is dropped as soon as it is ready, so that what it still holds goes while the
/// operation is current.
fn poll_once<F: Future>(mut future: Pin<&mut Option<F>>, task: &mut Task<'_>) -> Poll<F::Output> {
    let Some(inner) = future.as_mut().as_pin_mut() else { return Poll::Pending };
    let output = ready!(inner.poll(task));
    future.set(None);
    Poll::Ready(output)
}

impl Exchange {
    /// Runs something with the operation current.
    pub(crate) fn within<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let _entered = self.operation.enter();
        match self.serving {
            Some(_) => Serving::within(&mut self.serving, work),
            None => work(),
        }
    }

    /// Whether anybody looks at the response.
    pub(crate) fn is_watched(&self) -> bool {
        self.operation.is_recording() || self.answer.on_response.is_some()
    }

    /// Records the route if an inner layer has told one by now.
    fn learn_route(&mut self) {
        if let Some(Serving { route: Some(route), named, .. }) = self.serving.take()
            && self.operation.is_recording()
        {
            if !named {
                self.operation.rename(route.name(self.known_method.as_deref()));
            }
            self.operation.set([KeyValue::new(names::HTTP_ROUTE, route.template)]);
        }
    }

    /// Records the head and hands the operation on to the body, unless nothing more will come.
    pub(crate) fn head<B: HttpBody>(mut self, mut response: Response<B>) -> Response<Body<B>> {
        self.learn_route();
        let Self { mut operation, side, method, answer, .. } = self;
        let status = response.status();
        if operation.is_recording() {
            answer.record(&ResponseHead::of(&response), side, &operation);
        }
        if let Some(hook) = &answer.on_response {
            let _entered = operation.enter();
            hook(&ResponseHead::of(&response), &operation);
        }
        answer.tell(&operation, &mut response);
        let left = content_length(response.headers());
        let is_over = response.body().is_end_stream() || left == Some(0);
        if answer.ends_at_head || is_over || has_no_body(status, method) {
            operation.end(Outcome::Http(status.as_u16()));
        }
        let error_type = answer.error_type;
        let tracked = Tracked { operation, status, side, error_type, left, ended: false };
        response.map(|body| Body::new(body, Some(tracked)))
    }

    pub(crate) fn failed<E: 'static>(mut self, error: &E) {
        self.learn_route();
        let known = any_error_type(error, self.answer.error_type);
        self.operation.finish(Outcome::error(known.unwrap_or_else(type_name::<E>)));
    }
}

/// Responses whose body is not read by anybody: there is none, or the connection is no longer HTTP.
fn has_no_body(status: StatusCode, asked: Asked) -> bool {
    let bare = matches!(
        status,
        StatusCode::SWITCHING_PROTOCOLS | StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    bare || asked == Asked::Head || (asked == Asked::Connect && status.is_success())
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

impl Asked {
    pub(super) fn of(method: &Method) -> Self {
        match *method {
            Method::HEAD => Self::Head,
            Method::CONNECT => Self::Connect,
            _ => Self::Other,
        }
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
        let status =
            KeyValue::new(names::HTTP_RESPONSE_STATUS_CODE, i64::from(response.status.as_u16()));
        operation.set([status]);
        if side == Side::Caller {
            let version = version_name(response.version);
            let version =
                version.map(|version| KeyValue::new(names::NETWORK_PROTOCOL_VERSION, version));
            let peer = (self.peer)(response.extensions).map(peer_attributes);
            operation.set(version.into_iter().chain(peer.into_iter().flatten()));
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
