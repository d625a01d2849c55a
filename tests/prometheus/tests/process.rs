//! What `sdk::init` does about metrics, each time in a process of its own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::convert::Infallible;
use std::net::TcpListener;
use std::process::{Command, Output};
use std::sync::mpsc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, Request, Response, StatusCode};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message as _;
use tower::{Layer as _, Service as _, service_fn};
use tracewire::Telemetry;
use tracewire::http::ServerLayer;
use tracewire::otel::trace::TraceContextExt as _;
use tracewire::otel::{Context, KeyValue, global};
use tracewire::prometheus::Metrics;
use tracewire::sdk::{self, TailSampling};

const PROCESS: &str = "TRACEWIRE_TEST_PROCESS";

/// Runs the test of this name again, as a process with these variables.
fn process(name: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]).env(PROCESS, name);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OTEL_")) {
        command.env_remove(name);
    }
    command.env("OTEL_TRACES_EXPORTER", "none").envs(variables.iter().copied());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn is(name: &str) -> bool {
    std::env::var(PROCESS).is_ok_and(|it| it == name)
}

/// Answers a request with this status and returns the trace that it was in.
fn request(status: StatusCode) -> String {
    let (seen, trace) = mpsc::channel();
    let answer = move |_: Request<String>| {
        seen.send(Context::current().span().span_context().trace_id().to_string()).unwrap();
        let mut response = Response::new(String::new());
        *response.status_mut() = status;
        std::future::ready(Ok::<_, Infallible>(response))
    };
    let mut service = ServerLayer::new().layer(service_fn(answer));
    let request = Request::get("/").body(String::new()).unwrap();
    drop(service.call(request).now_or_never().unwrap());
    trace.recv().unwrap()
}

fn fetch(port: u16) -> reqwest::Result<String> {
    let client = reqwest::blocking::Client::builder().timeout(Duration::from_secs(10)).build()?;
    let request = client.get(format!("http://127.0.0.1:{port}/metrics"));
    request.header("accept", "application/openmetrics-text").send()?.text()
}

#[test]
fn prometheus_can_fetch_from_a_process_that_says_nothing_in_code() {
    const NAME: &str = "prometheus_can_fetch_from_a_process_that_says_nothing_in_code";
    if is(NAME) {
        let guard = sdk::init().unwrap();
        let trace = request(StatusCode::OK);
        // Instruments of the program's own are there, too, wherever they come from.
        let tier = [KeyValue::new("tier", "gold")];
        global::meter("shop").u64_counter("orders").build().add(2, &tier);
        Telemetry::default().meter().f64_gauge("load").build().record(0.5, &[]);
        let port = std::env::var("OTEL_EXPORTER_PROMETHEUS_PORT").unwrap().parse().unwrap();
        let text = fetch(port).unwrap();
        assert!(text.contains("service_name=\"shop\""), "{text}");
        assert!(text.contains("http_server_request_duration_seconds_count{"), "{text}");
        assert_eq!(text.matches("# TYPE http_server_request_duration_seconds ").count(), 1);
        let orders = "orders_total{tier=\"gold\",otel_scope_name=\"shop\"} 2\n";
        assert!(text.contains(orders), "{text}");
        assert!(text.contains("load{otel_scope_name=\"tracewire\""), "{text}");
        assert_eq!(text.contains(&trace), std::env::var("OTEL_METRICS_EXEMPLAR_FILTER").is_err());
        drop(guard);
        assert!(fetch(port).is_err(), "it goes with the guard");
        return;
    }
    for filter in [None, Some(("OTEL_METRICS_EXEMPLAR_FILTER", "always_off"))] {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port().to_string();
        drop(free);
        let mut variables = vec![
            ("OTEL_METRICS_EXPORTER", "prometheus"),
            ("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1"),
            ("OTEL_EXPORTER_PROMETHEUS_PORT", &port),
            ("OTEL_SERVICE_NAME", "shop"),
        ];
        variables.extend(filter);
        process(NAME, &variables);
    }
}

