//! What is sent is kept, whichever way it is sent.

use std::net::SocketAddr;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValueList, any_value};
use opentelemetry_proto::tonic::trace::v1::{
    Span as ProtoSpan, Status as ProtoStatus, span, status,
};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinHandle};
use tonic::codec::CompressionEncoding::Gzip;
use tracewire_cli::{
    Attributes, Event, Limits, Link, Listen, Receiver, Span, SpanId, SpanKind, Status, Store,
    TraceId, Value,
};

use crate::support::{JSON, PROTOBUF, answer, attribute, export, export_of, gzip, post, text};

/// Long enough for any machine; nothing waits for it when all is well.
const DEADLINE: Duration = Duration::from_secs(20);

async fn receiver() -> Receiver {
    Receiver::bind(Listen::any_port(), Store::default()).await.unwrap()
}

/// The first case of every encoding: one span with everything on it.
fn full_export() -> ExportTraceServiceRequest {
    let list =
        |values| AnyValue { value: Some(any_value::Value::ArrayValue(ArrayValue { values })) };
    let event = span::Event {
        time_unix_nano: 1_500,
        name: "exception".into(),
        attributes: vec![text("exception.type", "Declined")],
        ..span::Event::default()
    };
    let link = span::Link {
        trace_id: 7_u128.to_be_bytes().into(),
        span_id: 8_u64.to_be_bytes().into(),
        attributes: vec![text("why", "retry")],
        ..span::Link::default()
    };
    let broken_link = span::Link::default();
    export_of(vec![ProtoSpan {
        trace_id: 0x5b8e_fff7_9803_8103_d269_b633_813f_c60c_u128.to_be_bytes().into(),
        span_id: 0xeee1_9b7e_c3c1_b174_u64.to_be_bytes().into(),
        parent_span_id: 0xeee1_9b7e_c3c1_b173_u64.to_be_bytes().into(),
        name: "POST /pay".into(),
        kind: span::SpanKind::Server.into(),
        start_time_unix_nano: 1_000,
        end_time_unix_nano: 2_000,
        attributes: vec![
            text("url.path", "/pay"),
            attribute("http.response.status_code", any_value::Value::IntValue(500)),
            attribute("ratio", any_value::Value::DoubleValue(0.5)),
            attribute("retried", any_value::Value::BoolValue(true)),
            attribute("raw", any_value::Value::BytesValue(vec![1, 255])),
            attribute("none", any_value::Value::ArrayValue(ArrayValue::default())),
            attribute(
                "nested",
                any_value::Value::KvlistValue(KeyValueList {
                    values: vec![attribute("list", list(Vec::new()).value.unwrap())],
                }),
            ),
        ],
        events: vec![event],
        links: vec![link, broken_link],
        status: Some(ProtoStatus {
            message: "declined".into(),
            code: status::StatusCode::Error.into(),
        }),
        ..ProtoSpan::default()
    }])
}

/// The same as OTLP/JSON has it: ids in hexadecimal, numbers of 64 bits as text, empty lists left out.
const FULL_JSON: &str = r#"{"resourceSpans": [{
  "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "sender"}}]},
  "scopeSpans": [{"scope": {"name": "by hand"}, "spans": [{
    "traceId": "5B8EFFF798038103D269B633813FC60C",
    "spanId": "eee19b7ec3c1b174",
    "parentSpanId": "eee19b7ec3c1b173",
    "name": "POST /pay",
    "kind": 2,
    "startTimeUnixNano": "1000",
    "endTimeUnixNano": 2000,
    "attributes": [
      {"key": "url.path", "value": {"stringValue": "/pay"}},
      {"key": "http.response.status_code", "value": {"intValue": "500"}},
      {"key": "ratio", "value": {"doubleValue": 0.5}},
      {"key": "retried", "value": {"boolValue": true}},
      {"key": "raw", "value": {"bytesValue": "Af8="}},
      {"key": "none", "value": {"arrayValue": {}}},
      {"key": "nested", "value": {"kvlistValue": {"values": [{"key": "list", "value": {"arrayValue": {}}}]}}}
    ],
    "events": [{"timeUnixNano": "1500", "name": "exception",
      "attributes": [{"key": "exception.type", "value": {"stringValue": "Declined"}}]}],
    "links": [
      {"traceId": "00000000000000000000000000000007", "spanId": "0000000000000008",
        "attributes": [{"key": "why", "value": {"stringValue": "retry"}}]},
      {"traceId": "", "spanId": ""}
    ],
    "status": {"code": 2, "message": "declined"},
    "aFieldOfTomorrow": {"x": []}
  }]}]
}]}"#;

