//! Messages, counted by choice.

use futures_util::stream;
use tracewire::test::expect;

use crate::support::{Site, client, drain, server};

const SENT: &str = "tracewire.rpc.messages_sent";
const RECEIVED: &str = "tracewire.rpc.messages_received";

/// Both ends of a call, of which the client has sent and received so many messages.
fn counted(method: &'static str, requests: i64, responses: i64) -> expect::Span {
    let server = server(method).attribute(RECEIVED, requests).attribute(SENT, responses);
    client(method).attribute(SENT, requests).attribute(RECEIVED, responses).child(server)
}

#[tokio::test]
async fn messages_of_every_kind_of_call() {
    let site = Site::with(tracewire::tonic::ServerLayer::count_messages).await;
    let mut caller = site.client_with(tracewire::tonic::ClientLayer::count_messages).await;

    caller.unary("hello").await.unwrap();
    site.assert(2, counted("test.Echo/Unary", 1, 1)).await;

    site.capture.clear();
    caller.unary("").await.unwrap();
    site.assert(2, counted("test.Echo/Unary", 1, 1)).await;

    site.capture.clear();
    drain(caller.server_stream("a, b, c").await.unwrap()).await;
    site.assert(2, counted("test.Echo/ServerStream", 1, 3)).await;

    site.capture.clear();
    caller.client_stream(stream::iter(["a", "b"])).await.unwrap();
    site.assert(2, counted("test.Echo/ClientStream", 2, 1)).await;

    site.capture.clear();
    drain(caller.bidi(stream::iter(["a", "b", "c", "d"])).await.unwrap()).await;
    site.assert(2, counted("test.Echo/Bidi", 4, 4)).await;
}

#[tokio::test]
async fn nothing_comes_back_with_an_error() {
    let site = Site::with(tracewire::tonic::ServerLayer::count_messages).await;
    let mut caller = site.client_with(tracewire::tonic::ClientLayer::count_messages).await;
    assert!(caller.unary("status 5").await.is_err());
    let server = server("test.Echo/Unary").attribute(RECEIVED, 1).attribute(SENT, 0);
    let client = client("test.Echo/Unary").error("NOT_FOUND");
    site.assert(2, client.attribute(SENT, 1).attribute(RECEIVED, 0).child(server)).await;
}

#[tokio::test]
async fn a_large_message_is_one() {
    let site = Site::with(tracewire::tonic::ServerLayer::count_messages).await;
    let mut caller = site.client_with(tracewire::tonic::ClientLayer::count_messages).await;
    let large = "x".repeat(1_000_000);
    assert_eq!(caller.unary(&large).await.unwrap(), large);
    site.assert(2, counted("test.Echo/Unary", 1, 1)).await;
}

#[tokio::test]
async fn what_nobody_asked_for_is_not_there() {
    let site = Site::new().await;
    site.client().await.unary("hello").await.unwrap();
    let bare = |span: expect::Span| span.without(SENT).without(RECEIVED);
    site.assert(2, bare(client("test.Echo/Unary")).child(bare(server("test.Echo/Unary")))).await;
}
