//! Counting how often a request has been sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use http::Request;
use tower_layer::Layer;
use tower_service::Service;

/// Request extension that its clones share: how often the request has been sent so far.
#[derive(Clone, Debug, Default)]
pub struct Resends(Arc<AtomicU32>);

impl Resends {
    /// Counts one more attempt and returns how many there were before it: 0 for the first.
    pub fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// Layer that goes around a retry layer, so that the client layer inside it can number the attempts
/// (`http.request.resend_count`).
///
/// ```
/// # use tower::ServiceBuilder;
/// use tracewire::http::{ClientLayer, CountResendsLayer};
/// # #[derive(Clone)] struct Retries;
/// # impl tower::retry::Policy<http::Request<()>, http::Response<tracewire::http::Body<String>>, std::io::Error> for Retries {
/// #     type Future = std::future::Ready<()>;
/// #     fn retry(&mut self, _: &mut http::Request<()>, _: &mut Result<http::Response<tracewire::http::Body<String>>, std::io::Error>) -> Option<Self::Future> { None }
/// #     fn clone_request(&mut self, _: &http::Request<()>) -> Option<http::Request<()>> { None }
/// # }
/// let client = ServiceBuilder::new()
///     .layer(CountResendsLayer)
///     .retry(Retries)
///     .layer(ClientLayer::new());
/// # let _ = client.service(tower::service_fn(async |_: http::Request<()>| Ok::<_, std::io::Error>(http::Response::new(String::new()))));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CountResendsLayer;

impl<S> Layer<S> for CountResendsLayer {
    type Service = CountResends<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CountResends { inner }
    }
}

/// Service made by [`CountResendsLayer`].
#[derive(Clone, Debug)]
pub struct CountResends<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for CountResends<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        request.extensions_mut().insert(Resends::default());
        self.inner.call(request)
    }
}
