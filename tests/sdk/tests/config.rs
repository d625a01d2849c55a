//! Configuration files, in processes that are set up by one.
#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::path::PathBuf;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use sdk_tests::{Child, Receiver, Wire, Zipkin, refused};

const PUPPET: &str = env!("CARGO_BIN_EXE_puppet");

const SAMPLED: &str = "traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";
const UNSAMPLED: &str = "traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02";

/// A file of its own, in the directory that cargo has for tests; its path.
fn file(name: &str, text: impl AsRef<[u8]>) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn everything_at_once() {
    let (http, json) = (Receiver::start(Wire::Http), Receiver::start(Wire::Json));
    let (grpc, zipkin) = (Receiver::start(Wire::Grpc), Zipkin::start());
    let text = format!(
        r#"
file_format: "1.0"
disabled: ${{OTEL_SDK_DISABLED:-false}}
log_level: warn
attribute_limits:
  attribute_value_length_limit: 6
  attribute_count_limit: 1
resource:
  attributes:
    - {{ name: service.name, value: "${{SERVICE}}" }}
    - {{ name: shard, value: 7, type: int }}
    - {{ name: ratio, value: 0.5, type: double }}
    - name: spot
      value: ${{SPOT}}
      type: bool
    - {{ name: zones, value: [a, b], type: string_array }}
    - {{ name: deployed, value: 2026 }}
  attributes_list: "service.name=lost,service.namespace=shop%2C%20eu"
  detection/development:
    detectors: [{{ process: }}, {{ service: }}, {{ moon: }}]
    attributes: {{ included: [process.*], excluded: [process.executable.*] }}
propagator:
  composite: [{{ tracecontext: }}, {{ b3: }}]
  composite_list: ${{OTEL_PROPAGATORS}}
tracer_provider:
  processors:
    - batch:
        schedule_delay: 100
        export_timeout: 0
        max_queue_size: 100
        max_export_batch_size: 50
        exporter:
          otlp_http: &way
            endpoint: {http}/exactly/here
            compression: gzip
            timeout: 5000
            headers_list: api-key=lost,x-list=a%20b
            headers: [{{ name: api-key, value: "${{KEY}}" }}, {{ name: none, value: }}]
    - batch:
        exporter:
          otlp_http: {{ <<: *way, endpoint: "{json}/v1/traces", encoding: json }}
    - simple: {{ exporter: {{ otlp_grpc: {{ endpoint: "{grpc}", tls: {{ insecure: true }} }} }} }}
    - batch: {{ exporter: {{ zipkin: {{ endpoint: "{zipkin}" }} }} }}
    - simple: {{ exporter: {{ console: }} }}
  limits:
    attribute_count_limit:
    event_count_limit: 3
  sampler:
    parent_based:
      root: {{ trace_id_ratio_based: {{ ratio: 1 }} }}
      remote_parent_sampled: {{ always_off: }}
"#,
        http = http.endpoint(),
        json = json.endpoint(),
        grpc = grpc.endpoint().trim_start_matches("http://"),
        zipkin = zipkin.endpoint(),
    );
    let file = file("everything.yaml", text);
    let variables = [
        ("OTEL_CONFIG_FILE", &*file),
        ("SERVICE", "orders"),
        ("SPOT", "true"),
        ("KEY", "s3cret"),
        ("OTEL_PROPAGATORS", "b3,jaeger"),
        // None of these has a say.
        ("OTEL_SERVICE_NAME", "lost"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-env=lost"),
        ("OTEL_RESOURCE_ATTRIBUTES", "lost=lost"),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "0"),
    ];
    let mut child = Child::start(PUPPET, &[], &variables);
    child.ok("init");
    let outgoing = child.trace(SAMPLED);
    let names: Vec<_> = outgoing.keys().map(String::as_str).collect();
    assert_eq!(names, ["b3", "traceparent", "uber-trace-id"]);
    // The console writes to standard output too, before the answer.
    let line = child.say("full");
    assert!(line.contains("full"), "{line}");
    let logs = child.end();
    let moon = format!("{file}:20:47: `moon` is ignored");
    assert!(logs.contains(&moon), "{logs}");
    assert_eq!(logs.matches("is ignored").count(), 1, "{logs}");

    for (receiver, path) in [(&http, "/exactly/here"), (&json, "/v1/traces")] {
        let received = receiver.so_far();
        assert_eq!(received.len(), 1, "{received:?}");
        let header = |name| received[0].headers.get(name).map(String::as_str);
        assert_eq!((header(":path"), header("content-encoding")), (Some(path), Some("gzip")));
        assert_eq!((header("api-key"), header("x-list")), (Some("s3cret"), Some("a b")));
        assert_eq!((header("none"), header("x-env")), (None, None));
    }
    let received = http.so_far().remove(0);
    let resource = |name: &str| received.resource.get(name).map(String::as_str);
    assert_eq!(resource("service.name"), Some("orders"));
    assert_eq!(resource("service.namespace"), Some("shop, eu"));
    assert_eq!(resource("deployed"), Some("2026"));
    assert!(resource("process.pid").is_some() && resource("process.executable.path").is_none());
    assert_eq!(resource("lost"), None);
    let attributes = &received.span.attributes;
    let value = attributes[0].value.as_ref().and_then(|it| it.value.clone());
    assert_eq!(value, Some(Value::StringValue("a long".to_owned())));
    assert_eq!((attributes.len(), received.span.events.len()), (1, 3));
    assert!(!received.span.links.is_empty());
    assert_eq!(grpc.so_far().len(), 1);
    assert_eq!(zipkin.spans().len(), 1);
}

