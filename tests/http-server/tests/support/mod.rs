//! Servers on loopback sockets, clients that write whatever bytes they please.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::any;
use opentelemetry::trace::{Span as _, Tracer as _, TracerProvider as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tracewire::axum::ServerLayer;
use tracewire::test::{Capture, Trace, expect};

pub(crate) mod bodies;
mod process;

pub(crate) use process::in_own_process;
pub(crate) use test_support::soon;

/// A trace that callers claim to come from.
pub(crate) const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
pub(crate) const SPAN: &str = "b7ad6b7169203331";
pub(crate) const SAMPLED: &str =
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
pub(crate) const UNSAMPLED: &str =
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// An application that listens, and what its layers record.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) capture: Capture,
    task: JoinHandle<()>,
}

impl Site {
    /// Serves what `app` makes of a layer that records into the site's capture.
    pub(crate) async fn new(app: impl FnOnce(ServerLayer) -> Router) -> Self {
        Self::recording(Capture::new(), app).await
    }

    /// The same with a capture that is there already.
    pub(crate) async fn recording(
        capture: Capture,
        app: impl FnOnce(ServerLayer) -> Router,
    ) -> Self {
        let app = app(ServerLayer::new().telemetry(&capture.telemetry()));
        Self::serving(capture, app).await
    }

    /// Serves an application that is ready.
    pub(crate) async fn serving(capture: Capture, app: Router) -> Self {
        let listener = listen().await;
        let address = listener.local_addr().unwrap();
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, capture, task }
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::to(self.address).await
    }

    /// Sends bytes on a connection of their own and reads until the server closes it.
    pub(crate) async fn raw(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut connection = self.connect().await;
        connection.send(request).await;
        connection.rest().await
    }

    /// Gets a path with these header lines besides `Host` and `Connection: close`.
    pub(crate) async fn get(&self, path: &str, headers: &[&str]) -> Answer {
        self.raw(request("GET", path, headers)).await
    }

    /// The one trace there is once so many spans have ended; nothing may be left open.
    pub(crate) async fn trace(&self, spans: usize) -> Trace {
        self.settled(spans).await;
        self.capture.trace()
    }

    /// Waits for so many spans; there must be no more, and none may be left open.
    pub(crate) async fn settled(&self, spans: usize) {
        settled(&self.capture, spans).await;
    }

    /// Compares the one trace there is once so many spans have ended.
    pub(crate) async fn assert(&self, expected: expect::Span, spans: usize) {
        self.trace(spans).await.assert(expected);
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// Waits for so many spans; there must be no more, and none may be left open.
pub(crate) async fn settled(capture: &Capture, spans: usize) {
    capture.ended(spans).await;
    assert_eq!(capture.open(), 0, "spans are left open");
    let ended: Vec<_> = capture.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(ended.len(), spans, "{ended:?}");
}

/// The text of a request that closes its connection.
pub(crate) fn request(method: &str, target: &str, headers: &[&str]) -> String {
    let mut text =
        format!("{method} {target} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n");
    for line in headers {
        text += line;
        text += "\r\n";
    }
    text + "\r\n"
}

/// Starts and ends a span below whatever is current.
pub(crate) fn mark(capture: &Capture, name: &'static str) {
    let tracer = capture.provider().tracer("application");
    tracer.start(name).end();
}

/// A client's end of a socket.
pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        self.0
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // A server may close before everything is written, which its answer shows.
        let _ = self.0.write_all(bytes.as_ref()).await;
    }

    /// Reads until `text` has come, and returns everything up to there.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        let mut read = Vec::new();
        while !read.ends_with(text.as_bytes()) {
            read.push(soon(self.0.read_u8()).await.unwrap());
        }
        String::from_utf8(read).unwrap()
    }

    /// Reads until the server closes the connection.
    pub(crate) async fn rest(&mut self) -> Answer {
        let mut read = Vec::new();
        // What was read before a reset counts.
        let _ = soon(self.0.read_to_end(&mut read)).await;
        Answer(String::from_utf8_lossy(&read).into_owned())
    }
}

/// A response as it came.
#[derive(Debug)]
pub(crate) struct Answer(pub(crate) String);

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        let code = self.0.split(' ').nth(1);
        code.unwrap_or_default().parse().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let head = self.0.split("\r\n\r\n").next()?;
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub(crate) fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").unwrap_or_default().1
    }
}

/// Answers with the fields that a request sent from here would carry, one a line.
pub(crate) async fn outgoing() -> String {
    let mut headers = http::HeaderMap::new();
    let context = opentelemetry::Context::current();
    tracewire::Propagator::default().inject(&context, &mut headers);
    let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        format!("{name}: {}\n", value.to_str().unwrap())
    };
    headers.iter().map(line).collect()
}

/// The value of one of the lines of [`outgoing`].
pub(crate) fn field<'a>(lines: &'a str, name: &str) -> Option<&'a str> {
    let of_line = |line: &'a str| line.strip_prefix(name)?.strip_prefix(": ");
    lines.lines().find_map(of_line)
}

/// A shop with a few routes.
pub(crate) fn shop(layer: ServerLayer) -> Router {
    Router::new()
        .route("/orders/{id}", any(async || "an order"))
        .route("/", any(async || "the shop"))
        .layer(layer)
}
