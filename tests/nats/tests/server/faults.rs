//! A server that dies and comes back.

use std::process::{Command, Stdio};

use futures_util::StreamExt as _;
use test_support::{Server, free_ports, service, soon, unique};
use tracewire::messaging::Config;
use tracewire::nats::Client;
use tracewire::otel::trace::SpanKind;
use tracewire::test::Capture;

fn serve(port: u16) -> Server {
    let mut command = Command::new(service("TRACEWIRE_NATS_SERVER"));
    command
        .args(["--addr", "127.0.0.1", "--port", &port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    Server::start(&mut command, "Server is ready").unwrap()
}

async fn connect(port: u16) -> async_nats::Client {
    let options = async_nats::ConnectOptions::new().retry_on_initial_connect();
    let client = options.connect(format!("127.0.0.1:{port}")).await.unwrap();
    soon(client.flush()).await.unwrap();
    client
}

#[tokio::test]
async fn a_server_that_is_killed_and_started_again_costs_no_span_and_no_trace() {
    let [port] = free_ports();
    let mut server = serve(port);
    let capture = Capture::new();
    let config = Config::new().telemetry(&capture.telemetry());
    let nats = Client::with_config(connect(port).await, &config);
    let subject = unique("orders");
    let mut messages = nats.subscribe(subject.clone()).await.unwrap();
    nats.publish(subject.clone(), "before".into()).await.unwrap();
    let held = soon(messages.next()).await.unwrap();
    assert_eq!(held.payload, "before");

    server.kill();
    // A request that the dead server will not answer.
    let lost = async_nats::Request::new().timeout(Some(std::time::Duration::from_millis(100)));
    nats.send_request(unique("lost"), lost).await.unwrap_err();
    drop(held);

    let _server = serve(port);
    // The connection finds the server again by itself; what was published meanwhile may be lost.
    let after = async {
        loop {
            nats.publish(subject.clone(), "after".into()).await.unwrap();
            let wait = std::time::Duration::from_millis(50);
            if let Ok(Some(message)) = tokio::time::timeout(wait, messages.next()).await {
                break message;
            }
        }
    };
    let after = soon(after).await;
    assert_eq!(after.payload, "after");
    drop((after, messages));
    assert_eq!(capture.open(), 0);

    let spans = capture.spans();
    let lost = spans.iter().find(|span| span.span_kind == SpanKind::Client).unwrap();
    assert!(matches!(lost.status, tracewire::otel::trace::Status::Error { .. }), "{lost:?}");
    let published: Vec<_> = spans.iter().filter(|it| it.span_kind == SpanKind::Producer).collect();
    for span in spans.iter().filter(|span| span.span_kind == SpanKind::Consumer) {
        let [link] = &span.links[..] else { panic!("{span:?}") };
        assert!(
            published.iter().any(|it| it.span_context.span_id() == link.span_context.span_id())
        );
    }
}
