//! A server for metrics alone, on a thread of its own.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener, ToSocketAddrs};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};

use super::Metrics;

/// Serves metrics at `/metrics` until it is dropped; made by [`Metrics::listen`].
#[must_use = "nothing is served when it has been dropped"]
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How many are served at the same time. More have to wait.
const MOST: usize = 32;

/// How long one may take, from the connection to the last byte.
const LONGEST: Duration = Duration::from_secs(30);

impl Metrics {
    /// Serves `/metrics` at every address that this means, on a thread of its own, with any runtime
    /// or none.
    ///
    /// # Errors
    /// When there is no such address, when somebody else listens there, or when the system has no
    /// thread.
    pub fn listen(&self, address: impl ToSocketAddrs) -> io::Result<Listener> {
        let listeners = bind(address)?;
        let address = match listeners.first() {
            Some(listener) => listener.local_addr()?,
            None => return Err(io::ErrorKind::AddrNotAvailable.into()),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let entered = runtime.enter();
        let listeners: Vec<_> =
            listeners.into_iter().map(TcpListener::from_std).collect::<io::Result<_>>()?;
        drop(entered);
        let metrics = self.clone();
        let run = move || {
            let seats = Arc::new(Semaphore::new(MOST));
            for listener in listeners {
                runtime.spawn(accept(listener, metrics.clone(), seats.clone()));
            }
            let _ = runtime.block_on(stopped);
        };
        let thread = thread::Builder::new().name("tracewire-prometheus".to_owned()).spawn(run)?;
        Ok(Listener { address, stop: Some(stop), thread: Some(thread) })
    }
}

/// A name may stand for several addresses, as `localhost` does, and whoever asks may try any.
fn bind(address: impl ToSocketAddrs) -> io::Result<Vec<StdListener>> {
    let (mut listeners, mut failure, mut port) = (Vec::<StdListener>::new(), None, None);
    for mut address in address.to_socket_addrs()? {
        address.set_port(port.unwrap_or(address.port()));
        let bound = StdListener::bind(address).and_then(|listener| {
            listener.set_nonblocking(true)?;
            port = Some(listener.local_addr()?.port());
            Ok(listener)
        });
        match bound {
            Ok(listener) => listeners.push(listener),
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(listeners),
    }
}

async fn accept(listener: TcpListener, metrics: Metrics, seats: Arc<Semaphore>) {
    // Never closed.
    while let Ok(seat) = seats.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((connection, _)) => {
                let metrics = metrics.clone();
                tokio::spawn(async move {
                    let _ = timeout(LONGEST, serve(connection, metrics)).await;
                    drop(seat);
                });
            }
            // There may be files to open again later.
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn serve(connection: TcpStream, metrics: Metrics) -> Result<(), hyper::Error> {
    let answer = service_fn(move |request: Request<Incoming>| {
        let response = match request.uri().path() {
            "/metrics" => metrics.answer(request.method(), request.headers()),
            _ => {
                let mut response = Response::new(Full::default());
                *response.status_mut() = StatusCode::NOT_FOUND;
                response
            }
        };
        std::future::ready(Ok::<_, std::convert::Infallible>(response))
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(connection), answer)
        .await
}

impl Listener {
    /// Where it listens; the first address, if there are several.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has only to see that.
            let _ = thread.join();
        }
    }
}
