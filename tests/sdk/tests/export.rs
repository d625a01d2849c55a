//! Spans arrive: over both protocols, from any runtime, with the right resource.
#![allow(clippy::unwrap_used, reason = "this is test code")]

use sdk_tests::{Child, Received, Receiver, Wire, Zipkin};

const PUPPET: &str = env!("CARGO_BIN_EXE_puppet");
const WIRES: [Wire; 3] = [Wire::Grpc, Wire::Http, Wire::Json];

/// The server, middle and client spans of one request are one trace, each below the one before.
#[track_caller]
fn assert_one_trace(spans: &[Received]) {
    let find = |name| &spans.iter().find(|it| it.name() == name).unwrap().span;
    let (server, middle, client) = (find("server"), find("middle"), find("client"));
    assert_eq!(spans.len(), 3, "{spans:?}");
    assert!(server.parent_span_id.is_empty());
    assert_eq!(middle.parent_span_id, server.span_id);
    assert_eq!(client.parent_span_id, middle.span_id);
    assert_eq!(server.trace_id, middle.trace_id);
    assert_eq!(server.trace_id, client.trace_id);
}

#[test]
fn from_any_runtime_and_from_none() {
    for wire in WIRES {
        for runtime in ["multi", "current", "none"] {
            let receiver = Receiver::start(wire);
            let settings = [
                ("runtime", runtime),
                ("endpoint", &receiver.endpoint()),
                ("protocol", wire.protocol()),
            ];
            let mut child = Child::start(PUPPET, &settings, &[]);
            child.ok("init");
            child.trace("");
            let took = child.drop_guard();
            assert!(took < 5_000, "{wire:?} {runtime}: {took} ms");
            // What the guard did not send never comes.
            assert_one_trace(&receiver.so_far());
            child.end();
        }
    }
}

#[test]
fn a_flush_does_not_wait_for_the_end() {
    for runtime in ["multi", "current", "none"] {
        let receiver = Receiver::start(Wire::Grpc);
        let settings =
            [("runtime", runtime), ("endpoint", &receiver.endpoint()), ("protocol", "grpc")];
        let mut child = Child::start(PUPPET, &settings, &[]);
        child.ok("init");
        child.trace("");
        assert_eq!(child.say("flush"), "true");
        assert_one_trace(&receiver.so_far());
        child.end();
    }
}

#[test]
fn batches_leave_by_themselves() {
    let receiver = Receiver::start(Wire::Http);
    let variables =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", &*receiver.endpoint()), ("OTEL_BSP_SCHEDULE_DELAY", "10")];
    let mut child = Child::start(PUPPET, &[], &variables);
    child.ok("init");
    child.trace("");
    assert_one_trace(&receiver.spans(3));
    child.end();
}

#[test]
fn the_resource_says_who_sends() {
    let receiver = Receiver::start(Wire::Grpc);
    let settings = [
        ("service", "checkout"),
        ("version", "1.2.3"),
        ("environment", "staging"),
        ("endpoint", &receiver.endpoint()),
        ("protocol", "grpc"),
    ];
    let variables = [
        ("OTEL_SERVICE_NAME", "from the environment"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=twice,service.namespace=shop%20one,deployment.environment.name=lost",
        ),
    ];
    let mut child = Child::start(PUPPET, &settings, &variables);
    child.ok("init");
    child.trace("");
    child.drop_guard();
    let spans = receiver.so_far();
    let resource = &spans[0].resource;
    let expected = [
        ("service.name", "checkout"),
        ("service.version", "1.2.3"),
        ("service.namespace", "shop one"),
        ("deployment.environment.name", "staging"),
        ("telemetry.sdk.name", "opentelemetry"),
        ("telemetry.sdk.language", "rust"),
        ("telemetry.distro.name", "tracewire"),
    ];
    for (key, value) in expected {
        assert_eq!(resource.get(key).map(String::as_str), Some(value), "{key}");
    }
    let id = &resource["service.instance.id"];
    let groups: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12], "{id}");
    assert_eq!(id.as_bytes()[14], b'4', "{id}");
    assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
    assert!(resource.contains_key("telemetry.sdk.version"));
    assert!(resource.contains_key("telemetry.distro.version"));
}

