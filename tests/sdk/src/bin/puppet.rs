//! A process with telemetry that does what it is told on standard input, one line at a time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is test code")]

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io::{BufRead as _, Write as _};
use std::task::Poll;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{Link, SpanKind, TraceContextExt as _, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};
use tracewire::sdk::{
    self, Batch, Compression, Detector, Entity, Exporter, Guard, HistogramAggregation, Limits,
    Otlp, Protocol, Sampler, Signal, Stats, TailSampling,
};
use tracewire::{Format, Propagator};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

fn main() {
    let settings: BTreeMap<String, String> = std::env::args()
        .skip(1)
        .map(|setting| setting.split_once('=').map(|(k, v)| (k.into(), v.into())).unwrap())
        .collect();
    use tokio::runtime::Builder;
    match settings.get("runtime").map_or("multi", String::as_str) {
        "multi" => Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
            .block_on(obey(&settings)),
        // Nothing of the application's runtime may be needed: not even its drivers are there.
        "current" => Builder::new_current_thread().build().unwrap().block_on(obey(&settings)),
        "none" => futures_executor::block_on(obey(&settings)),
        other => panic!("{other}"),
    }
}

async fn obey(settings: &BTreeMap<String, String>) {
    if let Some(filter) = settings.get("own-subscriber") {
        let spans = sdk::layer();
        tracing_subscriber::registry().with(EnvFilter::new(filter)).with(spans).init();
    }
    let mut guard = None;
    let mut signal = Box::pin(sdk::shutdown_signal());
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let (command, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = match command {
            "init" => match init(settings) {
                Ok(telemetry) => {
                    guard = Some(telemetry);
                    "ok".to_owned()
                }
                Err(error) => format!(
                    "configuration={} already={} {error}",
                    error.is_configuration(),
                    error.is_already_initialized()
                ),
            },
            "trace" => texts(&sdk_tests::trace(&headers(rest)).await),
            "burst" => burst(rest.parse().unwrap()).await.as_millis().to_string(),
            "stats" => stats(guard.as_ref().unwrap().stats()),
            "shutdown" => stats(guard.take().unwrap().shutdown()),
            "flush" => guard.as_ref().unwrap().flush().to_string(),
            "listen" => {
                let come = poll_fn(|task| Poll::Ready(signal.as_mut().poll(task).is_ready()));
                come.await.to_string()
            }
            "signalled" => {
                (&mut signal).await;
                "ok".to_owned()
            }
            "exporters" => exporters(guard.as_ref().unwrap()),
            "measure" => measure(),
            "log" => log(rest),
            "fail" => fail(),
            "otel" => otel(),
            "full" => full(),
            "threads" => threads().to_string(),
            "drop" => {
                let start = Instant::now();
                drop(guard.take());
                start.elapsed().as_millis().to_string()
            }
            other => panic!("{other}"),
        };
        println!("{answer}");
        std::io::stdout().flush().unwrap();
    }
}

fn init(settings: &BTreeMap<String, String>) -> Result<Guard, tracewire::Error> {
    let mut builder = sdk::builder();
    for (key, value) in settings {
        builder = match key.as_str() {
            "service" => builder.service_name(value),
            "version" => builder.service_version(value),
            "environment" => builder.environment(value),
            "endpoint" => builder.endpoint(value),
            "span-filter" => builder.span_filter(value),
            "shutdown" => builder.shutdown_timeout(Duration::from_millis(value.parse().unwrap())),
            "protocol" => builder.protocol(match value.as_str() {
                "grpc" => Protocol::Grpc,
                "http/json" => Protocol::HttpJson,
                _ => Protocol::HttpProtobuf,
            }),
            "sampler" => builder.sampler(match value.as_str() {
                "record-only" => Sampler::custom(RecordOnly),
                "servers" => Sampler::custom(Servers),
                other => panic!("{other}"),
            }),
            "subscriber" => builder.without_subscriber(),
            "disabled" => builder.disabled(),
            "config" => builder.config_file(value),
            "exporter" => builder.exporters([Exporter::Otlp]),
            "propagators" => builder.propagator(Propagator::new([Format::B3])),
            "tail" => builder.tail_sampling(TailSampling::new().otherwise(value.parse().unwrap())),
            "namespace" => builder.service_namespace(value).service_instance_id("number one"),
            "detectors" => builder.detectors([Detector::Process]),
            "zipkin" => builder.exporters([Exporter::Zipkin]).zipkin_endpoint(value),
            "value-length" => {
                builder.limits(Limits::new().attribute_value_length(value.parse().unwrap()))
            }
            "batch-size" => {
                builder.batch(Batch::new().max_export_batch_size(value.parse().unwrap()))
            }
            "log-batch-size" => {
                builder.log_batch(Batch::new().max_export_batch_size(value.parse().unwrap()))
            }
            "log-value-length" => {
                builder.log_limits(Limits::new().attribute_value_length(value.parse().unwrap()))
            }
            "log-exporter" => builder.log_exporters([Exporter::Otlp]),
            "histograms" => builder.metric_histograms(HistogramAggregation::Base2Exponential),
            "exception-events" => builder.exception_events(),
            "entity" => builder.entity(Entity::new("host", "host.id", value).describe("a", "code")),
            "max-request" => builder.otlp(Otlp::new().max_request_size(value.parse().unwrap())),
            "max-response" => builder.otlp(Otlp::new().max_response_size(value.parse().unwrap())),
            "header" => builder.otlp(
                Otlp::new()
                    .header(HeaderName::from_static("x-key"), HeaderValue::from_str(value).unwrap())
                    .compression(Compression::Gzip),
            ),
            "traces-endpoint" => builder.otlp_for(Signal::Traces, Otlp::new().endpoint(value)),
            _ => builder,
        };
    }
    builder.init()
}