fn full_span() -> Span {
    let id = TraceId::from(0x5b8e_fff7_9803_8103_d269_b633_813f_c60c);
    let mut span = Span::new(id, SpanId::from(0xeee1_9b7e_c3c1_b174), "POST /pay")
        .parent(SpanId::from(0xeee1_9b7e_c3c1_b173))
        .service("sender")
        .kind(SpanKind::Server)
        .time(1_000, 2_000)
        .attribute("url.path", "/pay")
        .attribute("http.response.status_code", 500)
        .attribute("ratio", 0.5)
        .attribute("retried", true)
        .attribute("raw", Value::Bytes(vec![1, 255]))
        .attribute("none", Vec::<Value>::new())
        .attribute("nested", Value::Map([("list", Vec::<Value>::new())].into_iter().collect()));
    let pair = |key: &str, value: &str| -> Attributes { [(key, value)].into_iter().collect() };
    span.events = vec![Event::new("exception", 1_500, pair("exception.type", "Declined"))];
    span.links = vec![Link::new(TraceId::from(7), SpanId::from(8), pair("why", "retry"))];
    span.status = Status::error("declined");
    span.scope = "by hand".into();
    span
}

fn only_span(receiver: &Receiver) -> Span {
    let traces = receiver.store().traces();
    assert_eq!(traces.len(), 1, "{traces:?}");
    assert_eq!(traces[0].len(), 1, "{traces:?}");
    Span::clone(traces[0].roots().next().unwrap().span())
}

#[tokio::test]
async fn a_span_arrives_whole_over_http() {
    let packed = [("content-encoding", "gzip")];
    let protobuf = full_export().encode_to_vec();
    for (kind, body, extra) in [
        (PROTOBUF, protobuf.clone(), &packed[..0]),
        (PROTOBUF, gzip(&protobuf), &packed),
        (JSON, FULL_JSON.into(), &[]),
        (JSON, gzip(FULL_JSON.as_bytes()), &packed),
        ("Application/JSON; charset=utf-8", FULL_JSON.into(), &[]),
        (PROTOBUF, protobuf, &[("content-encoding", "identity")]),
    ] {
        let receiver = receiver().await;
        let headers = [&[("content-type", kind)], extra].concat();

        let answer = post(receiver.http_addr(), "/v1/traces", &headers, &body).await;

        assert_eq!(answer.status, 200, "{headers:?}: {}", String::from_utf8_lossy(&answer.body));
        let json = kind.to_ascii_lowercase().starts_with(JSON);
        assert_eq!(answer.header("content-type"), Some(if json { JSON } else { PROTOBUF }));
        assert_eq!(answer.body, if json { &b"{}"[..] } else { b"" });
        assert_eq!(only_span(&receiver), full_span(), "{headers:?}");
    }
}

#[tokio::test]
async fn a_span_arrives_whole_over_grpc() {
    for compress in [false, true] {
        let receiver = receiver().await;
        let mut client = TraceServiceClient::connect(receiver.grpc_endpoint()).await.unwrap();
        if compress {
            client = client.send_compressed(Gzip);
        }

        let answer = client.export(full_export()).await.unwrap().into_inner();

        assert_eq!(answer, ExportTraceServiceResponse::default());
        assert_eq!(only_span(&receiver), full_span());
    }
}

