//! The endpoint as a handler of axum's.

use std::future::{Ready, ready};

use axum::body::Body;
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;

use crate::prometheus::Metrics;

/// `get(metrics)` serves them.
impl<S> Handler<(), S> for Metrics {
    type Future = Ready<Response>;

    fn call(self, request: Request, _: S) -> Self::Future {
        ready(self.answer(request.method(), request.headers()).map(Body::new))
    }
}
