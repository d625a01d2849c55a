//! Setting up: what decides, what is refused, what happens twice, and what travels when nothing is
//! recorded.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use sdk_tests::{Child, Received, Receiver, Wire, Zipkin, refused};

const PUPPET: &str = env!("CARGO_BIN_EXE_puppet");

const SAMPLED: &str = "traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";
const UNSAMPLED: &str = "traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02";

#[test]
fn one_at_a_time_and_then_another() {
    let receiver = Receiver::start(Wire::Http);
    let settings = [("endpoint", &*receiver.endpoint())];
    let mut child = Child::start(PUPPET, &settings, &[]);
    child.ok("init");
    let second = child.say("init");
    assert!(second.starts_with("configuration=false already=true"), "{second}");
    child.trace("");
    child.drop_guard();
    assert_eq!(receiver.so_far().len(), 3);
    // Without telemetry nothing is recorded, and the caller's context goes on.
    let outgoing = child.trace(SAMPLED);
    assert_eq!(format!("traceparent={}", outgoing["traceparent"]), SAMPLED);
    // The subscriber is the old one; its spans belong to the new telemetry.
    child.ok("init");
    child.trace("");
    child.drop_guard();
    assert_eq!(receiver.so_far().len(), 6);
    assert_eq!(child.drop_guard(), 0);
    child.end();
}

#[test]
fn code_that_uses_the_globals_is_part_of_it() {
    let receiver = Receiver::start(Wire::Http);
    let settings = [("endpoint", &*receiver.endpoint())];
    let variables = [("OTEL_PROPAGATORS", "tracecontext")];
    let mut child = Child::start(PUPPET, &settings, &variables);
    child.ok("init");
    assert_eq!(child.say("otel"), "traceparent");
    child.drop_guard();
    assert_eq!(receiver.so_far()[0].name(), "by globals");
    child.end();
}

#[test]
fn a_subscriber_that_is_there_stays() {
    let receiver = Receiver::start(Wire::Grpc);
    let settings =
        [("endpoint", &*receiver.endpoint()), ("protocol", "grpc"), ("own-subscriber", "info")];
    let mut child = Child::start(PUPPET, &settings, &[]);
    child.ok("init");
    child.trace("");
    child.drop_guard();
    assert_eq!(receiver.so_far().len(), 3);
    let logs = child.end();
    assert_eq!(logs, "");
}

#[test]
fn disabled_still_propagates() {
    let receiver = Receiver::start(Wire::Http);
    for value in ["true", "True"] {
        for runtime in ["multi", "none"] {
            let settings = [("runtime", runtime), ("endpoint", &*receiver.endpoint())];
            let variables = [("OTEL_SDK_DISABLED", value)];
            let mut child = Child::start(PUPPET, &settings, &variables);
            child.ok("init");
            for headers in [SAMPLED, UNSAMPLED] {
                let outgoing = child.trace(headers);
                assert_eq!(format!("traceparent={}", outgoing["traceparent"]), headers);
            }
            assert!(child.trace("").is_empty());
            assert_eq!(child.say("flush"), "true");
            assert!(child.drop_guard() < 100);
            // Log lines are no business of the SDK's.
            assert!(child.end().contains("in the middle"));
        }
    }
    // A layer that has nobody to give spans to is not in the way.
    let settings = [("own-subscriber", "trace")];
    let mut child = Child::start(PUPPET, &settings, &[("OTEL_SDK_DISABLED", "true")]);
    child.ok("init");
    let outgoing = child.trace(SAMPLED);
    assert_eq!(format!("traceparent={}", outgoing["traceparent"]), SAMPLED);
    child.end();
    assert!(receiver.so_far().is_empty());
}

#[test]
fn nothing_set_up_still_propagates() {
    for settings in [&[][..], &[("own-subscriber", "trace")]] {
        let mut child = Child::start(PUPPET, settings, &[]);
        for headers in [SAMPLED, UNSAMPLED] {
            let outgoing = child.trace(headers);
            assert_eq!(format!("traceparent={}", outgoing["traceparent"]), headers);
        }
        child.end();
    }
}

