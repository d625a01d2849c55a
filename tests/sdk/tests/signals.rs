//! Metrics and log records as variables and code want them, each in a process of its own.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use sdk_tests::{Child, Inbox, text};

const PUPPET: &str = env!("CARGO_BIN_EXE_puppet");

const LOGS: (&str, &str) = ("OTEL_LOGS_EXPORTER", "otlp");
const METRICS: (&str, &str) = ("OTEL_METRICS_EXPORTER", "otlp");

#[test]
fn log_records_have_limits() {
    // What is left of three attributes, and of two texts of 12 letters.
    let cases = [
        (vec![], 3, "twelve bytes", 0),
        (vec![("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "1")], 1, "twelve bytes", 0),
        (vec![("OTEL_ATTRIBUTE_COUNT_LIMIT", "2")], 2, "twelve bytes", 0),
        (vec![("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "6")], 3, "twelve", 0),
        (
            vec![
                ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1"),
                ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "6"),
            ],
            3,
            "twelve",
            0,
        ),
        (vec![("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1")], 3, "twelve bytes", 0),
        (
            vec![
                ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "short"),
                ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "-1"),
            ],
            3,
            "twelve bytes",
            2,
        ),
    ];
    for (limits, count, first, complaints) in cases {
        let inbox = Inbox::start();
        let endpoint = inbox.endpoint();
        let mut variables = vec![LOGS, ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint)];
        variables.extend(&limits);
        let mut child = Child::start(PUPPET, &[], &variables);
        child.ok("init");
        child.ok("log twelve bytes");
        child.drop_guard();
        let records = inbox.records("a line");
        assert_eq!(records.len(), 1, "{limits:?}");
        assert_eq!(records[0].attributes.len(), count, "{limits:?}");
        assert_eq!(records[0].dropped_attributes_count as usize, 3 - count, "{limits:?}");
        assert_eq!(text(records[0].attributes[0].value.as_ref()), first, "{limits:?}");
        let logs = child.end();
        assert_eq!(logs.matches(" is ignored: ").count(), complaints, "{logs}");
        // The line on standard error is as long as ever.
        assert!(logs.contains("twelve bytes"), "{logs}");
    }
}

#[test]
fn code_counts_for_more_than_variables() {
    let inbox = Inbox::start();
    let settings = [
        ("endpoint", &*inbox.endpoint()),
        ("log-exporter", "otlp"),
        ("log-batch-size", "1"),
        ("log-value-length", "6"),
    ];
    let variables = [
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "100"),
        ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1"),
    ];
    let mut child = Child::start(PUPPET, &settings, &variables);
    child.ok("init");
    for _ in 0..3 {
        child.ok("log twelve bytes");
    }
    child.drop_guard();
    assert_eq!(inbox.logs().len(), 3);
    let records = inbox.records("a line");
    assert!(records.iter().all(|it| text(it.attributes[0].value.as_ref()) == "twelve"));
    child.end();

    // The same in variables alone.
    let inbox = Inbox::start();
    let endpoint = inbox.endpoint();
    let variables = [
        LOGS,
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "1"),
    ];
    let mut child = Child::start(PUPPET, &[], &variables);
    child.ok("init");
    for _ in 0..3 {
        child.ok("log x");
    }
    child.drop_guard();
    assert_eq!(inbox.logs().len(), 3);
    child.end();
}

#[test]
fn histograms_have_the_buckets_that_are_wanted() {
    const NAME: &str = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
    let base2 = "base2_exponential_bucket_histogram";
    let cases = [
        (vec![], vec![], false, 0),
        (vec![], vec![(NAME, base2)], true, 0),
        (vec![("histograms", "base2")], vec![(NAME, "explicit_bucket_histogram")], true, 0),
        (vec![], vec![(NAME, "by the moon")], false, 1),
    ];
    for (mut settings, more, exponential, complaints) in cases {
        let inbox = Inbox::start();
        let endpoint = inbox.endpoint();
        settings.push(("endpoint", &endpoint));
        let variables: Vec<_> = [METRICS].into_iter().chain(more.clone()).collect();
        let mut child = Child::start(PUPPET, &settings, &variables);
        child.ok("init");
        child.ok("measure");
        assert_eq!(child.say("flush"), "true");
        match inbox.metric("took").data {
            Some(Data::ExponentialHistogram(found)) if exponential => {
                let point = &found.data_points[0];
                assert_eq!((point.count, point.sum), (3, Some(55.5)));
                let buckets = &point.positive.as_ref().unwrap().bucket_counts;
                assert_eq!(buckets.iter().sum::<u64>(), 3);
            }
            Some(Data::Histogram(found)) if !exponential => {
                assert_eq!(found.data_points[0].explicit_bounds, [1.0, 10.0]);
                assert_eq!(found.data_points[0].bucket_counts, [1, 1, 1]);
            }
            other => panic!("{more:?}: {other:?}"),
        }
        // What is no histogram stays what it is.
        assert!(matches!(inbox.metric("count").data, Some(Data::Sum(_))));
        let logs = child.end();
        assert_eq!(logs.matches(" is ignored: ").count(), complaints, "{logs}");
    }
}