#[test]
fn a_configuration_has_prometheus_fetch() {
    const NAME: &str = "a_configuration_has_prometheus_fetch";
    const PORT: &str = "TRACEWIRE_TEST_PORT";
    if is(NAME) {
        let guard = sdk::init().unwrap();
        let port = std::env::var(PORT).unwrap().parse().unwrap();
        let trace = request(StatusCode::OK);
        let text = fetch(port).unwrap();
        assert!(text.contains("service_name=\"shop\""), "{text}");
        assert!(text.contains("http_server_request_duration_seconds_count{"), "{text}");
        // There are no spans, and so no traces to lead to.
        assert_eq!(trace, "00000000000000000000000000000000");
        drop(guard);
        assert!(fetch(port).is_err(), "it goes with the guard");
        return;
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pull.yaml");
    let text = "file_format: '1.0'\n\
                resource: { attributes: [{ name: service.name, value: shop }] }\n\
                meter_provider:\n  readers:\n    - pull:\n        exporter:\n          \
                prometheus/development:\n            host: 127.0.0.1\n            \
                port: ${TRACEWIRE_TEST_PORT}\n";
    std::fs::write(&file, text).unwrap();
    process(NAME, &[("OTEL_CONFIG_FILE", file.to_str().unwrap()), (PORT, &port)]);
}

#[test]
fn every_reader_of_a_configuration_is_listened_for() {
    const NAME: &str = "every_reader_of_a_configuration_is_listened_for";
    const PORTS: [&str; 2] = ["TRACEWIRE_TEST_PORT", "TRACEWIRE_TEST_OTHER_PORT"];
    if is(NAME) {
        let _guard = sdk::init().unwrap();
        request(StatusCode::OK);
        for port in PORTS {
            let text = fetch(std::env::var(port).unwrap().parse().unwrap()).unwrap();
            assert!(text.contains("http_server_request_duration_seconds_count{"), "{text}");
        }
        return;
    }
    let mut text = "file_format: '1.0'\nmeter_provider:\n  readers:\n".to_owned();
    for port in PORTS {
        text += "    - pull:\n        exporter:\n          prometheus/development:\n            ";
        text += &format!("host: 127.0.0.1\n            port: ${{{port}}}\n");
    }
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pulls.yaml");
    std::fs::write(&file, text).unwrap();
    let free = PORTS.map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let [one, other] = free.map(|free| free.local_addr().unwrap().port().to_string());
    for (one, other, twice) in [(&one, &other, false), (&one, &one, true)] {
        let variables =
            [("OTEL_CONFIG_FILE", file.to_str().unwrap()), (PORTS[0], one), (PORTS[1], other)];
        let output = process(NAME, &variables);
        let said = String::from_utf8_lossy(&output.stderr);
        let sentence = format!("two readers of metrics are to listen on 127.0.0.1:{other}");
        assert_eq!(said.matches(&sentence).count(), usize::from(twice), "{said}");
    }
}

#[test]
fn a_port_in_use_is_told_and_no_more() {
    const NAME: &str = "a_port_in_use_is_told_and_no_more";
    if is(NAME) {
        let _guard = sdk::init().unwrap();
        assert_ne!(request(StatusCode::OK), "00000000000000000000000000000000");
        return;
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = process(
        NAME,
        &[
            ("OTEL_METRICS_EXPORTER", "prometheus"),
            ("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1"),
            ("OTEL_EXPORTER_PROMETHEUS_PORT", &port),
        ],
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&format!("127.0.0.1:{port} cannot be listened on")), "{said}");
}

#[test]
fn exemplars_lead_only_to_traces_that_were_kept() {
    const NAME: &str = "exemplars_lead_only_to_traces_that_were_kept";
    if !is(NAME) {
        process(NAME, &[]);
        return;
    }
    let metrics = Metrics::new();
    let tail = TailSampling::new().keep_errors().otherwise(0.0);
    let guard = sdk::builder()
        .exporters([sdk::Exporter::Console])
        .tail_sampling(tail)
        .prometheus(&metrics)
        .init()
        .unwrap();
    let dropped: Vec<_> = (0..10).map(|_| request(StatusCode::OK)).collect();
    let kept: Vec<_> = (0..10).map(|_| request(StatusCode::INTERNAL_SERVER_ERROR)).collect();
    let text = metrics.open_metrics();
    let exemplars: Vec<_> = text.lines().filter(|line| line.contains(" # {")).collect();
    assert!(!exemplars.is_empty(), "{text}");
    for exemplar in exemplars {
        assert!(kept.iter().any(|trace| exemplar.contains(&**trace)), "{exemplar}");
    }
    assert!(!dropped.iter().any(|trace| text.contains(&**trace)), "{text}");
    drop(guard);
}

#[test]
fn a_collector_gets_measurements_with_exemplars() {
    const NAME: &str = "a_collector_gets_measurements_with_exemplars";
    if is(NAME) {
        let guard = sdk::init().unwrap();
        println!("trace {}", request(StatusCode::OK));
        let meter = global::meter("shop");
        meter.u64_counter("orders").build().add(2, &[KeyValue::new("tier", "gold")]);
        assert!(guard.flush());
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (buckets, base2) = ("explicit_bucket_histogram", "base2_exponential_bucket_histogram");
    let cases = [
        ("http/protobuf", "cumulative", buckets),
        ("http/json", "delta", buckets),
        ("http/protobuf", "delta", base2),
    ];
    for (protocol, temporality, histograms) in cases {
        let (sent, received) = mpsc::channel::<(String, HeaderMap, Bytes)>();
        let url = runtime.block_on(async {
            let app = Router::new().fallback(async move |request: axum::extract::Request| {
                let (head, body) = request.into_parts();
                let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
                sent.send((head.uri.path().to_owned(), head.headers, body)).unwrap();
                StatusCode::OK
            });
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            tokio::spawn(async { axum::serve(listener, app).await });
            url
        });
        let output = process(
            NAME,
            &[
                ("OTEL_METRICS_EXPORTER", "otlp"),
                ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
                ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", temporality),
                ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", histograms),
            ],
        );
        let output = String::from_utf8_lossy(&output.stdout).into_owned();
        let trace = output.lines().find_map(|line| line.split_once("trace ")).unwrap().1;
        let (path, headers, body) =
            received.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
        assert_eq!(path, "/v1/metrics");
        if protocol == "http/json" {
            assert_eq!(headers["content-type"], "application/json");
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(body.contains(&format!("\"traceId\":\"{trace}\"")), "{body}");
            assert!(body.contains("\"orders\""), "{body}");
            continue;
        }
        let request = ExportMetricsServiceRequest::decode(body).unwrap();
        let scopes = request.resource_metrics.iter().flat_map(|it| &it.scope_metrics);
        let metrics: Vec<_> = scopes.flat_map(|scope| &scope.metrics).collect();
        assert!(metrics.iter().any(|metric| metric.name == "orders"), "{metrics:#?}");
        let duration = metrics.iter().find(|it| it.name == "http.server.request.duration").unwrap();
        let (exemplars, sum) = match &duration.data {
            Some(Data::Histogram(it)) if histograms == buckets => {
                (&it.data_points[0].exemplars, it.data_points[0].sum)
            }
            Some(Data::ExponentialHistogram(it)) if histograms == base2 => {
                (&it.data_points[0].exemplars, it.data_points[0].sum)
            }
            other => panic!("{other:?}"),
        };
        let [exemplar] = &**exemplars else { panic!("{duration:?}") };
        let hex: String = exemplar.trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((hex.as_str(), exemplar.span_id.len()), (trace, 8));
        assert_eq!(Some(exemplar.as_value()), sum);
    }
}

#[test]
fn every_collector_gets_every_exemplar() {
    const NAME: &str = "every_collector_gets_every_exemplar";
    if is(NAME) {
        let guard = sdk::init().unwrap();
        println!("trace {}", request(StatusCode::OK));
        assert!(guard.flush());
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (sent, received) = mpsc::channel::<(String, Bytes)>();
    let url = runtime.block_on(async {
        let app = Router::new().fallback(async move |request: axum::extract::Request| {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            sent.send((head.uri.path().to_owned(), body)).unwrap();
            StatusCode::OK
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, app).await });
        url
    });
    let mut text = "file_format: '1.0'\n\
                    tracer_provider:\n  processors: [{ simple: { exporter: { console: } } }]\n\
                    meter_provider:\n  readers:\n"
        .to_owned();
    for place in ["one", "other"] {
        text += "    - periodic:\n        interval: 60000\n        exporter:\n          ";
        text += &format!("otlp_http: {{ endpoint: '{url}/{place}', encoding: json }}\n");
    }
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("readers.yaml");
    std::fs::write(&file, text).unwrap();
    let output = process(NAME, &[("OTEL_CONFIG_FILE", file.to_str().unwrap())]);
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let trace = output.lines().find_map(|line| line.split_once("trace ")).unwrap().1.to_owned();
    let mut places = Vec::new();
    // The first of each place; there is another at the end.
    for _ in 0..2 {
        let (place, body) = received.recv_timeout(Duration::from_secs(20)).unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains(&format!("\"traceId\":\"{trace}\"")), "{place}: {body}");
        places.push(place);
    }
    places.sort();
    assert_eq!(places, ["/one", "/other"]);
}

trait AsValue {
    fn as_value(&self) -> f64;
}

impl AsValue for opentelemetry_proto::tonic::metrics::v1::Exemplar {
    fn as_value(&self) -> f64 {
        use opentelemetry_proto::tonic::metrics::v1::exemplar::Value;
        match self.value {
            Some(Value::AsDouble(value)) => value,
            _ => panic!("{self:?}"),
        }
    }
}