#[test]
fn samplers() {
    // The incoming context, whether spans arrive, the flags that go out.
    let follow = [(SAMPLED, true, "03"), (UNSAMPLED, false, "02")];
    let root = |sampled| ("", sampled, if sampled { "03" } else { "02" });
    let cases = [
        ("", "", [root(true)].iter().chain(&follow).copied().collect::<Vec<_>>()),
        ("parentbased_always_on", "", vec![root(true), follow[0], follow[1]]),
        ("parentbased_always_off", "", vec![root(false), follow[0], follow[1]]),
        ("parentbased_traceidratio", "0", vec![root(false), follow[0], follow[1]]),
        ("parentbased_traceidratio", "1", vec![root(true), follow[0], follow[1]]),
        ("parentbased_traceidratio", "most", vec![root(true), follow[0], follow[1]]),
        ("always_on", "", vec![root(true), (SAMPLED, true, "03"), (UNSAMPLED, true, "03")]),
        ("always_off", "", vec![root(false), (SAMPLED, false, "02"), (UNSAMPLED, false, "02")]),
        ("traceidratio", "0", vec![root(false), (SAMPLED, false, "02")]),
        ("traceidratio", "1.0", vec![root(true), (UNSAMPLED, true, "03")]),
        ("by the moon", "", vec![root(true), follow[0], follow[1]]),
    ];
    for (name, argument, requests) in cases {
        let receiver = Receiver::start(Wire::Http);
        let settings = [("endpoint", &*receiver.endpoint())];
        let variables = [("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", argument)];
        let mut child = Child::start(PUPPET, &settings, &variables);
        child.ok("init");
        let mut arrived = 0;
        for (headers, sampled, flags) in requests {
            let case = format!("{name}({argument}) {headers}");
            let outgoing = child.trace(headers);
            let traceparent = outgoing.get("traceparent").unwrap();
            assert!(traceparent.ends_with(&format!("-{flags}")), "{case}: {traceparent}");
            if !headers.is_empty() {
                assert!(traceparent.contains("0af7651916cd43dd8448eb211c80319c"), "{case}");
            }
            assert_eq!(child.say("flush"), "true", "{case}");
            arrived += if sampled { 3 } else { 0 };
            assert_eq!(receiver.so_far().len(), arrived, "{case}");
        }
        // All trace ids are random.
        assert!(receiver.so_far().iter().all(|it| it.span.flags & 0x02 != 0), "{name}({argument})");
        let warnings = child.end();
        let complaints = warnings.matches(" is ignored: ").count();
        let wrong = argument == "most" || name == "by the moon";
        assert_eq!(complaints, usize::from(wrong), "{name}({argument}): {warnings}");
    }
}

#[test]
fn samplers_of_your_own() {
    let cases = [
        // It sees the first attributes, under a caller that was not sampled too.
        ("servers", vec!["server"]),
        // What is recorded and not sampled stays here.
        ("record-only", vec![]),
    ];
    for (sampler, expected) in cases {
        for headers in ["", UNSAMPLED] {
            let receiver = Receiver::start(Wire::Http);
            let settings = [("endpoint", &*receiver.endpoint()), ("sampler", sampler)];
            let mut child = Child::start(PUPPET, &settings, &[]);
            child.ok("init");
            child.trace(headers);
            child.drop_guard();
            let spans = receiver.so_far();
            let names: Vec<&str> = spans.iter().map(Received::name).collect();
            assert_eq!(names, expected, "{sampler} {headers}");
        }
    }
}

#[test]
fn propagators_and_exporters_by_name() {
    let cases = [
        ("", vec!["traceparent"]),
        ("none", vec![]),
        ("tracecontext,ottrace", vec!["traceparent"]),
        ("nonsense", vec!["traceparent"]),
    ];
    for (propagators, expected) in cases {
        let variables = [("OTEL_PROPAGATORS", propagators), ("OTEL_TRACES_EXPORTER", "none")];
        let mut child = Child::start(PUPPET, &[], &variables);
        child.ok("init");
        let names: Vec<String> = child.trace("").into_keys().collect();
        assert_eq!(names, expected, "{propagators}");
        assert_eq!(child.say("flush"), "true");
        assert!(child.drop_guard() < 100);
        let wrong = propagators.contains("ottrace") || propagators.contains("nonsense");
        let warnings = child.end().matches(" is ignored: ").count();
        assert_eq!(warnings, usize::from(wrong), "{propagators}");
    }
}

#[test]
fn nonsense_is_told_of_once_and_ignored() {
    let receiver = Receiver::start(Wire::Http);
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*receiver.endpoint()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "vacuum"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "maybe"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "-5"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", ""),
        ("OTEL_RESOURCE_ATTRIBUTES", "a"),
        ("OTEL_TRACES_EXPORTER", "paper"),
        ("OTEL_SDK_DISABLED", "0"),
    ];
    let mut child = Child::start(PUPPET, &[], &variables);
    child.ok("init");
    child.trace("");
    child.drop_guard();
    assert_eq!(receiver.so_far().len(), 3);
    let warnings = child.end();
    for (name, value) in variables {
        let expected = usize::from(!value.is_empty() && !name.ends_with("ENDPOINT"));
        let told = warnings.lines().filter(|line| {
            line.contains("WARN") && line.contains(name) && line.contains(" is ignored: ")
        });
        assert_eq!(told.count(), expected, "{name}: {warnings}");
    }
}