#[test]
fn code_counts_for_more_than_the_file() {
    let (receiver, zipkin) = (Receiver::start(Wire::Http), Zipkin::start());
    let elsewhere = format!("http://{}", refused());
    let text = format!(
        "file_format: '1.0'\n\
         resource: {{ attributes: [{{ name: service.name, value: lost }}, {{ name: a, value: b }}] }}\n\
         propagator: {{ composite: [{{ tracecontext: }}] }}\n\
         tracer_provider:\n  \
           processors:\n    \
             - batch: {{ exporter: {{ otlp_grpc: {{ endpoint: '{elsewhere}' }} }} }}\n    \
             - batch: {{ exporter: {{ zipkin: {{ endpoint: '{}' }} }} }}\n",
        zipkin.endpoint(),
    );
    let file = file("beaten.yaml", text);
    let endpoint = receiver.endpoint();
    let code = [
        ("config", &*file),
        ("service", "orders"),
        ("endpoint", &endpoint),
        ("protocol", "http/protobuf"),
        ("propagators", "b3"),
    ];
    // With exporters in code, those of the file are not there.
    for (exporters, to_zipkin) in [(None, 3), (Some(("exporter", "otlp")), 3)] {
        let settings: Vec<_> = code.into_iter().chain(exporters).collect();
        let variables = [("OTEL_CONFIG_FILE", "/not/even/there")];
        let mut child = Child::start(PUPPET, &settings, &variables);
        child.ok("init");
        let outgoing = child.trace("");
        assert_eq!(outgoing.keys().collect::<Vec<_>>(), ["b3"]);
        child.drop_guard();
        assert_eq!(zipkin.spans().len(), to_zipkin);
        child.end();
    }
    let received = receiver.so_far();
    assert_eq!(received.len(), 6);
    assert_eq!(received[0].headers[":path"], "/v1/traces");
    assert_eq!(received[0].resource["service.name"], "orders");
    assert_eq!(received[0].resource["a"], "b");
}

#[test]
fn what_is_not_in_the_file_is_not_there() {
    let receiver = Receiver::start(Wire::Http);
    let variable = receiver.endpoint();
    let traces = format!(
        "tracer_provider: {{ processors: [{{ batch: {{ exporter: {{ otlp_http: \
         {{ endpoint: '{variable}/v1/traces' }} }} }} }}] }}"
    );
    // What follows `file_format`, whether context travels, how many spans arrive.
    let cases = [
        ("", false, 0),
        ("propagator:\ntracer_provider:", false, 0),
        ("propagator: { composite_list: tracecontext }", true, 0),
        (
            &format!("propagator: {{ composite_list: tracecontext }}\ndisabled: true\n{traces}"),
            true,
            0,
        ),
        (&traces, false, 3),
    ];
    for (text, travels, spans) in cases {
        let file = file("missing.yaml", format!("file_format: 1.0\n{text}\n"));
        let variables = [
            ("OTEL_CONFIG_FILE", &*file),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &variable),
            ("OTEL_PROPAGATORS", "b3"),
        ];
        let before = receiver.so_far().len();
        let mut child = Child::start(PUPPET, &[], &variables);
        child.ok("init");
        assert_eq!(!child.trace(SAMPLED).is_empty(), travels, "{text}");
        child.drop_guard();
        let logs = child.end();
        assert!(!logs.contains("is ignored") && !logs.contains("OTEL_"), "{logs}");
        // What mends a nameless service is said in terms of the file.
        assert_eq!(logs.contains("resource: {"), spans > 0, "{logs}");
        assert_eq!(receiver.so_far().len() - before, spans, "{text}");
    }
}

