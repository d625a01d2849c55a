//! What is wrong with a process is found, said at start-up where that is cheap, and no probe is ever
//! sent.
#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::process::Command;

use sdk_tests::{Receiver, Wire, black_hole, refused};

const PATIENT: &str = env!("CARGO_BIN_EXE_patient");

const NOWHERE: (&str, &str) = ("OTEL_TRACES_EXPORTER", "none");
const NAMED: (&str, &str) = ("OTEL_SERVICE_NAME", "shop");

/// What a process says when it is examined.
struct Examined {
    kinds: String,
    seen: String,
    report: String,
    warnings: String,
}

#[track_caller]
fn examine(case: &str, variables: &[(&str, &str)]) -> Examined {
    let mut process = Command::new(PATIENT);
    let output = process.arg(case).env_clear().envs(variables.iter().copied()).output().unwrap();
    let warnings = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{case}: {warnings}");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap().to_owned();
    let examined = Examined { kinds: line(), seen: line(), report: line(), warnings };
    println!("== {case} {variables:?}\n{}{}", examined.report, examined.warnings);
    examined
}

/// Examines a process that does not use `init`; what should be found, and a part of what is said.
#[track_caller]
fn check(case: &str, kinds: &str, says: &str) {
    let examined = examine(case, &[]);
    assert_eq!(examined.kinds, kinds, "{case}: {}", examined.report);
    assert!(examined.report.contains(says), "{case}: {}", examined.report);
    let expected = if case.ends_with("in a span") { "work" } else { "" };
    assert_eq!(examined.seen, expected, "{case}");
    assert_eq!(examined.warnings, "", "{case}");
}

#[test]
fn programs_without_telemetry() {
    check("nothing", "NoProvider", "let _telemetry = tracewire::sdk::init()?;");
    check("no layer", "NoProvider", "no `tracing-opentelemetry` layer either");
    check("layer, idle", "NoProvider", "layer has no tracer");
    check("propagates only", "NoProvider", "without a tracer provider");
}

#[test]
fn programs_with_a_provider_of_their_own() {
    let cases = [
        (
            "own provider",
            "",
            "found no problem.\n\nTelemetry is not that of `tracewire::sdk::init`",
        ),
        ("in a span", "", ""),
        ("own provider, no subscriber", "LayerMissing", "registry().with(tracing_opentelemetry::"),
        ("own provider, no layer", "LayerMissing", "   .with(tracing_opentelemetry::layer()"),
        ("own provider, idle layer", "LayerIdle", "has no tracer of a provider"),
        ("own provider, a filter", "FilterHidesSpans", "for log lines; none over everything"),
        ("own provider, off", "FilterHidesSpans", ": spans of `#[instrument]` are missing"),
        ("own provider, a filter of the layer", "FilterHidesSpans", "level info"),
        ("own provider, a filter of targets", "", ""),
        ("own provider, inactive", "ContextActivationOff", ".with_context_activation(true)"),
        (
            "own provider, no propagator",
            "PropagatorsDisagree",
            "tracewire::otel::global::set_text_map_propagator(tracewire::Propagator::default());",
        ),
        (
            "own provider, w3c",
            "PropagatorsDisagree",
            "writes traceparent, tracestate, and tracewire writes baggage, traceparent, tracestate",
        ),
        (
            "own provider, b3",
            "TraceContextNotRead",
            ".propagator(tracewire::Propagator::new([tracewire::Format::TraceContext, \
             tracewire::Format::B3]))",
        ),
    ];
    for (case, kinds, says) in cases {
        check(case, kinds, says);
    }
}

#[test]
fn programs_with_nothing_but_a_layer() {
    check("layer", "", "");
    check("layer, reloaded, in a span", "", "");
    check("layer, a filter of targets", "FilterHidesSpans", "\"tracewire=info\"");
}