#[test]
fn every_signal_says_whom_it_is_about() {
    let inbox = Inbox::start();
    let endpoint = inbox.endpoint();
    let settings = [("entity", "from code")];
    let variables = [
        LOGS,
        METRICS,
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
        (
            "OTEL_ENTITIES",
            "k8s.pod{k8s.pod.uid=p%2C1}[k8s.pod.name=shop]@https://opentelemetry.io/schemas/1.44.0;\
             host{host.id=lost};broken{",
        ),
        ("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=more"),
    ];
    let mut child = Child::start(PUPPET, &settings, &variables);
    child.ok("init");
    child.ok("full");
    child.ok("measure");
    child.ok("log x");
    assert_eq!(child.say("flush"), "true");
    for resource in inbox.resources() {
        let attribute = |key: &str| {
            let found = resource.attributes.iter().find(|it| it.key == key);
            text(found.and_then(|it| it.value.as_ref()))
        };
        assert_eq!((&*attribute("k8s.pod.uid"), &*attribute("host.id")), ("p,1", "from code"));
        // What is said of an attribute alone counts for more.
        assert_eq!((&*attribute("k8s.pod.name"), &*attribute("a")), ("more", "code"));
        let [pod, host] = &*resource.entity_refs else { panic!("{resource:?}") };
        assert_eq!((&*pod.r#type, &*host.r#type), ("k8s.pod", "host"));
        assert_eq!(pod.schema_url, "https://opentelemetry.io/schemas/1.44.0");
        assert_eq!(
            (&*pod.id_keys, &*pod.description_keys),
            (&["k8s.pod.uid".to_owned()][..], &["k8s.pod.name".to_owned()][..],)
        );
        assert_eq!(host.id_keys, ["host.id"]);
    }
    let logs = child.end();
    assert_eq!(logs.matches("a part of OTEL_ENTITIES is ignored").count(), 1, "{logs}");
}

#[test]
fn otlp_is_written_to_standard_output() {
    let variables = [
        ("OTEL_TRACES_EXPORTER", "otlp/stdout"),
        ("OTEL_LOGS_EXPORTER", "otlp/stdout"),
        ("OTEL_METRICS_EXPORTER", "otlp/stdout"),
    ];
    let mut child = Child::start(PUPPET, &[], &variables);
    child.ok("init");
    child.trace("");
    child.ok("measure");
    let mut lines = vec![child.say("flush")];
    while lines.last().is_some_and(|line| line != "true") {
        lines.push(child.line("flush"));
    }
    assert_eq!(lines.len(), 4, "{lines:?}");
    let read = |key: &str| lines.iter().find(|line| line.contains(key)).unwrap();
    let traces: ExportTraceServiceRequest = serde_json::from_str(read("resourceSpans")).unwrap();
    let spans = &traces.resource_spans[0].scope_spans;
    assert_eq!(spans.iter().map(|scope| scope.spans.len()).sum::<usize>(), 3);
    let logs: ExportLogsServiceRequest = serde_json::from_str(read("resourceLogs")).unwrap();
    let record = &logs.resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!(text(record.body.as_ref()), "in the middle");
    let metrics: ExportMetricsServiceRequest =
        serde_json::from_str(read("resourceMetrics")).unwrap();
    assert_eq!(metrics.resource_metrics[0].scope_metrics[0].metrics.len(), 2);
    // Ids are hexadecimal and numbers of 64 bits are texts (OTLP, "JSON Protobuf Encoding").
    let span = &spans[0].spans[0];
    let id: String = span.trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(read("resourceSpans").contains(&format!("\"traceId\":\"{id}\"")), "{lines:?}");
    assert_eq!(child.say("stats"), "started=3 exported=3 dropped=0 sampled_out=0");
    assert_eq!(
        child.say("exporters"),
        "Traces standard output exported=3 dropped=0; \
         Metrics standard output exported=2 dropped=0; \
         Logs standard output exported=1 dropped=0"
    );
}

#[test]
fn exceptions_are_span_events_by_choice() {
    const NAME: &str = "OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN";
    let cases = [
        (vec![], vec![], 0, 0),
        (vec![], vec![(NAME, "logs")], 0, 0),
        (vec![], vec![(NAME, "logs/dup")], 1, 0),
        (vec![], vec![(NAME, "spans")], 0, 1),
        (vec![("exception-events", "")], vec![(NAME, "logs")], 1, 0),
    ];
    for (mut settings, mut variables, events, complaints) in cases {
        let inbox = Inbox::start();
        let endpoint = inbox.endpoint();
        settings.push(("endpoint", &endpoint));
        variables.push(LOGS);
        let mut child = Child::start(PUPPET, &settings, &variables);
        child.ok("init");
        child.ok("fail");
        child.drop_guard();
        let span = &inbox.traces()[0].resource_spans[0].scope_spans[0].spans[0];
        assert_eq!(span.events.len(), events, "{settings:?} {variables:?}");
        // The log record is there in any case.
        assert_eq!(inbox.records("an operation failed").len(), 1);
        let logs = child.end();
        assert_eq!(logs.matches(" is ignored: ").count(), complaints, "{logs}");
    }
}
