//! What cannot be taken is refused as OTLP says: the right status, and a `google.rpc.Status` that tells why.

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::trace::v1::Span as ProtoSpan;
use prost::Message;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tonic::Code;
use tonic::codec::CompressionEncoding::Gzip;
use tracewire_cli::{Listen, MAX_BODY, Receiver, Store};

use crate::support::{Answer, JSON, PROTOBUF, answer, export, export_of, gzip, post, send, text};

/// `google.rpc.Status`, as much of it as is sent.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

async fn receiver() -> Receiver {
    Receiver::bind(Listen::any_port(), Store::default()).await.unwrap()
}

/// Reads the reason in the encoding that the answer claims.
fn reason(answer: &Answer) -> String {
    match answer.header("content-type") {
        Some(PROTOBUF) => RpcStatus::decode(&*answer.body).unwrap().message,
        Some(JSON) => {
            let status: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            assert!(status["code"].is_i64());
            status["message"].as_str().unwrap().to_owned()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn refusals_have_the_right_status_and_say_why() {
    let receiver = receiver().await;
    let valid = export([(1, 1)]).encode_to_vec();
    let deep = format!("{}{}", r#"{"resourceSpans":"#.repeat(400), "[".repeat(400));
    let cut_gzip = &gzip(&valid)[..12];
    let cases = [
        (
            "POST",
            "/v1/traces",
            PROTOBUF,
            "",
            &b"\xff\xff"[..],
            400,
            "the body is not an OTLP trace export request: ",
        ),
        (
            "POST",
            "/v1/traces",
            PROTOBUF,
            "",
            b"\x0a\x7f",
            400,
            "the body is not an OTLP trace export request: ",
        ),
        (
            "POST",
            "/v1/traces",
            JSON,
            "",
            b"{\"resourceSpans\": 1}",
            400,
            "the body is not an OTLP trace export request: ",
        ),
        (
            "POST",
            "/v1/traces",
            JSON,
            "",
            b"",
            400,
            "the body is not an OTLP trace export request: ",
        ),
        (
            "POST",
            "/v1/traces",
            JSON,
            "",
            &valid,
            400,
            "the body is not an OTLP trace export request: ",
        ),
        (
            "POST",
            "/v1/traces",
            JSON,
            "",
            deep.as_bytes(),
            400,
            "the body is not an OTLP trace export request: ",
        ),
        (
            "POST",
            "/v1/traces",
            JSON,
            "",
            br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}"#,
            400,
            "the body is not an OTLP trace export request: ",
        ),
        ("POST", "/v1/traces", PROTOBUF, "gzip", &valid, 400, "the body is not gzip: "),
        ("POST", "/v1/traces", PROTOBUF, "gzip", cut_gzip, 400, "the body is not gzip: "),
        (
            "POST",
            "/v1/traces",
            PROTOBUF,
            "br",
            &valid,
            415,
            "the content encoding must be gzip or identity",
        ),
        (
            "POST",
            "/v1/logs",
            JSON,
            "zstd",
            b"{}",
            415,
            "the content encoding must be gzip or identity",
        ),
        (
            "POST",
            "/v1/traces",
            "text/plain",
            "",
            b"{}",
            415,
            "the content type must be application/x-protobuf or",
        ),
        (
            "POST",
            "/v1/traces",
            "",
            "",
            b"{}",
            415,
            "the content type must be application/x-protobuf or",
        ),
        (
            "POST",
            "/v1/metrics",
            "text/html",
            "",
            b"",
            415,
            "the content type must be application/x-protobuf or",
        ),
        ("GET", "/v1/traces", "", "", b"", 405, "use POST"),
        ("PUT", "/v1/traces", PROTOBUF, "", &valid, 405, "use POST"),
        ("OPTIONS", "/v1/logs", "", "", b"", 405, "use POST"),
        (
            "POST",
            "/v1/trace",
            PROTOBUF,
            "",
            &valid,
            404,
            "only /v1/traces, /v1/logs and /v1/metrics are here",
        ),
        ("GET", "/", "", "", b"", 404, "only /v1/traces, /v1/logs and /v1/metrics are here"),
    ];
    for (method, path, kind, encoding, body, status, why) in cases {
        let headers = [("content-type", kind), ("content-encoding", encoding)];
        let headers: Vec<_> = headers.into_iter().filter(|(_, value)| !value.is_empty()).collect();

        let answer = send(receiver.http_addr(), method, path, &headers, body).await;

        let case = format!(
            "{method} {path} {headers:?} {}",
            String::from_utf8_lossy(&body[..body.len().min(60)])
        );
        assert_eq!(answer.status, status, "{case}");
        assert!(reason(&answer).starts_with(why), "{case}: {}", reason(&answer));
        let expected = if kind == PROTOBUF { PROTOBUF } else { JSON };
        assert_eq!(answer.header("content-type"), Some(expected), "{case}");
        assert_eq!(answer.header("allow"), (status == 405).then_some("POST"), "{case}");
    }
    assert_eq!(receiver.store().stats().received, 0);
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused() {
    let receiver = receiver().await;
    let over = MAX_BODY + 1;
    let declared = over.to_string();
    let bomb = gzip(&vec![0; over]);
    assert!(bomb.len() < MAX_BODY / 100);
    let before_reading: &[(&str, &str)] = &[("content-type", JSON), ("content-length", &declared)];
    let after_unpacking: &[(&str, &str)] =
        &[("content-type", PROTOBUF), ("content-encoding", "gzip")];
    for (headers, body) in [(before_reading, &b""[..]), (after_unpacking, &bomb)] {
        let answer = post(receiver.http_addr(), "/v1/traces", headers, body).await;
        assert_eq!(
            (answer.status, reason(&answer).as_str()),
            (413, "the body is larger than 64 MiB")
        );
    }
}

#[tokio::test]
async fn a_stream_over_the_limit_is_refused_while_it_comes() {
    let receiver = receiver().await;
    let stream = TcpStream::connect(receiver.http_addr()).await.unwrap();
    let (read, mut write) = stream.into_split();
    let sending = tokio::spawn(async move {
        let head = "POST /v1/traces HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n";
        write
            .write_all(format!("{head}content-type: {PROTOBUF}\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut chunk = b"100000\r\n".to_vec();
        chunk.resize(chunk.len() + 0x10_0000, b'x');
        chunk.extend(b"\r\n");
        for _ in 0..=MAX_BODY >> 20 {
            // The server may close before the last of it.
            if write.write_all(&chunk).await.is_err() {
                break;
            }
        }
        write
    });

    let write = sending.await.unwrap();
    let answer = answer(read.reunite(write).unwrap()).await;

    assert_eq!((answer.status, reason(&answer).as_str()), (413, "the body is larger than 64 MiB"));
}

#[tokio::test]
async fn a_body_cut_short_is_kept_out() {
    let receiver = receiver().await;
    let body = export([(1, 1)]).encode_to_vec();
    let mut stream = TcpStream::connect(receiver.http_addr()).await.unwrap();
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\ncontent-length: 1000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    stream.shutdown().await.unwrap();

    let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut Vec::new()).await;
    assert_eq!(receiver.store().stats().received, 0);
}

#[tokio::test]
async fn grpc_refuses_in_its_own_terms() {
    let receiver = receiver().await;
    let client = TraceServiceClient::connect(receiver.grpc_endpoint()).await.unwrap();
    let large = export_of(vec![ProtoSpan {
        attributes: vec![text("large", &"x".repeat(MAX_BODY))],
        ..ProtoSpan::default()
    }]);
    for mut client in [client.clone(), client.send_compressed(Gzip)] {
        let status = client.export(large.clone()).await.unwrap_err();
        assert!(matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted), "{status:?}");
    }

    for path in
        ["/opentelemetry.proto.collector.trace.v1.TraceService/Import", "/other.Service/Call"]
    {
        let headers = [("content-type", "application/grpc"), ("te", "trailers")];
        let answer = post(receiver.grpc_addr(), path, &headers, b"\0\0\0\0\0").await;
        assert_eq!((answer.status, answer.header("grpc-status")), (200, Some("12")), "{path}");
    }
    assert_eq!(receiver.store().stats().received, 0);
}
