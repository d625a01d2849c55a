//! A peer in Python, traced by OpenTelemetry itself, as server and as client.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures_util::stream;
use opentelemetry::trace::SpanKind;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;
use tonic::{Code, Request};
use tower::Layer as _;
use tracewire::test::{Capture, SpanData};
use tracewire::tonic::{Client, ClientLayer};

use crate::support::{Caller, Site, attribute, client, drain, endpoint, server};

const STATUS: &str = "rpc.response.status_code";

/// Where the peer's sources are.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python");

/// The interpreter of a virtual environment with what the peer needs, made once for each list of
/// requirements and kept below `target`.
async fn python() -> &'static Path {
    static PYTHON: OnceCell<PathBuf> = OnceCell::const_new();
    PYTHON.get_or_init(install).await
}

async fn install() -> PathBuf {
    let requirements = Path::new(SOURCES).join("requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).unwrap();
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("grpc-peer");
    let (python, installed) = (home.join("bin/python"), home.join("installed"));
    if std::fs::read_to_string(&installed).is_ok_and(|it| it == wanted) {
        return python;
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home)).await;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(Command::new(&python).args(pip).arg("--requirement").arg(&requirements)).await;
    std::fs::write(&installed, wanted).unwrap();
    python
}

async fn run(command: &mut Command) {
    let status = command.status().await.expect("Python 3 with `venv` is installed");
    assert!(status.success(), "{command:?} failed");
}

async fn peer() -> Command {
    let mut command = Command::new(python().await);
    command.arg(Path::new(SOURCES).join("peer.py"));
    // What the environment says about OpenTelemetry is not meant for this.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("OTEL_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

/// A server in Python; it goes when this is dropped.
struct Served {
    address: SocketAddr,
    capture: Capture,
    _process: Child,
}

impl Served {
    async fn new() -> Self {
        let mut process = peer().await.arg("serve").spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = output.next_line().await.unwrap().expect("the peer prints its port");
        let address = ([127, 0, 0, 1], port.parse().unwrap()).into();
        Self { address, capture: Capture::new(), _process: process }
    }

    async fn client(&self) -> Caller<Client<tonic::transport::Channel>> {
        let layer = ClientLayer::new().telemetry(&self.capture.telemetry());
        Caller::new(layer.layer(endpoint(self.address).connect().await.unwrap()))
    }

    async fn only_span(&self) -> SpanData {
        self.capture.ended(1).await;
        assert_eq!(self.capture.open(), 0);
        let span = self.capture.spans().remove(0);
        self.capture.clear();
        span
    }
}

/// The flat object of strings that the peer prints; its lists are left as they are.
fn object(json: &str) -> HashMap<String, String> {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).unwrap();
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    fields.into_iter().map(|(key, value)| (key, text(value))).collect()
}

/// One call that Python makes to `site`, as it tells of it.
async fn call(site: &Site, arguments: &[&str]) -> HashMap<String, String> {
    let mut command = peer().await;
    command.arg("call").arg(site.address.to_string()).args(arguments);
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "the peer failed at {arguments:?}");
    object(&String::from_utf8(output.stdout).unwrap())
}

fn id(span: &SpanData) -> String {
    span.span_context.span_id().to_string()
}

#[tokio::test]
async fn a_server_in_python_continues_the_trace() {
    let served = Served::new().await;
    let mut caller = served.client().await;

    let told = object(&caller.unary("context").await.unwrap());
    let span = served.only_span().await;
    assert_eq!(told["trace"], span.span_context.trace_id().to_string());
    assert_eq!(told["parent"], id(&span));
    assert_eq!(attribute(&span, STATUS).unwrap(), "OK");

    let (answers, status) = drain(caller.server_stream("context, context").await.unwrap()).await;
    let span = served.only_span().await;
    assert!(status.is_none());
    for answer in answers {
        assert_eq!(object(&answer)["parent"], id(&span));
    }
}

