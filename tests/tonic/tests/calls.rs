//! Every kind of call, and how long its span lasts.

use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding;
use tonic::service::InterceptorLayer;
use tonic::{Request, Status};
use tower::{Layer as _, ServiceBuilder};
use tracewire::tonic::ClientLayer;

use crate::support::{Caller, Site, call, client, drain, server};

const OK: (&str, &str) = ("rpc.response.status_code", "OK");

#[tokio::test]
async fn unary() {
    let site = Site::new().await;
    assert_eq!(site.client().await.unary("hello").await.unwrap(), "hello");
    let both = client("test.Echo/Unary")
        .attribute(OK.0, OK.1)
        .child(server("test.Echo/Unary").attribute(OK.0, OK.1));
    site.assert(2, both).await;
}

#[tokio::test]
async fn client_stream() {
    let site = Site::new().await;
    let answer = site.client().await.client_stream(stream::iter(["a", "b", "c"])).await;
    assert_eq!(answer.unwrap(), "a b c");
    site.assert(2, call("test.Echo/ClientStream")).await;
}

#[tokio::test]
async fn server_stream() {
    let site = Site::new().await;
    let mut caller = site.client().await;
    let (answers, status) = drain(caller.server_stream("a, b, c").await.unwrap()).await;
    assert_eq!(answers, ["a", "b", "c"]);
    assert!(status.is_none());
    site.assert(2, call("test.Echo/ServerStream")).await;
}

#[tokio::test]
async fn bidi() {
    let site = Site::new().await;
    let answers = site.client().await.bidi(stream::iter(["a", "b"])).await.unwrap();
    assert_eq!(drain(answers).await.0, ["a", "b"]);
    site.assert(2, call("test.Echo/Bidi")).await;
}

#[tokio::test]
async fn a_span_lasts_as_long_as_the_stream() {
    let site = Site::new().await;
    let (send, receive) = tokio::sync::mpsc::unbounded_channel();
    let messages = tokio_stream::wrappers::UnboundedReceiverStream::new(receive);
    let mut answers = site.client().await.bidi(messages).await.unwrap();
    for message in ["one", "two", "three"] {
        send.send(message).unwrap();
        assert_eq!(answers.message().await.unwrap().unwrap(), message);
        assert_eq!((site.capture.open(), site.capture.spans().len()), (2, 0));
    }
    drop(send);
    assert!(answers.message().await.unwrap().is_none());
    site.assert(2, call("test.Echo/Bidi")).await;
}

#[tokio::test]
async fn an_empty_stream_is_a_call_too() {
    let site = Site::new().await;
    let answers = site.client().await.bidi(stream::empty()).await.unwrap();
    assert!(drain(answers).await.0.is_empty());
    site.assert(2, call("test.Echo/Bidi")).await;
}

#[tokio::test]
async fn a_hundred_calls_at_once_do_not_mix() {
    let site = Site::new().await;
    let caller = site.client().await;
    let calls = (0..100).map(|n| {
        let mut caller = caller.clone();
        async move {
            let context = caller.unary("context").await.unwrap();
            let words = format!("{n}, {n}");
            let answers = caller.server_stream(&words).await.unwrap();
            assert_eq!(drain(answers).await.0, [n.to_string(), n.to_string()]);
            context
        }
    });
    let contexts = join_all(calls).await;
    site.capture.ended(400).await;
    assert_eq!(site.capture.open(), 0);
    let traces = site.capture.traces();
    assert_eq!(traces.len(), 200);
    for trace in &traces {
        let [both] = trace.roots() else { panic!("one call is one trace:\n{trace}") };
        let method = both.span.name.clone();
        assert_eq!(both.children.len(), 1);
        assert_eq!(both.children[0].span.name, method);
    }
    // Each handler has run inside the span of its own call.
    let servers = traces.iter().map(|trace| &trace.roots()[0].children[0].span);
    let mut ids: Vec<String> =
        servers.map(|span| span.span_context.span_id().to_string()).collect();
    ids.retain(|id| contexts.contains(id));
    assert_eq!(ids.len(), 100);
}

#[tokio::test]
async fn compressed_messages() {
    let site = Site::new().await;
    let channel = site.endpoint().connect().await.unwrap();
    let layer = ClientLayer::new().telemetry(&site.capture.telemetry()).count_messages();
    let grpc = Grpc::new(layer.layer(channel))
        .send_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Gzip);
    let long = "long ".repeat(10_000);
    assert_eq!(Caller::of(grpc).unary(&long).await.unwrap(), long);
    let counted = client("test.Echo/Unary")
        .attribute("tracewire.rpc.messages_sent", 1)
        .attribute("tracewire.rpc.messages_received", 1);
    site.assert(2, counted.child(server("test.Echo/Unary"))).await;
}

/// An interceptor that lets nobody in.
fn guard(request: Request<()>) -> Result<Request<()>, Status> {
    let token = request.metadata().get("authorization");
    if token.is_some() { Ok(request) } else { Err(Status::unauthenticated("who are you?")) }
}

#[tokio::test]
async fn interceptors_of_a_service() {
    let site = Site::built(|layer, echo| {
        let guarded = InterceptorLayer::new(guard).layer(echo);
        tonic::transport::Server::builder().layer(layer).add_service(guarded)
    })
    .await;
    assert!(site.client().await.unary("hello").await.is_err());
    let both = client("test.Echo/Unary")
        .error("UNAUTHENTICATED")
        .child(server("test.Echo/Unary").attribute(OK.0, "UNAUTHENTICATED"));
    site.assert(2, both).await;
}

#[tokio::test]
async fn interceptors_of_a_client_on_either_side_of_the_layer() {
    let site = Site::new().await;
    let layer = ClientLayer::new().telemetry(&site.capture.telemetry());
    let channel = site.endpoint().connect().await.unwrap();
    let add = |mut request: Request<()>| {
        request.metadata_mut().insert("answer-seen", "yes".parse().unwrap());
        Ok(request)
    };
    let outside = ServiceBuilder::new()
        .layer(InterceptorLayer::new(add))
        .layer(layer.clone())
        .service(channel.clone());
    let inside =
        ServiceBuilder::new().layer(layer).layer(InterceptorLayer::new(add)).service(channel);
    let ask = || Request::new("hello".to_owned());
    let first = Caller::new(outside).call("Unary", ask()).await.unwrap();
    let second = Caller::new(inside).call("Unary", ask()).await.unwrap();
    assert_eq!(first.metadata().get("seen").unwrap(), "yes");
    assert_eq!(second.metadata().get("seen").unwrap(), "yes");
    site.capture.ended(4).await;
    for trace in site.capture.traces() {
        trace.assert(call("test.Echo/Unary"));
    }
}

#[tokio::test]
async fn a_layer_around_one_service() {
    let capture = tracewire::test::Capture::new();
    let layer = tracewire::tonic::ServerLayer::new().telemetry(&capture.telemetry());
    let incoming = crate::support::listen();
    let address = incoming.local_addr().unwrap();
    let one = layer.layer(crate::support::Echo::default());
    let router = tonic::transport::Server::builder().add_service(one);
    let task = tokio::spawn(router.serve_with_incoming(incoming));
    let mut caller = Caller::new(crate::support::endpoint(address).connect().await.unwrap());
    let answers = caller.bidi(stream::iter(["a", "b"]).chain(stream::iter(["c"]))).await.unwrap();
    assert_eq!(drain(answers).await.0, ["a", "b", "c"]);
    capture.ended(1).await;
    capture.assert(server("test.Echo/Bidi"));
    task.abort();
}