#[tokio::test]
async fn both_ports_speak_both_protocols() {
    let receiver = receiver().await;
    assert_ne!(receiver.grpc_addr(), receiver.http_addr());

    let body = export([(1, 1)]).encode_to_vec();
    let answer =
        post(receiver.grpc_addr(), "/v1/traces", &[("content-type", PROTOBUF)], &body).await;
    assert_eq!(answer.status, 200);
    let mut client = TraceServiceClient::connect(receiver.http_endpoint()).await.unwrap();
    client.export(export([(2, 1)])).await.unwrap();

    assert_eq!(receiver.store().trace_ids(), [TraceId::from(1), TraceId::from(2)]);
}

#[tokio::test]
async fn logs_and_metrics_are_taken_and_let_go() {
    let receiver = receiver().await;
    for path in ["/v1/logs", "/v1/metrics"] {
        for (kind, body, answered) in [(PROTOBUF, &b"\x0a\x00"[..], &b""[..]), (JSON, b"{}", b"{}")]
        {
            let answer = post(receiver.http_addr(), path, &[("content-type", kind)], body).await;
            assert_eq!((answer.status, &answer.body[..]), (200, answered), "{path} {kind}");
            assert_eq!(answer.header("content-type"), Some(kind));
        }
    }
    let endpoint = receiver.grpc_endpoint();
    let mut logs =
        LogsServiceClient::connect(endpoint.clone()).await.unwrap().send_compressed(Gzip);
    logs.export(ExportLogsServiceRequest::default()).await.unwrap();
    let mut metrics = MetricsServiceClient::connect(endpoint).await.unwrap().send_compressed(Gzip);
    metrics.export(ExportMetricsServiceRequest::default()).await.unwrap();

    assert_eq!(receiver.store().stats().received, 0);
}

#[tokio::test]
async fn spans_that_cannot_be_kept_are_told_and_the_rest_is_kept() {
    let with_ids = |trace: &[u8], span: &[u8], parent: &[u8]| ProtoSpan {
        trace_id: trace.into(),
        span_id: span.into(),
        parent_span_id: parent.into(),
        ..ProtoSpan::default()
    };
    let (trace, id) = ([1; 16], [2; 8]);
    for (bad, why) in [
        (with_ids(&[0; 16], &id, &[]), "a trace id must be 16 bytes, not all zero"),
        (with_ids(&trace[..15], &id, &[]), "a trace id must be 16 bytes, not all zero"),
        (with_ids(&trace, &[0; 8], &[]), "a span id must be 8 bytes, not all zero"),
        (with_ids(&trace, &[], &[]), "a span id must be 8 bytes, not all zero"),
        (with_ids(&trace, &id, &[3; 7]), "a parent span id must be empty or 8 bytes"),
    ] {
        let receiver = receiver().await;
        let good = with_ids(&trace, &[9; 8], &[0; 8]);
        let request = export_of(vec![bad.clone(), good, bad]);

        let mut client = TraceServiceClient::connect(receiver.grpc_endpoint()).await.unwrap();
        let partial =
            client.export(request.clone()).await.unwrap().into_inner().partial_success.unwrap();
        assert_eq!((partial.rejected_spans, partial.error_message.as_str()), (2, why));

        let headers = [("content-type", PROTOBUF)];
        let answer =
            post(receiver.http_addr(), "/v1/traces", &headers, &request.encode_to_vec()).await;
        let over_http = ExportTraceServiceResponse::decode(&*answer.body).unwrap();
        assert_eq!((answer.status, over_http.partial_success), (200, Some(partial)));

        assert_eq!(only_span(&receiver).parent_id, None, "eight zeros are no parent");
    }
}