#[test]
fn what_cannot_be_followed_stops_the_start() {
    let ways = |exporter: &str| {
        format!(
            "file_format: '1.0'\ntracer_provider:\n  processors:\n    \
             - batch:\n        exporter:\n          {exporter}\n"
        )
    };
    let cases = [
        ("a.yaml", b"file_format: '1.0'\nx: [1\ny: 2\n".to_vec(), ":3:2: this is not YAML"),
        ("i.yaml", b"file_format: { a: ${B} }\n".to_vec(), "needs quotes around it"),
        ("b.yaml", b"file_format: '1.0'\nx: \xff\n".to_vec(), "line 2 is not UTF-8"),
        ("c.yaml", vec![b' '; 300 << 10], "it has more than 256 KiB"),
        ("d.yaml", b"".to_vec(), ":1:1: `the configuration` needs a `file_format`"),
        ("e.yaml", ways("paper:").into_bytes(), ":6:11: there is no exporter `paper` here"),
        (
            "f.yaml",
            ways("otlp_http: { endpoint: 'collector:4318' }").into_bytes(),
            ":6:11: the endpoint \"collector:4318\" needs http://",
        ),
        (
            "g.yaml",
            ways("otlp_grpc: { endpoint: 'https://a', tls: { ca_file: /not/there.pem } }")
                .into_bytes(),
            ":6:11: nothing can be sent to https://a",
        ),
        (
            "h.yaml",
            ways("otlp_http: { headers: [{ name: a, value: \"${SECRET}\" }] }").into_bytes(),
            ":6:34: this is no header",
        ),
    ];
    for (name, text, expected) in cases {
        let file = file(name, text);
        let variables = [("OTEL_CONFIG_FILE", &*file), ("SECRET", "pass\nword")];
        let mut child = Child::start(PUPPET, &[], &variables);
        let answer = child.say("init");
        assert!(answer.starts_with("configuration=true"), "{name}: {answer}");
        assert!(answer.contains(&file) && answer.contains(expected), "{name}: {answer}");
        assert!(!answer.contains("word"), "{answer}");
        // Nothing is left half done.
        assert_eq!(child.say("init"), answer);
        child.end();
    }
    let settings = [("config", "/not/even/there.yaml")];
    let answer = Child::start(PUPPET, &settings, &[]).say("init");
    assert!(answer.contains("/not/even/there.yaml cannot be read: No such file"), "{answer}");
}

#[test]
fn samplers() {
    let receiver = Receiver::start(Wire::Http);
    let rule =
        |rules: &str| format!("composite/development: {{ rule_based: {{ rules: [{rules}] }} }}");
    let (on, off) = ("sampler: { always_on: }", "sampler: { always_off: }");
    // The sampler, and how many spans arrive for a trace that begins here, for one that is sampled
    // and for one that is not.
    let cases = [
        ("always_on:".to_owned(), [3, 3, 3]),
        ("always_off:".to_owned(), [0, 0, 0]),
        ("parent_based:".to_owned(), [3, 3, 0]),
        ("parent_based: { root: { always_off: } }".to_owned(), [0, 3, 0]),
        ("parent_based: { remote_parent_sampled: { always_off: } }".to_owned(), [3, 0, 0]),
        ("parent_based: { remote_parent_not_sampled: { always_on: } }".to_owned(), [3, 3, 3]),
        ("parent_based: { local_parent_sampled: { always_off: } }".to_owned(), [1, 1, 0]),
        ("probability/development: { ratio: 0 }".to_owned(), [0, 0, 0]),
        ("probability/development:".to_owned(), [3, 3, 3]),
        ("composite/development: { always_on: }".to_owned(), [3, 3, 3]),
        ("composite/development: { probability: { ratio: 0 } }".to_owned(), [0, 0, 0]),
        (
            "composite/development: { parent_threshold: { root: { always_off: } } }".to_owned(),
            [0, 3, 0],
        ),
        (rule(""), [0, 0, 0]),
        (rule(&format!("{{ {on} }}")), [3, 3, 3]),
        (rule(&format!("{{ span_kinds: [client, server], {on} }}")), [2, 2, 2]),
        (rule(&format!("{{ parent: [remote], {off} }}, {{ {on} }}")), [3, 2, 2]),
        (rule(&format!("{{ parent: [none, remote], {on} }}")), [1, 1, 1]),
        (
            rule(&format!("{{ attribute_values: {{ key: url.path, values: [/a, /] }}, {on} }}")),
            [1, 1, 1],
        ),
        (
            rule(&format!(
                "{{ attribute_patterns: {{ key: url.path, included: ['/*'], excluded: [/a] }}, \
                 parent: [remote], {on} }}"
            )),
            [0, 1, 1],
        ),
        (
            "jaeger_remote/development: { endpoint: 'http://127.0.0.1:9', interval: 60000, \
             initial_sampler: { always_on: } }"
                .to_owned(),
            [3, 3, 3],
        ),
    ];
    for (sampler, expected) in cases {
        let sampler = sampler.replace("rules: []", "rules:");
        let text = format!(
            "file_format: '1.0'\npropagator: {{ composite: [{{ tracecontext: }}] }}\n\
             tracer_provider:\n  sampler: {{ {sampler} }}\n  processors:\n    \
             - batch: {{ exporter: {{ otlp_http: {{ endpoint: '{}/v1/traces' }} }} }}\n",
            receiver.endpoint(),
        );
        let file = file("sampler.yaml", text);
        let mut child = Child::start(PUPPET, &[], &[("OTEL_CONFIG_FILE", &file)]);
        child.ok("init");
        let mut before = receiver.so_far().len();
        let found = ["", SAMPLED, UNSAMPLED].map(|headers| {
            child.trace(headers);
            assert_eq!(child.say("flush"), "true");
            let after = receiver.so_far().len();
            after - std::mem::replace(&mut before, after)
        });
        assert_eq!(found, expected, "{sampler}");
        child.end();
    }
}
