//! The thread on which exporting happens.
//!
//! Sending needs a reactor to drive it. It cannot be the application's: that may not exist yet, or
//! be blocked by the very thread that is waiting for the export. So there is one here, on a thread
//! of its own for each signal, on which nothing is ever traced. What is written to standard output
//! needs none of this.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::Write as _;
use std::pin::pin;
use std::sync::{Arc, mpsc as std_mpsc};
use std::task::Poll;
use std::thread;

use opentelemetry::Context;
use opentelemetry_proto::tonic::common::v1::EntityRef;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::exchange::{Accepted, Exchange, Letter};
use super::failure::{Again, Failure};
use super::pieces::Pieces;
use super::report::Report;
use super::retry::Retry;
use super::route::Route;
use crate::Error;

/// Takes the messages of one signal.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    way: Way,
    entities: Arc<[EntityRef]>,
}

#[derive(Clone, Debug)]
enum Way {
    /// To the thread that sends them.
    Network { route: Arc<Route>, jobs: mpsc::Sender<Job> },
    /// To standard output, a line of JSON for each (OTLP File Exporter).
    Stdout,
}

/// Ends the thread when it is dropped, whatever the thread is waiting for.
#[derive(Debug)]
pub(crate) struct Stop(#[expect(dead_code, reason = "its drop is the signal")] oneshot::Sender<()>);

#[derive(Debug)]
struct Job {
    letter: Letter,
    deadline: Instant,
    done: oneshot::Sender<Result<Accepted, Failure>>,
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

impl Client {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has none.
    pub(crate) fn start(route: Route) -> Result<(Self, Stop), Error> {
        let route = Arc::new(route);
        let (jobs, queue) = mpsc::channel(1);
        let (stop, stopped) = oneshot::channel();
        let (ready, readiness) = std_mpsc::channel();
        let way = route.clone();
        let work = move || run(&way, queue, stopped, &ready);
        thread::Builder::new().name("tracewire-otlp".to_owned()).spawn(work).map_err(|error| {
            Error::system("the exporter's thread cannot be started").because(error)
        })?;
        readiness
            .recv()
            .unwrap_or_else(|_| Err(Error::system("the exporter's thread ended at once")))?;
        Ok((Self { way: Way::Network { route, jobs }, entities: [].into() }, Stop(stop)))
    }

    /// Writes to standard output.
    pub(crate) fn stdout() -> Self {
        Self { way: Way::Stdout, entities: [].into() }
    }

    /// Says in every message what its resource consists of.
    pub(crate) fn about(self, entities: Arc<[EntityRef]>) -> Self {
        Self { entities, ..self }
    }

    /// Sends a message of OTLP, in parts where it is too large for one request and each of them
    /// several times if need be, and reports how much of it was taken. All parts together take no
    /// longer than the route's timeout. Needs no runtime, and may be awaited on any.
    pub(crate) async fn send<M: Pieces>(&self, mut message: M, report: &Report) {
        for resource in message.resources() {
            resource.entity_refs = self.entities.to_vec();
        }
        let deadline = self.deadline();
        let mut parts = vec![message];
        while let Some(mut part) = parts.pop() {
            let (letter, most) = match &self.way {
                Way::Network { route, .. } if Instant::now() < deadline => {
                    (Letter::write(&part, route.protocol, route.compression), route.max_request)
                }
                Way::Network { .. } => {
                    let late = Failure::new("there was no time left for all parts", Again::Never);
                    (Err(late), 0)
                }
                Way::Stdout => (Letter::line(&part), usize::MAX),
            };
            let too_large = letter.as_ref().is_ok_and(|letter| letter.size > most);
            if too_large && let Some(rest) = part.halve() {
                parts.extend([rest, part]);
                continue;
            }
            let sent = match letter {
                Ok(_) if too_large => {
                    Err(Failure::new(format!("it has more than {most} bytes"), Again::Never))
                }
                Ok(letter) => self.deliver_until(deadline, letter).await,
                Err(failure) => Err(failure),
            };
            report.sent(part.count(), &sent);
        }
    }

    /// Sends what is written already.
    pub(crate) async fn deliver(&self, letter: Letter) -> Result<Accepted, Failure> {
        self.deliver_until(self.deadline(), letter).await
    }

    /// When an export that begins now has to end.
    fn deadline(&self) -> Instant {
        let now = Instant::now();
        match &self.way {
            Way::Network { route, .. } => now + route.timeout,
            Way::Stdout => now,
        }
    }

    async fn deliver_until(&self, deadline: Instant, letter: Letter) -> Result<Accepted, Failure> {
        match &self.way {
            Way::Network { jobs, .. } => {
                let over = || Failure::new("telemetry has been shut down", Again::Never);
                let (done, answer) = oneshot::channel();
                jobs.send(Job { letter, deadline, done }).await.map_err(|_| over())?;
                answer.await.unwrap_or_else(|_| Err(over()))
            }
            Way::Stdout => print(&letter.body),
        }
    }
}

/// Writes to standard output at once.
pub(crate) fn print(bytes: &[u8]) -> Result<Accepted, Failure> {
    let mut output = std::io::stdout().lock();
    let written = output.write_all(bytes).and_then(|()| output.flush());
    let failed = |error| Failure::new(format!("it cannot be written to: {error}"), Again::Never);
    written.map(|()| Accepted::default()).map_err(failed)
}

fn run(
    route: &Route,
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
        .build();
    match runtime {
        Err(error) => {
            let error = Error::system("the exporter's runtime cannot be started").because(error);
            let _ = ready.send(Err(error));
        }
        Ok(runtime) => {
            let _ = ready.send(Ok(()));
            runtime.block_on(async {
                let mut work = pin!(work(route, queue));
                let mut stopped = pin!(stopped);
                poll_fn(|task| {
                    let over = work.as_mut().poll(task).is_ready()
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

/// Sends one message after the other until nobody has any more.
async fn work(route: &Route, mut queue: mpsc::Receiver<Job>) {
    let mut exchange = Exchange::new(route);
    let mut not_before = None;
    while let Some(Job { letter, deadline, done }) = queue.recv().await {
        let mut last = None;
        let attempts = attempts(route, &exchange, &letter, &mut not_before, &mut last);
        let result = timeout_at(deadline, attempts).await.unwrap_or_else(|_| {
            // A connection that has gone silent must not be used again.
            exchange = Exchange::new(route);
            let cause = last.as_ref().map_or("no answer".to_owned(), Failure::to_string);
            Err(Failure::new(format!("{cause}, within {:?}", route.timeout), Again::Never))
        });
        let _ = done.send(result);
    }
}

/// Sends until it succeeds or is of no use. A receiver's wish to be left alone holds for what is sent
/// next, too.
async fn attempts(
    route: &Route,
    exchange: &Exchange,
    letter: &Letter,
    not_before: &mut Option<Instant>,
    last: &mut Option<Failure>,
) -> Result<Accepted, Failure> {
    let mut retry = Retry::default();
    if let Some(instant) = *not_before
        && instant > Instant::now()
    {
        *last = Some(Failure::new("it asked to be left alone for a while", Again::Never));
        sleep_until(instant).await;
    }
    loop {
        let failure = match exchange.send(route, letter.clone()).await {
            Ok(accepted) => return Ok(accepted),
            Err(failure) => failure,
        };
        let again = retry.after(&failure);
        if let (Again::After(wish), Some(_)) = (failure.again(), again) {
            *not_before = Some(Instant::now() + wish);
        }
        let Some(again) = again else {
            return Err(failure);
        };
        *last = Some(failure);
        sleep_until(again).await;
    }
}
