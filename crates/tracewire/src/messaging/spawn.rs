//! Tasks that stay in the trace of whoever starts them.

use opentelemetry::Context;
use opentelemetry::trace::FutureExt as _;
use tokio::task::JoinHandle;

/// Spawns a task in which the context that is current now stays current: spans of the task are in
/// the trace of whoever spawned it, even when they outlive that one.
///
/// For a future that is not spawned there is OpenTelemetry's own
/// [`with_context`](opentelemetry::trace::FutureExt::with_context), of which this is made. For jobs
/// that wait in a channel see [`Envelope`](crate::messaging::Envelope).
///
/// ```
/// use tracewire::otel::{Context, KeyValue, baggage::BaggageExt};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let context = Context::new().with_baggage([KeyValue::new("tenant", "7")]);
/// let task = {
///     let _current = context.attach();
///     tracewire::spawn(async { Context::current().baggage().get("tenant").cloned() })
/// };
/// assert_eq!(task.await?, Some("7".into()));
/// # Ok::<(), tokio::task::JoinError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
/// Outside of a runtime of tokio, as `tokio::spawn` does.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    tokio::spawn(future.with_context(Context::current()))
}
