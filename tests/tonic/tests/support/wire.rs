//! Peers that speak HTTP/2 by hand, and say what no library would.

use std::net::SocketAddr;

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Accepts one connection and hands it over after the handshake.
pub(crate) async fn serve<F>(
    work: impl FnOnce(Connection<TcpStream, Bytes>) -> F + Send + 'static,
) -> (SocketAddr, JoinHandle<()>)
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        work(h2::server::handshake(socket).await.unwrap()).await;
    });
    (address, task)
}

/// Answers the first request of a connection, and goes on until the peer has had enough.
pub(crate) async fn answer(
    mut connection: Connection<TcpStream, Bytes>,
    respond: impl FnOnce(Request<RecvStream>, SendResponse<Bytes>),
) {
    let (request, response) = connection.accept().await.unwrap().unwrap();
    respond(request, response);
    while connection.accept().await.is_some() {}
}

/// A head as gRPC servers send it.
pub(crate) fn head(status: u16) -> Response<()> {
    Response::builder().status(status).header("content-type", "application/grpc").body(()).unwrap()
}

/// One message of gRPC.
pub(crate) fn message(text: &str) -> Bytes {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    [&[0], &length[..], text.as_bytes()].concat().into()
}

/// Trailers as gRPC servers send them.
pub(crate) fn trailers(status: &'static str, message: &'static str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.parse().unwrap());
    if !message.is_empty() {
        trailers.insert("grpc-message", message.parse().unwrap());
    }
    trailers
}

/// A client's connection that goes on in the background until it is aborted.
pub(crate) async fn connect(
    address: SocketAddr,
) -> (h2::client::SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>) {
    let socket = TcpStream::connect(address).await.unwrap();
    let (requests, connection) = h2::client::handshake(socket).await.unwrap();
    (requests.ready().await.unwrap(), tokio::spawn(connection))
}

/// Sends the head of a request as gRPC clients do.
pub(crate) fn ask(
    requests: &mut h2::client::SendRequest<Bytes>,
    request: http::request::Builder,
) -> (h2::client::ResponseFuture, SendStream<Bytes>) {
    let request = request
        .method("POST")
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .body(())
        .unwrap();
    requests.send_request(request, false).unwrap()
}
