//! Configuration files that set up metrics and log records.
#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::path::PathBuf;
use std::time::Instant;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use sdk_tests::{Child, Inbox, PATIENCE};

const PUPPET: &str = env!("CARGO_BIN_EXE_puppet");

/// A file of its own, in the directory that cargo has for tests; its path.
fn file(name: &str, text: impl AsRef<[u8]>) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn metrics_and_log_records_are_set_up_too() {
    let (inbox, other) = (Inbox::start(), Inbox::start());
    let text = format!(
        r#"
file_format: "1.0"
attribute_limits: {{ attribute_value_length_limit: 6 }}
resource: {{ attributes: [{{ name: service.name, value: orders }}] }}
logger_provider:
  processors:
    - batch:
        max_export_batch_size: 1
        exporter: {{ otlp_http: {{ endpoint: "{inbox}/v1/logs" }} }}
    - simple: {{ exporter: {{ otlp_http: {{ endpoint: "{other}/v1/logs", compression: none }} }} }}
  limits: {{ attribute_count_limit: 2 }}
meter_provider:
  readers:
    - periodic:
        interval: 50
        exporter:
          otlp_http:
            endpoint: {inbox}/v1/metrics
            temporality_preference: delta
            default_histogram_aggregation: base2_exponential_bucket_histogram
    - periodic:
        interval: 60000
        timeout: 1000
        exporter: {{ otlp_http: {{ endpoint: "{other}/v1/metrics" }} }}
"#,
        inbox = inbox.endpoint(),
        other = other.endpoint(),
    );
    let file = file("signals.yaml", text);
    // The earlier name does too. None of the others has a say.
    for name in ["OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE"] {
        let variables = [
            (name, &*file),
            ("OTEL_LOGS_EXPORTER", "none"),
            ("OTEL_METRICS_EXPORTER", "none"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "3600000"),
            ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "0"),
        ];
        let mut child = Child::start(PUPPET, &[], &variables);
        child.ok("init");
        child.ok("measure");
        child.ok("log twelve bytes");
        // Without `tracer_provider` there are no spans.
        child.trace("");
        assert_eq!(child.say("stats"), "started=0 exported=0 dropped=0 sampled_out=0");
        // The first reader needs no flush.
        let deadline = Instant::now() + PATIENCE;
        while inbox.metrics().is_empty() {
            assert!(Instant::now() < deadline, "nothing is read at intervals");
            std::thread::yield_now();
        }
        assert!(other.metrics().is_empty());
        child.drop_guard();
        let logs = child.end();
        assert_eq!(logs.contains("is an earlier name"), name.contains("EXPERIMENTAL"), "{logs}");
        assert!(!logs.contains("is ignored"), "{logs}");

        for (place, temporality) in [(&inbox, 1), (&other, 2)] {
            assert_eq!(place.paths(), ["/v1/logs", "/v1/metrics"]);
            let records = place.records("a line");
            assert_eq!(records.len(), 1);
            let attributes = &records[0].attributes;
            assert_eq!((attributes.len(), records[0].dropped_attributes_count), (2, 1));
            assert_eq!(sdk_tests::text(attributes[0].value.as_ref()), "twelve");
            let Some(Data::Sum(sum)) = first(place, "count") else { panic!("no sum") };
            assert_eq!(sum.aggregation_temporality, temporality);
            // One of them wants it.
            assert!(matches!(first(place, "took"), Some(Data::ExponentialHistogram(_))));
            let resource = place.metrics()[0].resource_metrics[0].resource.clone().unwrap();
            let name = resource.attributes.iter().find(|it| it.key == "service.name").unwrap();
            assert_eq!(sdk_tests::text(name.value.as_ref()), "orders");
        }
        inbox.clear();
        other.clear();
    }
}

/// What was heard of a metric at first.
fn first(inbox: &Inbox, name: &str) -> Option<Data> {
    let groups = inbox.metrics().into_iter().flat_map(|it| it.resource_metrics);
    let mut metrics = groups.flat_map(|it| it.scope_metrics).flat_map(|it| it.metrics);
    metrics.find(|metric| metric.name == name)?.data
}

#[test]
fn a_batch_larger_than_its_queue_is_told_of() {
    let inbox = Inbox::start();
    let queue = |signal: &str, size: usize| {
        let batch = "    - batch:\n        max_queue_size: 10\n        max_export_batch_size:";
        let way = format!("{{ otlp_http: {{ endpoint: '{}/v1/{signal}' }} }}", inbox.endpoint());
        format!("{batch} {size}\n        exporter: {way}\n")
    };
    let text = format!(
        "file_format: '1.0'\ntracer_provider:\n  processors:\n{}{}\
         logger_provider:\n  processors:\n{}",
        queue("traces", 11),
        queue("traces", 11),
        queue("logs", 10),
    );
    let file = file("queues.yaml", text);
    // By the file alone; by what code says and the file's queues.
    let cases = [(None, "10 spans and not 11"), (Some("12"), "10 spans and not 12")];
    for (in_code, sentence) in cases {
        let settings: Vec<_> = [("config", &*file)]
            .into_iter()
            .chain(in_code.map(|size| ("batch-size", size)))
            .collect();
        let mut child = Child::start(PUPPET, &settings, &[]);
        child.ok("init");
        let logs = child.end();
        assert_eq!(logs.matches("batches have at most").count(), 1, "{logs}");
        assert!(logs.contains(sentence), "{logs}");
    }
}

#[test]
fn code_says_where_metrics_and_log_records_go_and_beats_the_file() {
    let (inbox, lost) = (Inbox::start(), Inbox::start());
    let text = format!(
        "file_format: '1.0'\nlogger_provider:\n  processors:\n    \
         - simple: {{ exporter: {{ otlp_http: {{ endpoint: '{0}/v1/logs' }} }} }}\n\
         meter_provider:\n  readers:\n    \
         - periodic: {{ exporter: {{ otlp_http: {{ endpoint: '{0}/v1/metrics' }} }} }}\n",
        lost.endpoint(),
    );
    let file = file("in_code.yaml", text);
    let endpoint = inbox.endpoint();
    let settings = [("config", &*file), ("endpoint", &endpoint), ("log-exporter", "otlp")];
    let mut child = Child::start(PUPPET, &settings, &[]);
    child.ok("init");
    child.ok("measure");
    child.ok("log x");
    assert_eq!(child.say("flush"), "true");
    assert_eq!(inbox.paths(), ["/v1/logs", "/v1/metrics"]);
    assert!(lost.paths().is_empty());
    child.end();

    // What cannot be followed is told with its place.
    let text = "file_format: '1.0'\nmeter_provider:\n  readers:\n    - periodic:\n        \
                exporter: { otlp_http: { endpoint: 'collector:4318' } }\n";
    let file = self::file("in_code.yaml", text);
    let answer = Child::start(PUPPET, &[("config", &file)], &[]).say("init");
    assert!(answer.contains(":5:19: the endpoint \"collector:4318\" needs http://"), "{answer}");
}
