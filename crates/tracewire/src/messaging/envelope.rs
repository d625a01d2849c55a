//! A job on its way through a channel of this process, and the context it was handed over in.

use opentelemetry::{Context, StringValue};

use super::about::About;
use super::client::Client;
use super::config::Config;
use super::process::Process;
use crate::span::Outcome;

/// The `messaging.system` of what never leaves the process.
const SYSTEM: &str = "in_process";

/// A value for a channel, together with the context in which it was put in.
///
/// Any channel will do. Whoever takes it out [processes](Self::process) it in a span of kind
/// consumer, which links to the context:
///
/// ```
/// use tracewire::messaging::Envelope;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let (jobs, mut inbox) = tokio::sync::mpsc::channel(16);
/// let worker = tokio::spawn(async move {
///     let mut sum = 0;
///     while let Some(envelope) = inbox.recv().await {
///         let job: Envelope<u32> = envelope;
///         job.process(async |number| sum += number).await;
///     }
///     sum
/// });
/// for number in [1, 2, 3] {
///     jobs.send(Envelope::new(number).destination("numbers")).await?;
/// }
/// drop(jobs);
/// assert_eq!(worker.await?, 6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Envelope::new`] keeps the job in the trace of whoever sent it: the sender is the parent as well
/// as a link. [`Envelope::with_config`] does as its settings say.
#[derive(Clone, Debug)]
pub struct Envelope<T> {
    value: T,
    context: Context,
    destination: Option<StringValue>,
    client: Client,
}

impl<T> Envelope<T> {
    /// Captures what is current; one trace for the sender and the worker.
    pub fn new(value: T) -> Self {
        Self::with_config(value, &Config::new().producer_as_parent())
    }

    /// The same with settings of your own, and only a link unless they say otherwise. Keep the
    /// settings; making them for every envelope costs more than the envelope.
    pub fn with_config(value: T, config: &Config) -> Self {
        let client = Client::new(SYSTEM, config);
        Self { value, context: Context::current(), destination: None, client }
    }

    /// What the channel is called, for the names of the spans: few, and always the same.
    #[must_use]
    pub fn destination(mut self, name: impl Into<StringValue>) -> Self {
        self.destination = Some(name.into());
        self
    }

    /// Records that it is sent: a `send` span of kind producer, which is what the worker's span
    /// belongs to. Say it after [`destination`](Self::destination).
    #[must_use]
    pub fn sent(mut self) -> Self {
        let sending = self.client.send_in_process("send", &self.context, |about| {
            self.describe(about);
        });
        self.context = sending.context().clone();
        sending.finish(Outcome::Success);
        self
    }

    /// The value, with the envelope still open: nothing is recorded.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The context in which it was sent.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Opens it: the value, and the span of its processing, which is the caller's to finish.
    pub fn into_parts(self) -> (T, Process) {
        let process =
            self.client.process_created(&self.client.now(), "process", &self.context, |about| {
                self.describe(about);
            });
        (self.value, process)
    }

    /// Opens it and works on the value. The span ends when the work does, whatever it returns;
    /// see [`try_process`](Self::try_process).
    pub async fn process<R>(self, work: impl AsyncFnOnce(T) -> R) -> R {
        let (value, process) = self.into_parts();
        let output = process.run(async { work(value).await }).await;
        process.finish(Outcome::Success);
        output
    }

    /// Opens it and works on the value; an `Err` is an error of the span too, whose `error.type` is
    /// the name of the error's type.
    ///
    /// # Errors
    /// Those of the work.
    pub async fn try_process<R, E>(
        self,
        work: impl AsyncFnOnce(T) -> Result<R, E>,
    ) -> Result<R, E> {
        let (value, process) = self.into_parts();
        let output = process.run(async { work(value).await }).await;
        process.finish(match &output {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::error(std::any::type_name::<E>()),
        });
        output
    }

    fn describe(&self, about: &mut About) {
        if let Some(name) = &self.destination {
            about.destination(name.clone());
        }
    }
}
