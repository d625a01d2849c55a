//! The thread on which exporting happens.
//!
//! gRPC and HTTP need a reactor to drive them. It cannot be the application's: that may not exist
//! yet, or be blocked by the very thread that is waiting for the export. So there is one here, on a
//! thread of its own, on which nothing is ever traced.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, mpsc as std_mpsc};
use std::task::Poll;
use std::thread;

use opentelemetry::Context;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::sync::{mpsc, oneshot};

use super::{Otlp, Report};
use crate::Error;

/// The exporter that the batch processor sees: hands batches to the worker and waits.
#[derive(Debug)]
pub(crate) struct Courier {
    jobs: mpsc::Sender<Job>,
    report: Arc<Report>,
}

/// Ends the worker when it is dropped, whatever the worker is waiting for.
#[derive(Debug)]
pub(crate) struct Stop(#[expect(dead_code, reason = "its drop is the signal")] oneshot::Sender<()>);

#[derive(Debug)]
struct Job {
    batch: Vec<SpanData>,
    done: oneshot::Sender<OTelSdkResult>,
}

thread_local! {
    static EXPORTING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread does nothing but export.
///
/// A suppressed context is not enough for `tracing` spans: one that is opened as a root, as HTTP/2
/// connections are, begins with an empty context.
pub(crate) fn is_exporting() -> bool {
    EXPORTING.get()
}

/// Starts the worker.
pub(crate) fn start(otlp: Otlp, report: Arc<Report>) -> Result<(Courier, Stop), Error> {
    let (jobs, queue) = mpsc::channel(1);
    let (stop, stopped) = oneshot::channel();
    let (ready, readiness) = std_mpsc::channel();
    let work = move || run(&otlp, queue, stopped, &ready);
    thread::Builder::new()
        .name("tracewire-otlp".to_owned())
        .spawn(work)
        .map_err(|error| Error::system("the exporter's thread cannot be started").because(error))?;
    readiness
        .recv()
        .unwrap_or_else(|_| Err(Error::system("the exporter's thread ended at once")))?;
    Ok((Courier { jobs, report }, Stop(stop)))
}

impl SpanExporter for Courier {
    /// Always `Ok`: what went wrong is in the report, and the SDK would log it once more.
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let (done, answer) = oneshot::channel();
        let sent = self.jobs.send(Job { batch, done }).await;
        let result = match sent {
            Ok(()) => answer.await.unwrap_or(Err(OTelSdkError::AlreadyShutdown)),
            Err(_) => Err(OTelSdkError::AlreadyShutdown),
        };
        if let Err(error) = result {
            self.report.lost(count, &error);
        }
        Ok(())
    }
}

fn run(
    otlp: &Otlp,
    queue: mpsc::Receiver<Job>,
    stopped: oneshot::Receiver<()>,
    ready: &std_mpsc::Sender<Result<(), Error>>,
) {
    // Connections are driven by tasks of this thread's runtime, so this covers them too.
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    EXPORTING.set(true);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_start(|| EXPORTING.set(true))
        .build()
        .map_err(|error| Error::system("the exporter's runtime cannot be started").because(error));
    let built = runtime.and_then(|runtime| {
        let exporter = {
            let _entered = runtime.enter();
            otlp.build()?
        };
        Ok((runtime, exporter))
    });
    match built {
        Err(error) => {
            let _ = ready.send(Err(error));
        }
        Ok((runtime, exporter)) => {
            let _ = ready.send(Ok(()));
            runtime.block_on(async {
                let mut delivery = pin!(deliver(otlp, exporter, queue));
                let mut stopped = pin!(stopped);
                poll_fn(|task| {
                    let over = delivery.as_mut().poll(task).is_ready()
                        || stopped.as_mut().poll(task).is_ready();
                    if over { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
            });
            // A name that is still being resolved is not waited for.
            runtime.shutdown_background();
        }
    }
}

/// Exports one batch after the other until the batch processor is gone.
async fn deliver(
    otlp: &Otlp,
    mut exporter: opentelemetry_otlp::SpanExporter,
    mut queue: mpsc::Receiver<Job>,
) {
    while let Some(Job { batch, done }) = queue.recv().await {
        let result = match tokio::time::timeout(otlp.timeout, exporter.export(batch)).await {
            Ok(result) => result,
            Err(_) => {
                if let Ok(fresh) = otlp.build() {
                    exporter = fresh;
                }
                Err(OTelSdkError::Timeout(otlp.timeout))
            }
        };
        let _ = done.send(result);
    }
}