#[tokio::test]
async fn spans_beyond_the_limits_are_told_in_the_senders_encoding() {
    let store = Store::new(Limits::default().spans(1));
    let receiver = Receiver::bind(Listen::any_port(), store).await.unwrap();
    let one = |id: &str| format!(r#"{{"traceId": "{:032x}", "spanId": "{id}"}}"#, 1);
    let spans =
        [one("0000000000000001"), one("0000000000000002"), one("0000000000000003")].join(",");
    let body = format!(r#"{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{spans}]}}]}}]}}"#);

    let answer =
        post(receiver.http_addr(), "/v1/traces", &[("content-type", JSON)], body.as_bytes()).await;

    assert_eq!(answer.status, 200);
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap(),
        serde_json::json!({"partialSuccess": {
            "rejectedSpans": "2",
            "errorMessage": "the trace has more spans than are kept",
        }}),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_senders_at_once_lose_nothing() {
    const SENDERS: u64 = 16;
    const EXPORTS: u64 = 20;
    let receiver = receiver().await;
    let (grpc, http) = (receiver.grpc_endpoint(), receiver.http_addr());
    let senders = (0..SENDERS).map(|sender| {
        let grpc = grpc.clone();
        tokio::spawn(async move {
            let mut client = TraceServiceClient::connect(grpc).await.unwrap().send_compressed(Gzip);
            for n in 0..EXPORTS {
                let request = export([
                    (u128::from(n) + 1, sender + 1),
                    (u128::from(n) + 1, SENDERS + sender + 1),
                ]);
                if sender % 2 == 0 {
                    client.export(request).await.unwrap();
                } else {
                    let headers = [("content-type", PROTOBUF), ("content-encoding", "gzip")];
                    let answer =
                        post(http, "/v1/traces", &headers, &gzip(&request.encode_to_vec())).await;
                    assert_eq!(answer.status, 200);
                }
            }
        })
    });
    let all_there = receiver.store().wait_for(
        |store| (store.stats().spans as u64 == SENDERS * EXPORTS * 2).then(|| store.traces()),
        DEADLINE,
    );
    let (sent, traces) = tokio::join!(joined(senders.collect()), all_there);

    sent.unwrap();
    let sizes: Vec<_> = traces.unwrap().iter().map(|trace| trace.len() as u64).collect();
    assert_eq!(sizes, [SENDERS * 2; EXPORTS as usize]);
}

async fn joined(tasks: Vec<JoinHandle<()>>) -> Result<(), JoinError> {
    for task in tasks {
        task.await?;
    }
    Ok(())
}

#[tokio::test]
async fn shutdown_lets_a_request_finish_and_frees_the_ports() {
    let receiver = receiver().await;
    let (store, address) = (receiver.store().clone(), receiver.http_addr());
    let body = export([(1, 1)]).encode_to_vec();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body: the request has begun.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");

    let stopping = tokio::spawn(receiver.shutdown());
    refused(address).await;
    stream.write_all(&body).await.unwrap();

    assert_eq!(answer(stream).await.status, 200);
    stopping.await.unwrap();
    assert_eq!(store.stats().spans, 1, "the store outlives its receiver");
}

#[tokio::test]
async fn dropping_the_receiver_stops_it() {
    let receiver = receiver().await;
    let addresses = [receiver.grpc_addr(), receiver.http_addr()];
    // An open connection that sends nothing does not hold it up.
    let _client = TraceServiceClient::connect(receiver.grpc_endpoint()).await.unwrap();

    drop(receiver);

    for address in addresses {
        refused(address).await;
    }
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_a_request_that_never_ends() {
    let receiver = receiver().await;
    let mut stream = TcpStream::connect(receiver.http_addr()).await.unwrap();
    let head =
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n";
    stream.write_all(format!("{head}content-type: {JSON}\r\n\r\n").as_bytes()).await.unwrap();
    stream.readable().await.unwrap();
    let before = tokio::time::Instant::now();

    receiver.shutdown().await;

    assert_eq!(before.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();

    let error =
        Receiver::bind(Listen::loopback(0, address.port()), Store::default()).await.unwrap_err();

    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert!(error.to_string().starts_with(&format!("cannot listen on {address}: ")), "{error}");
}

#[test]
fn the_default_ports_are_otlps() {
    let ports = (Listen::default().grpc.port(), Listen::default().http.port());
    assert_eq!(ports, (4317, 4318));
    assert!(Listen::default().grpc.ip().is_loopback() && Listen::default().http.ip().is_loopback());
}

/// Waits until nobody listens there any more.
async fn refused(address: SocketAddr) {
    let gone = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, gone).await.expect("still listening");
}