#[tokio::test]
async fn a_server_in_python_says_how_calls_end() {
    let served = Served::new().await;
    let mut caller = served.client().await;
    for (code, name) in
        [(1, "CANCELLED"), (5, "NOT_FOUND"), (13, "INTERNAL"), (16, "UNAUTHENTICATED")]
    {
        let status = caller.unary(&format!("status {code} f\u{fc}r n\u{f6}tig")).await.unwrap_err();
        assert_eq!(i32::from(status.code()), code);
        let span = served.only_span().await;
        assert_eq!(attribute(&span, STATUS).unwrap(), name);
        assert_eq!(attribute(&span, "error.type").unwrap(), name);
        assert_eq!(span.status, opentelemetry::trace::Status::error("f\u{fc}r n\u{f6}tig"));
    }
    let (answers, _) = drain(caller.server_stream("a, b, status 8 full").await.unwrap()).await;
    assert_eq!(answers, ["a", "b"]);
    served.capture.assert(client("test.Echo/ServerStream").error("RESOURCE_EXHAUSTED"));
    served.capture.clear();

    assert_eq!(caller.client_stream(stream::iter(["a", "b"])).await.unwrap(), "a b");
    served.capture.assert(client("test.Echo/ClientStream").attribute(STATUS, "OK"));
    served.capture.clear();

    let status = caller.clone().service("test.Missing").unary("hello").await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    served.capture.assert(client("test.Missing/Unary").error("UNIMPLEMENTED"));
    served.capture.clear();

    let mut request = Request::new("wait".to_owned());
    request.set_timeout(Duration::from_millis(200));
    assert!(caller.call("Unary", request).await.is_err());
    served.capture.assert(client("test.Echo/Unary").error("DEADLINE_EXCEEDED"));
    assert_eq!(served.capture.open(), 0);
}

#[tokio::test]
async fn a_client_in_python_is_the_parent() {
    let site = Site::new().await;
    for (method, message) in
        [("Unary", "context"), ("ServerStream", "context"), ("Bidi", "context")]
    {
        let told = call(&site, &[method, message]).await;
        assert_eq!(told["code"], "OK", "{told:?}");
        let span = site.only_span().await;
        assert_eq!(span.span_kind, SpanKind::Server);
        assert_eq!(span.name, format!("test.Echo/{method}"));
        assert_eq!(span.span_context.trace_id().to_string(), told["trace"]);
        assert_eq!(span.parent_span_id.to_string(), told["span"]);
        assert_eq!(attribute(&span, "server.port").unwrap(), site.address.port().to_string());
        site.capture.clear();
    }
}

#[tokio::test]
async fn a_client_in_python_is_told_how_calls_end() {
    let site = Site::new().await;
    let told = call(&site, &["Unary", "status 5 no such thing"]).await;
    assert_eq!((&*told["code"], &*told["details"]), ("NOT_FOUND", "no such thing"));
    site.assert(1, server("test.Echo/Unary").attribute(STATUS, "NOT_FOUND")).await;
    site.capture.clear();

    let told = call(&site, &["ServerStream", "a, status 13 broken"]).await;
    assert_eq!(told["code"], "INTERNAL");
    site.assert(1, server("test.Echo/ServerStream").error("INTERNAL")).await;
    site.capture.clear();

    let told = call(&site, &["Bidi", "a, cancel, wait"]).await;
    assert_eq!(told["code"], "CANCELLED");
    site.assert(1, server("test.Echo/Bidi").attribute(STATUS, "CANCELLED")).await;
    site.capture.clear();

    let told = call(&site, &["Unary", "wait", "0.5"]).await;
    // tonic's server calls it cancelled when its clock is the first to run out.
    assert!(["DEADLINE_EXCEEDED", "CANCELLED"].contains(&&*told["code"]), "{told:?}");
    site.assert(1, server("test.Echo/Unary").error("DEADLINE_EXCEEDED")).await;
}