#[test]
fn an_endpoint_that_cannot_be_used_is_an_error() {
    let cases = [
        ("collector:4318", "http/protobuf", "http://"),
        ("http://", "http/protobuf", "endpoint"),
        ("ftp://collector", "grpc", "http://"),
    ];
    for (endpoint, protocol, hint) in cases {
        let variables =
            [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)];
        let mut child = Child::start(PUPPET, &[], &variables);
        let answer = child.say("init");
        assert!(answer.starts_with("configuration=true"), "{endpoint}: {answer}");
        assert!(answer.contains(hint) && answer.contains(endpoint), "{answer}");
        // Nothing is left half done.
        assert_eq!(child.say("init"), answer);
        child.end();
    }
    let settings = [("span-filter", "info,x=loud")];
    let mut child = Child::start(PUPPET, &settings, &[]);
    let answer = child.say("init");
    assert!(answer.contains("x=loud"), "{answer}");
}

#[test]
fn code_counts_for_more_than_the_environment() {
    let receiver = Receiver::start(Wire::Grpc);
    let settings = [("endpoint", &*receiver.endpoint()), ("protocol", "grpc")];
    let elsewhere = format!("http://{}", refused());
    let variables = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*elsewhere),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*elsewhere),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
    ];
    let mut child = Child::start(PUPPET, &settings, &variables);
    child.ok("init");
    child.trace("");
    child.drop_guard();
    assert_eq!(receiver.so_far().len(), 3);
    child.end();
}

#[test]
fn whatever_a_variable_can_say_can_be_said_in_code() {
    let receiver = Receiver::start(Wire::Http);
    let (exact, elsewhere) =
        (format!("{}/spans", receiver.endpoint()), format!("http://{}", refused()));
    let settings = [
        ("endpoint", &*elsewhere),
        ("traces-endpoint", &*exact),
        ("header", "from code"),
        ("namespace", "shop"),
        ("detectors", "process"),
        ("value-length", "6"),
        ("batch-size", "1"),
    ];
    let variables = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*elsewhere),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=lost,x-other=lost"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "none"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.namespace=lost,service.instance.id=lost"),
        ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "os"),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100"),
    ];
    let mut child = Child::start(PUPPET, &settings, &variables);
    child.ok("init");
    child.ok("full");
    child.ok("full");
    child.drop_guard();
    assert_eq!(receiver.times().len(), 2);
    let received = receiver.so_far().remove(0);
    let header = |name| received.headers.get(name).map(String::as_str);
    assert_eq!(header(":path"), Some("/spans"));
    assert_eq!((header("x-key"), header("x-other")), (Some("from code"), None));
    assert_eq!(header("content-encoding"), Some("gzip"));
    assert!(header("user-agent").is_some_and(|it| it.starts_with("tracewire/")));
    let resource = &received.resource;
    assert_eq!(resource["service.namespace"], "shop");
    assert_eq!(resource["service.instance.id"], "number one");
    assert!(resource.contains_key("process.pid") && !resource.contains_key("os.type"));
    let value = received.span.attributes[0].value.as_ref().and_then(|it| it.value.clone());
    assert_eq!(value, Some(Value::StringValue("a long".to_owned())));
    child.end();

    let zipkin = Zipkin::start();
    let variables = [("OTEL_TRACES_EXPORTER", "none")];
    // The second one adds nothing.
    for setting in [None, Some(("disabled", ""))] {
        let endpoint = zipkin.endpoint();
        let settings: Vec<_> = [("zipkin", &*endpoint)].into_iter().chain(setting).collect();
        let mut child = Child::start(PUPPET, &settings, &variables);
        child.ok("init");
        child.ok("full");
        let outgoing = child.trace(SAMPLED);
        assert!(outgoing["traceparent"].starts_with("00-0af7651916cd43dd"));
        child.drop_guard();
        let full = zipkin.spans().iter().filter(|span| span["name"] == "full").count();
        assert_eq!(full, 1, "{setting:?}");
        child.end();
    }
}

#[cfg(unix)]
#[test]
fn the_end_is_announced() {
    for signal in ["TERM", "INT"] {
        let receiver = Receiver::start(Wire::Http);
        let settings = [("endpoint", &*receiver.endpoint())];
        let mut child = Child::start(PUPPET, &settings, &[]);
        child.ok("init");
        assert_eq!(child.say("listen"), "false");
        child.signal(signal);
        child.ok("signalled");
        child.trace("");
        child.drop_guard();
        assert_eq!(receiver.so_far().len(), 3);
        child.end();
    }
}