#[test]
fn programs_that_are_well() {
    for (wire, protocol) in [(Wire::Http, "http/protobuf"), (Wire::Grpc, "grpc")] {
        for case in ["init", "own subscriber"] {
            let receiver = Receiver::start(wire);
            let variables = [
                NAMED,
                ("OTEL_EXPORTER_OTLP_ENDPOINT", &*receiver.endpoint()),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ];
            let examined = examine(case, &variables);
            assert_eq!(examined.report, "tracewire found no problem.\n");
            assert_eq!(examined.warnings, "");
            assert!(receiver.so_far().is_empty(), "no probe is sent");
        }
    }
}

/// What is set up, the variables, what is found, a part of the report, and one of the warnings.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a str, &'a str);

#[test]
fn what_was_set_up_is_known() {
    let sampler = ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
    let cases: [Case<'_>; 16] = [
        ("init", &[NOWHERE, NAMED], "NoExporter", "   OTEL_TRACES_EXPORTER=otlp", ""),
        ("exporters", &[NAMED], "NoExporter", ".exporters([", ""),
        ("ended", &[NOWHERE, NAMED], "NoProvider", "`let _ =` drops it at once", ""),
        ("disabled", &[], "Disabled", "`disabled()`", ""),
        ("init", &[("OTEL_SDK_DISABLED", "true")], "Disabled", "OTEL_SDK_DISABLED=false", ""),
        (
            "init",
            &[NOWHERE],
            "NoExporter,ServiceUnnamed",
            "unknown_service:patient",
            "OTEL_SERVICE_NAME=checkout",
        ),
        (
            "init",
            &[NOWHERE, NAMED, ("OTEL_TRACES_SAMPLER", "always_off")],
            "NoExporter,SamplerKeepsNothing",
            "The sampler always_off of OTEL_TRACES_SAMPLER keeps nothing.",
            "OTEL_TRACES_SAMPLER=parentbased_always_on",
        ),
        (
            "init",
            &[NOWHERE, NAMED, sampler, ("OTEL_TRACES_SAMPLER_ARG", "0")],
            "NoExporter,SamplerKeepsNothing",
            "parentbased_traceidratio(0) of OTEL_TRACES_SAMPLER keeps no trace that begins here",
            "keeps no trace that begins here",
        ),
        (
            "init",
            &[NOWHERE, NAMED, sampler, ("OTEL_TRACES_SAMPLER_ARG", "0.001")],
            "NoExporter",
            "",
            "",
        ),
        ("sampler", &[NAMED], "NoExporter,SamplerKeepsNothing", "   .sampler(", ".sampler("),
        (
            "init",
            &[NOWHERE, NAMED, ("OTEL_PROPAGATORS", "b3,baggage")],
            "NoExporter,TraceContextNotRead",
            "   OTEL_PROPAGATORS=tracecontext,b3,baggage",
            "",
        ),
        (
            "replaced",
            &[NOWHERE, NAMED],
            "NoExporter,PropagatorsDisagree",
            "writes b3, and tracewire writes baggage, traceparent, tracestate",
            "",
        ),
        (
            "span filter",
            &[NOWHERE, NAMED],
            "NoExporter,FilterHidesSpans",
            "   .span_filter(\"info\")",
            "",
        ),
        (
            "no subscriber",
            &[NOWHERE, NAMED],
            "NoExporter,LayerMissing",
            "registry().with(tracewire::sdk::layer()).init();",
            "",
        ),
        (
            "own subscriber, no layer",
            &[NOWHERE, NAMED],
            "NoExporter,LayerMissing",
            "   .with(tracewire::sdk::layer())",
            "spans of `#[instrument]` are missing from traces. To mend it: .with(tracewire::sdk",
        ),
        (
            "own subscriber, a filter",
            &[NOWHERE, NAMED],
            "NoExporter,FilterHidesSpans",
            "for log lines; none over everything",
            "A filter keeps `tracing` spans of level info",
        ),
    ];
    for (case, variables, kinds, says, warns) in cases {
        let examined = examine(case, variables);
        assert_eq!(examined.kinds, kinds, "{case} {variables:?}: {}", examined.report);
        assert!(examined.report.contains(says), "{case} {variables:?}: {}", examined.report);
        let warnings = &examined.warnings;
        assert!(warnings.contains(warns), "{case} {variables:?}: {warnings}");
        assert_eq!(warnings.is_empty(), warns.is_empty(), "{case} {variables:?}: {warnings}");
    }
}

