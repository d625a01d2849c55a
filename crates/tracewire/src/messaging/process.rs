//! The processing of a message, from its start until it is settled, dropped, or timed out.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::SpanContext;
use opentelemetry::{Context, KeyValue};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::span::{Entered, Operation, Outcome, Run};

/// A message being processed; made by [`Client::process`](super::Client::process).
///
/// It ends exactly once: when it is [finished](Self::finish), when it is dropped, which counts as
/// cancelled, or at [`Config::process_timeout`](super::Config::process_timeout). After a time-out it
/// stays current for whatever still runs.
#[must_use = "processing ends as cancelled when it is dropped"]
#[derive(Debug)]
pub struct Process {
    operation: Arc<Operation>,
    creation: SpanContext,
    timer: Option<AbortHandle>,
}

impl Process {
    pub(super) fn new(
        operation: Operation,
        creation: SpanContext,
        timeout: Option<Duration>,
    ) -> Self {
        let operation = Arc::new(operation);
        let timer = timeout.filter(|_| operation.is_watched()).and_then(|timeout| {
            let runtime = Handle::try_current().ok()?;
            let watched = Arc::downgrade(&operation);
            let timer = runtime.spawn(async move {
                tokio::time::sleep(timeout).await;
                if let Some(operation) = watched.upgrade() {
                    operation.end(Outcome::error("timeout"));
                }
            });
            Some(timer.abort_handle())
        });
        Self { operation, creation, timer }
    }

    /// The context in which the message is processed.
    pub fn context(&self) -> &Context {
        self.operation.context()
    }

    /// The creation context of the message, for [`Client::settle`](super::Client::settle). It is not
    /// valid where the message had none, and for batches.
    pub fn creation(&self) -> &SpanContext {
        &self.creation
    }

    /// Whether anybody reads what is set on the span.
    pub fn is_recording(&self) -> bool {
        self.operation.is_recording()
    }

    /// Makes it current until the guard goes.
    pub fn enter(&self) -> Entered<'_> {
        self.operation.enter()
    }

    /// Runs a future with it current in every poll and in its drop.
    pub fn run<F: Future>(&self, future: F) -> Run<'_, F> {
        self.operation.run(future)
    }

    /// Sets attributes.
    pub fn set(&self, attributes: impl IntoIterator<Item = KeyValue>) {
        self.operation.set(attributes);
    }

    /// Ends it, if nothing has ended it before. It stays current for whatever still runs in it.
    pub fn end(&self, outcome: Outcome) {
        self.operation.end(outcome);
        if let Some(timer) = &self.timer {
            timer.abort();
        }
    }

    /// Ends it.
    pub fn finish(self, outcome: Outcome) {
        self.end(outcome);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end(Outcome::Cancelled);
    }
}