#[test]
fn the_resource_says_where_when_it_is_asked() {
    let kubernetes = [
        ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
        ("K8S_POD_NAME", "checkout-7"),
        ("K8S_NAMESPACE_NAME", "shop"),
        ("HOSTNAME", "elsewhere"),
    ];
    let cases = [
        ("", vec![], vec!["host.arch", "os.type", "process.pid", "k8s.pod.name"]),
        ("host", vec!["host.arch"], vec!["process.pid", "k8s.pod.name"]),
        (
            "process,os",
            vec!["process.pid", "process.executable.name", "os.type"],
            vec!["host.arch"],
        ),
        ("k8s", vec!["k8s.pod.name", "k8s.namespace.name"], vec!["k8s.pod.uid", "host.arch"]),
        ("all", vec!["host.arch", "os.type", "process.pid", "k8s.pod.name"], vec!["k8s.pod.uid"]),
    ];
    for (detectors, there, absent) in cases {
        let receiver = Receiver::start(Wire::Http);
        let settings = [("endpoint", &*receiver.endpoint())];
        let mut variables = kubernetes.to_vec();
        variables.push(("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", detectors));
        variables.push(("OTEL_RESOURCE_ATTRIBUTES", "k8s.namespace.name=said,host.arch=said"));
        let mut child = Child::start(PUPPET, &settings, &variables);
        child.ok("init");
        child.trace("");
        child.drop_guard();
        child.end();
        let resource = &receiver.so_far()[0].resource;
        for key in there {
            assert!(resource.contains_key(key), "{detectors}: {key}");
        }
        for key in absent.iter().filter(|key| **key != "host.arch") {
            assert!(!resource.contains_key(*key), "{detectors}: {key}");
        }
        // What somebody says counts for more than what is found out.
        assert_eq!((&*resource["k8s.namespace.name"], &*resource["host.arch"]), ("said", "said"));
    }
}

#[test]
fn the_service_has_a_name_in_any_case() {
    let cases = [
        (vec![], "puppet"),
        (vec![("OTEL_SERVICE_NAME", "")], "unknown_service:puppet"),
        (vec![("OTEL_RESOURCE_ATTRIBUTES", "service.name=a"), ("OTEL_SERVICE_NAME", "")], "a"),
        (vec![("OTEL_RESOURCE_ATTRIBUTES", "service.name=a"), ("OTEL_SERVICE_NAME", "b")], "b"),
    ];
    for (variables, expected) in cases {
        let receiver = Receiver::start(Wire::Http);
        let settings = [("endpoint", &*receiver.endpoint())];
        let mut child = Child::start(PUPPET, &settings, &variables);
        child.ok("init");
        child.trace("");
        child.drop_guard();
        assert_eq!(receiver.so_far()[0].resource["service.name"], expected);
    }
}