#[test]
fn endpoints_that_cannot_be_reached() {
    let (closed, (_silent, silent)) = (refused(), black_hole());
    let cases = [
        (format!("http://me:secret@{}", closed), "connection is refused"),
        ("http://collector.invalid:4318".to_owned(), "there is no address for the name"),
        ("http://[::1]:1".to_owned(), ""),
    ];
    for (endpoint, says) in &cases {
        let variables = [NAMED, ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)];
        let examined = examine("init", &variables);
        assert_eq!(examined.kinds, "EndpointUnreachable", "{}", examined.report);
        assert!(examined.report.contains(says), "{}", examined.report);
        assert!(examined.report.contains("   OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318"));
        assert!(!examined.report.contains("secret"), "{}", examined.report);
        assert_eq!(examined.warnings, "");
    }
    // Whoever accepts a connection and then says nothing is the exporter's business.
    let variables = [NAMED, ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{silent}"))];
    assert_eq!(examine("init", &variables).kinds, "");
    let zipkin = [
        NAMED,
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", &format!("http://{closed}")),
    ];
    let examined = examine("init", &zipkin);
    assert!(examined.report.contains("   OTEL_EXPORTER_ZIPKIN_ENDPOINT="), "{}", examined.report);
}

#[test]
fn the_remedy_goes_where_it_counts() {
    let endpoint = format!("http://{}", refused());
    let variables = [NAMED, ("ENDPOINT", &*endpoint)];
    let examined = examine("endpoint", &variables);
    assert!(examined.report.contains("   .endpoint(\"http://collector:4318\")"));
    let variables = [
        NAMED,
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ];
    let examined = examine("init", &variables);
    let remedy = "   OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://collector:4317";
    assert!(examined.report.contains(remedy), "{}", examined.report);

    let name = "resource: { attributes: [{ name: service.name, value: shop }] }";
    let headers = "propagator: { composite_list: \"tracecontext,baggage\" }";
    let pipeline = "tracer_provider: { processors: [{ batch: { exporter: { console: {} } } }] }";
    let off = "tracer_provider: { sampler: { always_off: {} }, processors: [{ batch: { exporter: \
               { console: {} } } }] }";
    let to_nobody = format!(
        "tracer_provider: {{ processors: [{{ batch: {{ exporter: {{ otlp_http: {{ endpoint: \
         '{endpoint}/v1/traces' }} }} }} }}] }}"
    );
    let cases = [
        ([name, headers, pipeline], "", ""),
        (["", headers, pipeline], "ServiceUnnamed", name),
        ([name, "", pipeline], "TraceContextNotRead", "composite_list: \"tracecontext\" }"),
        ([name, headers, ""], "Disabled", "tracer_provider: { processors: [{ batch: {"),
        ([name, headers, off], "SamplerKeepsNothing", "sampler: { parent_based: { root:"),
        ([name, headers, &to_nobody], "EndpointUnreachable", "   endpoint: http://collector:4318"),
    ];
    for (index, (lines, kinds, remedy)) in cases.into_iter().enumerate() {
        let file = format!("{}/doctor-{index}.yaml", env!("CARGO_TARGET_TMPDIR"));
        std::fs::write(&file, format!("file_format: '1.0'\n{}\n", lines.join("\n"))).unwrap();
        let examined = examine("init", &[("OTEL_CONFIG_FILE", &*file)]);
        assert_eq!(examined.kinds, kinds, "{lines:?}: {}", examined.report);
        let remedy = remedy.replace(": shop", ": checkout");
        assert!(examined.report.contains(&remedy), "{lines:?}: {}", examined.report);
    }
}

#[test]
fn whoever_wants_no_warnings_gets_none() {
    let examined = examine("init", &[NOWHERE, ("OTEL_LOG_LEVEL", "error")]);
    assert_eq!(examined.kinds, "NoExporter,ServiceUnnamed");
    assert_eq!(examined.warnings, "");
}
