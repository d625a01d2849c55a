//! An OTLP endpoint inside this process: gRPC and HTTP in, spans out.

mod decode;
mod grpc;
mod http;
mod json;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::store::Store;

/// The largest request body accepted, in bytes, packed and unpacked: 64 MiB, the most an exporter may send.
pub const MAX_BODY: usize = 64 << 20;

/// How long a stop waits for requests that have begun.
const GRACE: Duration = Duration::from_secs(5);

/// Receives OTLP traces over gRPC and HTTP and keeps them in a [`Store`].
///
/// - gRPC: the trace service, gzip accepted.
/// - HTTP: `POST /v1/traces` as `application/x-protobuf` or `application/json`, gzip accepted. Errors carry a
///   `google.rpc.Status`: 400 malformed, 404 elsewhere, 405 not `POST`, 413 over [`MAX_BODY`], 415 another type.
/// - Logs and metrics are taken with an empty success and let go, so that a process that exports them reports nothing.
/// - Spans without valid ids, and spans the store has no room for, are counted in the answer's partial success.
///
/// Both ports speak both protocols, so a sender with the two mixed up is heard. There is no TLS and no CORS answer: it
/// is meant for loopback, and web pages cannot post to it.
///
/// Dropping the receiver stops it as well; [`shutdown`](Self::shutdown) also waits for requests under way.
///
/// ```
/// use tracewire_cli::{Listen, Receiver, Store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let receiver = Receiver::bind(Listen::any_port(), Store::default()).await?;
///
/// // Give this to the processes under observation, as OTEL_EXPORTER_OTLP_ENDPOINT.
/// assert!(receiver.grpc_endpoint().starts_with("http://127.0.0.1:"));
/// assert!(receiver.store().traces().is_empty());
///
/// receiver.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a receiver stops when it is dropped"]
pub struct Receiver {
    store: Store,
    grpc: SocketAddr,
    http: SocketAddr,
    stop: watch::Sender<()>,
    servers: JoinSet<()>,
}

/// Where a [`Receiver`] listens; the default is OTLP's own ports, 4317 and 4318, on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listen {
    /// The address for OTLP/gRPC.
    pub grpc: SocketAddr,
    /// The address for OTLP/HTTP.
    pub http: SocketAddr,
}

// === impl Receiver ===

impl Receiver {
    /// Listens, and serves in tasks of the current Tokio runtime.
    ///
    /// # Errors
    /// An address cannot be bound, most often because another receiver or a Collector already has the port. The
    /// message names the address.
    pub async fn bind(listen: Listen, store: Store) -> io::Result<Self> {
        let (grpc, http) = (open(listen.grpc).await?, open(listen.http).await?);
        let (stop, stopped) = watch::channel(());
        let app = grpc::routes(store.clone()).merge(http::routes(store.clone()));
        let mut receiver = Self {
            store,
            grpc: grpc.local_addr()?,
            http: http.local_addr()?,
            stop,
            servers: JoinSet::new(),
        };
        for listener in [grpc, http] {
            let (app, mut stopped) = (app.clone(), stopped.clone());
            // Without it an exporter's answer may wait for an acknowledgement; a socket that refuses works all the same.
            let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
            receiver.servers.spawn(async move {
                // The channel only ever closes, by `shutdown` or by drop.
                let signal = async move { drop(stopped.changed().await) };
                // This server has no error to return: it goes on after a failed accept.
                drop(axum::serve(listener, app).with_graceful_shutdown(signal).await);
            });
        }
        Ok(receiver)
    }

    /// Where the spans are kept.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The bound address for OTLP/gRPC.
    pub fn grpc_addr(&self) -> SocketAddr {
        self.grpc
    }

    /// The bound address for OTLP/HTTP.
    pub fn http_addr(&self) -> SocketAddr {
        self.http
    }

    /// The endpoint for an exporter with protocol `grpc`, such as `http://127.0.0.1:4317`.
    pub fn grpc_endpoint(&self) -> String {
        format!("http://{}", self.grpc)
    }

    /// The endpoint for an exporter with protocol `http/protobuf` or `http/json`, such as `http://127.0.0.1:4318`.
    pub fn http_endpoint(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Stops listening and waits, at most five seconds, for the requests that have begun.
    pub async fn shutdown(self) {
        let Self { stop, mut servers, .. } = self;
        drop(stop);
        let all_done = async { while servers.join_next().await.is_some() {} };
        // A connection that outlasts the grace has been told to end and takes no new request.
        drop(tokio::time::timeout(GRACE, all_done).await);
    }
}

// === impl Listen ===

impl Listen {
    /// Both protocols on loopback, on any free ports.
    pub fn any_port() -> Self {
        Self::loopback(0, 0)
    }

    /// Both protocols on loopback, on these ports; 0 means any free one.
    pub fn loopback(grpc: u16, http: u16) -> Self {
        Self { grpc: (Ipv4Addr::LOCALHOST, grpc).into(), http: (Ipv4Addr::LOCALHOST, http).into() }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self::loopback(4317, 4318)
    }
}

async fn open(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
    })
}