/// Serves this many requests; how long the slowest took.
async fn burst(count: usize) -> Duration {
    let mut slowest = Duration::ZERO;
    for _ in 0..count {
        let start = Instant::now();
        sdk_tests::trace(&HeaderMap::new()).await;
        slowest = slowest.max(start.elapsed());
    }
    slowest
}

fn stats(stats: Stats) -> String {
    let Stats { started, exported, dropped, sampled_out, .. } = stats;
    format!("started={started} exported={exported} dropped={dropped} sampled_out={sampled_out}")
}

/// Every place with what it got and lost.
fn exporters(guard: &Guard) -> String {
    let places = guard.exporters().into_iter();
    let line = |it: sdk::ExporterStats| {
        format!("{:?} {} exported={} dropped={}", it.signal, it.to, it.exported, it.dropped)
    };
    places.map(line).collect::<Vec<_>>().join("; ")
}

/// Three measurements of a histogram with bounds of its own, and a count.
fn measure() -> String {
    let meter = opentelemetry::global::meter("puppet");
    let took = meter.f64_histogram("took").with_boundaries(vec![1.0, 10.0]).build();
    [0.5, 5.0, 50.0].into_iter().for_each(|value| took.record(value, &[]));
    meter.u64_counter("count").build().add(7, &[]);
    "ok".to_owned()
}

/// A log line with three attributes, of which the first is this text.
fn log(text: &str) -> String {
    tracing::info!(first = text, second = 2, third = "another text", "a line");
    "ok".to_owned()
}

/// An operation with an exception.
fn fail() -> String {
    let telemetry = tracewire::Telemetry::default();
    let operation = telemetry.start(SpanKind::Server, &Context::new(), |span| {
        span.name("fails");
    });
    operation.record_error(&std::fmt::Error);
    operation.finish(tracewire::span::Outcome::Success);
    "ok".to_owned()
}

/// A span by OpenTelemetry's globals alone, and the headers their propagator writes for it.
fn otel() -> String {
    use opentelemetry::global;
    use opentelemetry::trace::Tracer as _;
    let span = global::tracer("somebody else").start("by globals");
    let context = Context::new().with_span(span);
    let mut headers = std::collections::HashMap::new();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut headers));
    context.span().end();
    let mut names: Vec<_> = headers.into_keys().collect();
    names.sort();
    names.join(",")
}

/// A span with three attributes, three events of three attributes, and three links of three.
fn full() -> String {
    use opentelemetry::global;
    use opentelemetry::trace::{Span as _, SpanContext, Tracer as _};
    let three = || ["a", "b", "c"].map(|key| KeyValue::new(key, "a long value")).to_vec();
    let mut span = global::tracer("somebody else").start("full");
    span.set_attributes(three());
    for _ in 0..3 {
        span.add_event("event", three());
        span.add_link(SpanContext::empty_context(), three());
    }
    span.end();
    "ok".to_owned()
}

/// How many threads export spans; none where the system does not tell.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("tracewire") || name.starts_with("OpenTelemetry")).count()
}

fn headers(text: &str) -> HeaderMap {
    let pairs = text.split_whitespace().map(|pair| pair.split_once('=').unwrap());
    pairs
        .map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        })
        .collect()
}

fn texts(headers: &HeaderMap) -> String {
    let pairs = headers.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap()));
    pairs.collect::<Vec<_>>().join(" ")
}

/// Records everything and samples nothing.
#[derive(Clone, Debug)]
struct RecordOnly;

impl ShouldSample for RecordOnly {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        SamplingResult {
            decision: SamplingDecision::RecordOnly,
            attributes: Vec::new(),
            trace_state: Default::default(),
        }
    }
}

/// Samples the servers whose first attributes have a path, whatever their callers decided.
#[derive(Clone, Debug)]
struct Servers;

impl ShouldSample for Servers {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        let path = attributes.iter().any(|it| it.key.as_str() == "url.path");
        let sampled = name == "server" && *kind == SpanKind::Server && path;
        SamplingResult {
            decision: match sampled {
                true => SamplingDecision::RecordAndSample,
                false => SamplingDecision::Drop,
            },
            attributes: Vec::new(),
            trace_state: Default::default(),
        }
    }
}
