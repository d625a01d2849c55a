//! A server and a client of one service, and what both record.

use std::net::SocketAddr;

use futures_util::{Stream, StreamExt as _};
use http::uri::PathAndQuery;
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::transport::server::{Router, TcpIncoming};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};
use tower::Layer;
use tower::layer::util::{Identity, Stack};
use tracewire::test::{Capture, SpanData, expect};
use tracewire::tonic::{Client, ClientLayer, ServerLayer};

mod codec;
mod echo;
pub(crate) mod wire;

pub(crate) use codec::Text;
pub(crate) use echo::Echo;

/// A trace that callers claim to come from.
pub(crate) const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
pub(crate) const SPAN: &str = "b7ad6b7169203331";
pub(crate) const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A server of `test.Echo` on a socket, and what its layer and those of its clients record.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) capture: Capture,
    pub(crate) echo: Echo,
    task: JoinHandle<()>,
}

impl Site {
    /// A server with the layer as it is.
    pub(crate) async fn new() -> Self {
        Self::with(|layer| layer).await
    }

    /// A server with a layer that is told more.
    pub(crate) async fn with(tell: impl FnOnce(ServerLayer) -> ServerLayer) -> Self {
        Self::built(|layer, echo| {
            tonic::transport::Server::builder().layer(tell(layer)).add_service(echo)
        })
        .await
    }

    /// What `build` makes of a layer and the service.
    pub(crate) async fn built(
        build: impl FnOnce(ServerLayer, Echo) -> Router<Stack<ServerLayer, Identity>>,
    ) -> Self {
        let (capture, echo) = (Capture::new(), Echo::default());
        let router = build(ServerLayer::new().telemetry(&capture.telemetry()), echo.clone());
        let incoming = listen();
        let address = incoming.local_addr().unwrap();
        let task = tokio::spawn(async move { router.serve_with_incoming(incoming).await.unwrap() });
        Self { address, capture, echo, task }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        endpoint(self.address)
    }

    /// A client whose layer records into the site's capture.
    pub(crate) async fn client(&self) -> Caller<Client<Channel>> {
        self.client_with(|layer| layer).await
    }

    pub(crate) async fn client_with(
        &self,
        tell: impl FnOnce(ClientLayer) -> ClientLayer,
    ) -> Caller<Client<Channel>> {
        let layer = ClientLayer::new().telemetry(&self.capture.telemetry());
        let layer = layer.target(self.endpoint().uri().to_string());
        Caller::new(tell(layer).layer(self.endpoint().connect().await.unwrap()))
    }

    /// A client without a layer.
    pub(crate) async fn stock(&self) -> Caller<Channel> {
        Caller::new(self.endpoint().connect().await.unwrap())
    }

    /// The trace once this many spans have ended and none is open.
    pub(crate) async fn assert(&self, spans: usize, expected: expect::Span) {
        self.capture.ended(spans).await;
        self.capture.assert(expected);
        assert_eq!(self.capture.open(), 0, "spans are left open");
    }

    /// The only span, once it has ended.
    pub(crate) async fn only_span(&self) -> SpanData {
        self.capture.ended(1).await;
        let mut spans = self.capture.spans();
        assert_eq!((spans.len(), self.capture.open()), (1, 0), "one span is expected");
        spans.remove(0)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn listen() -> TcpIncoming {
    TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap()
}

pub(crate) fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::from_shared(format!("http://{address}")).unwrap()
}

/// Calls methods of any service with text.
#[derive(Clone, Debug)]
pub(crate) struct Caller<S> {
    grpc: Grpc<S>,
    service: &'static str,
}

impl<S> Caller<S>
where
    S: GrpcService<Body, ResponseBody: Send + 'static>,
    <S::ResponseBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(crate) fn new(service: S) -> Self {
        Self::of(Grpc::new(service))
    }

    pub(crate) fn of(grpc: Grpc<S>) -> Self {
        Self { grpc, service: "test.Echo" }
    }

    pub(crate) fn service(self, service: &'static str) -> Self {
        Self { service, ..self }
    }

    async fn path(&mut self, method: &str) -> PathAndQuery {
        assert!(self.grpc.ready().await.is_ok(), "the service is not ready");
        format!("/{}/{method}", self.service).parse().unwrap()
    }

    /// Calls `Unary`.
    pub(crate) async fn unary(&mut self, message: &str) -> Result<String, Status> {
        self.call("Unary", Request::new(message.to_owned())).await.map(Response::into_inner)
    }

    /// Calls a method that has one message each way.
    pub(crate) async fn call(
        &mut self,
        method: &str,
        request: Request<String>,
    ) -> Result<Response<String>, Status> {
        let path = self.path(method).await;
        self.grpc.unary(request, path, Text).await
    }

    /// Calls `ServerStream`.
    pub(crate) async fn server_stream(
        &mut self,
        message: &str,
    ) -> Result<Streaming<String>, Status> {
        let path = self.path("ServerStream").await;
        let request = Request::new(message.to_owned());
        self.grpc.server_streaming(request, path, Text).await.map(Response::into_inner)
    }

    /// Calls `ClientStream`.
    pub(crate) async fn client_stream(
        &mut self,
        messages: impl Stream<Item = &'static str> + Send + 'static,
    ) -> Result<String, Status> {
        let path = self.path("ClientStream").await;
        let request = Request::new(messages.map(str::to_owned));
        self.grpc.client_streaming(request, path, Text).await.map(Response::into_inner)
    }

    /// Calls `Bidi`.
    pub(crate) async fn bidi(
        &mut self,
        messages: impl Stream<Item = &'static str> + Send + 'static,
    ) -> Result<Streaming<String>, Status> {
        let path = self.path("Bidi").await;
        let request = Request::new(messages.map(str::to_owned));
        self.grpc.streaming(request, path, Text).await.map(Response::into_inner)
    }
}

/// Reads a stream to its end: its messages, and the status that it ends with.
pub(crate) async fn drain(mut stream: Streaming<String>) -> (Vec<String>, Option<Status>) {
    let mut messages = Vec::new();
    loop {
        match stream.message().await {
            Ok(Some(message)) => messages.push(message),
            Ok(None) => return (messages, None),
            Err(status) => return (messages, Some(status)),
        }
    }
}

/// A call seen from both ends.
pub(crate) fn call(method: &'static str) -> expect::Span {
    client(method).child(server(method))
}

/// A client's span of a call.
pub(crate) fn client(method: &'static str) -> expect::Span {
    span(method).client()
}

/// A server's span of a call.
pub(crate) fn server(method: &'static str) -> expect::Span {
    span(method).server()
}

fn span(method: &'static str) -> expect::Span {
    expect::span(method).attribute("rpc.system.name", "grpc").attribute("rpc.method", method)
}

/// The value of a span's attribute as text, and that it is there only once.
pub(crate) fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let mut found = span.attributes.iter().filter(|attribute| attribute.key.as_str() == key);
    let value = found.next().map(|attribute| attribute.value.to_string());
    assert!(found.next().is_none(), "`{key}` stands twice");
    value
}