#[test]
fn what_the_environment_says_about_the_way() {
    let cases = [
        (Wire::Http, "OTEL_EXPORTER_OTLP_ENDPOINT", "", Some("/v1/traces")),
        (Wire::Http, "OTEL_EXPORTER_OTLP_ENDPOINT", "/in/", Some("/in/v1/traces")),
        (Wire::Http, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "/in", Some("/in")),
        (Wire::Grpc, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", None),
    ];
    for (wire, variable, suffix, path) in cases {
        for compression in ["", "gzip"] {
            let receiver = Receiver::start(wire);
            let variables = [
                (variable, &*format!("{}{suffix}", receiver.endpoint())),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", wire.protocol()),
                ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b"),
                ("OTEL_EXPORTER_OTLP_COMPRESSION", compression),
            ];
            let mut child = Child::start(PUPPET, &[], &variables);
            child.ok("init");
            child.trace("");
            child.drop_guard();
            let spans = receiver.so_far();
            assert_one_trace(&spans);
            let headers = &spans[0].headers;
            assert_eq!(headers.get(":path").map(String::as_str), path);
            assert_eq!(headers["x-key"], "a b");
            let encoding = match wire {
                Wire::Grpc => headers.get("grpc-encoding"),
                Wire::Http | Wire::Json => headers.get("content-encoding"),
            };
            assert_eq!(encoding.map_or("", String::as_str), compression, "{wire:?}");
        }
    }
}

#[test]
fn the_console_gets_a_line_for_each_span() {
    let variables = [("OTEL_TRACES_EXPORTER", "console")];
    let mut child = Child::start(PUPPET, &[("runtime", "none")], &variables);
    child.ok("init");
    // Each line comes when its span ends, before the answer itself.
    let client = child.say("trace");
    assert!(client.contains("Client \"client\""), "{client}");
    let middle = child.say("flush");
    assert!(middle.contains("Internal \"middle\""), "{middle}");
    let server = child.say("flush");
    assert!(server.contains("Server \"server\""), "{server}");
    assert!(server.contains("url.path=\"/\""), "{server}");
    child.end();
}

#[test]
fn zipkin_gets_its_json() {
    let server = Zipkin::start();
    let variables = [
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", &*server.endpoint()),
        ("OTEL_SERVICE_NAME", "checkout"),
    ];
    let mut child = Child::start(PUPPET, &[], &variables);
    child.ok("init");
    child.trace("");
    child.ok("full");
    assert_eq!(child.say("shutdown"), "started=4 exported=4 dropped=0 sampled_out=0");
    child.end();
    let spans = server.spans();
    let find = |name| spans.iter().find(|span| span["name"] == name).unwrap();
    let (server, middle, client) = (find("server"), find("middle"), find("client"));
    assert!(server.get("parentId").is_none() && middle.get("kind").is_none());
    assert_eq!(middle["parentId"], server["id"]);
    assert_eq!(client["parentId"], middle["id"]);
    assert_eq!(client["traceId"], server["traceId"]);
    assert_eq!((&server["kind"], &client["kind"]), (&"SERVER".into(), &"CLIENT".into()));
    assert_eq!(server["tags"]["url.path"], "/");
    let full = find("full");
    assert_eq!(full["localEndpoint"]["serviceName"], "checkout");
    assert_eq!(full["tags"]["a"], "a long value");
    assert_eq!(full["annotations"].as_array().unwrap().len(), 3);
    let value = full["annotations"][0]["value"].as_str().unwrap();
    assert!(value.starts_with(r#""event": {"a":"a long value""#), "{value}");
    assert!(full["duration"].as_u64().unwrap() >= 1);
}

#[test]
fn several_exporters_get_the_same() {
    let (receiver, zipkin) = (Receiver::start(Wire::Http), Zipkin::start());
    let variables = [
        ("OTEL_TRACES_EXPORTER", "otlp, zipkin, otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*receiver.endpoint()),
        ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", &*zipkin.endpoint()),
    ];
    let mut child = Child::start(PUPPET, &[], &variables);
    child.ok("init");
    child.trace("");
    assert_eq!(child.say("shutdown"), "started=3 exported=3 dropped=0 sampled_out=0");
    assert_eq!((receiver.so_far().len(), zipkin.spans().len()), (3, 3));
    child.end();
}

#[test]
fn exporting_is_never_traced() {
    let everything = "trace,h2::=trace,hyper::=trace,hyper_util::=trace,tonic::=trace,\
                      tower::=trace,opentelemetry=trace";
    for wire in WIRES {
        let receiver = Receiver::start(wire);
        let settings = [
            ("endpoint", &*receiver.endpoint()),
            ("protocol", wire.protocol()),
            ("span-filter", everything),
        ];
        let variables = [("RUST_LOG", "trace,opentelemetry=trace")];
        let mut child = Child::start(PUPPET, &settings, &variables);
        child.ok("init");
        for _ in 0..3 {
            child.trace("");
            assert_eq!(child.say("flush"), "true");
        }
        child.drop_guard();
        let logs = child.end();
        let spans = receiver.so_far();
        let mut names: Vec<_> = spans.iter().map(Received::name).collect();
        names.sort_unstable();
        let own = ["client", "middle", "server"];
        assert_eq!(names, own.map(|name| [name; 3]).concat(), "{wire:?}");
        assert!(logs.contains("hyper"), "the exporter's own stack was not heard: {logs}");
    }
}
