//! The far end of a layer without a socket: remembers what would have been sent.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context as Task, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use tower::{Layer, Service, ServiceExt};
use tracewire::http::ClientLayerFor;

#[derive(Clone, Debug, Default)]
pub(crate) struct Wire {
    status: StatusCode,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// One request on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) headers: HeaderMap,
    /// The span that was current when the request was sent.
    pub(crate) current: SpanContext,
}

impl Wire {
    pub(crate) fn answering(status: StatusCode) -> Self {
        Self { status, ..Self::default() }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Sends a request through a layer and lets go of the response.
    pub(crate) async fn send<F>(&self, layer: ClientLayerFor<F>, request: Request<()>) -> Seen {
        let response = layer.layer(self.clone()).oneshot(request).await.unwrap();
        drop(response);
        self.seen().pop().unwrap()
    }
}

impl Seen {
    pub(crate) fn field(&self, name: &str) -> Vec<&str> {
        let values = self.headers.get_all(name).iter();
        values.map(|value| value.to_str().unwrap()).collect()
    }
}

impl<B> Service<Request<B>> for Wire {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Task<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let seen = Seen {
            headers: request.headers().clone(),
            current: Context::current().span().span_context().clone(),
        };
        self.seen.lock().unwrap().push(seen);
        let mut response = Response::new(Full::default());
        *response.status_mut() = self.status;
        ready(Ok(response))
    }
}
