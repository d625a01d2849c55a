//! What the service does, and what it says about it.

use std::num::ParseIntError;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use opentelemetry::KeyValue;
use opentelemetry::trace::{FutureExt as _, SpanContext, TraceContextExt as _};
use tracewire::{ResultExt as _, context};
use tracing::info;

/// The order before this one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shop {
    last: Arc<Mutex<Option<SpanContext>>>,
}

/// Takes an order.
pub(crate) async fn order(State(shop): State<Shop>, Path(id): Path<String>) -> StatusCode {
    let request = tracewire::current();
    request.set("shop.order", id.clone());
    if let Some(last) = shop.replace(request.context().span().span_context().clone()) {
        request.link(last, vec![KeyValue::new("shop.link", "the order before")]);
    }
    // What is called from here on knows the priority; what the caller said travels on too.
    let tenant = context::baggage("tenant").unwrap_or_default();
    let priority = if tenant == "acme" { "high" } else { "low" };
    let charged = charge(&id).with_context(context::with_baggage([("priority", priority)])).await;
    match charged {
        Ok(()) => StatusCode::CREATED,
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

/// A span below the request's. When it fails, the span is an error and a log record says why.
#[tracing::instrument]
async fn charge(order: &str) -> Result<(), ParseIntError> {
    let number: u32 = order.parse().trace_err()?;
    // From within another span it is still the request's.
    tracewire::current().set("shop.number", i64::from(number));
    info!(number, priority = context::baggage("priority"), "charged");
    Ok(())
}

impl Shop {
    fn replace(&self, span: SpanContext) -> Option<SpanContext> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).replace(span)
    }
}
