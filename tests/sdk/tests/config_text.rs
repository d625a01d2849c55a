//! What a configuration may say, key by key: no process is set up by it.

use tracewire::sdk::Config;

fn parse(text: &str) -> Result<Config, tracewire::Error> {
    Config::parse_with(text, |name| {
        let value = match name {
            "NUMBER" => "12",
            "TRUE" => "true",
            "RATIO" => "0.25",
            "MAP" => "{ a: b }",
            "SECRET" => "s3cret",
            "OTEL_SERVICE_NAME" => "orders",
            _ => return None,
        };
        Some(value.to_owned())
    })
}

/// A document with this in it, which then begins in its second line.
fn document(text: &str) -> String {
    format!("file_format: '1.0'\n{text}\n")
}

fn traces(text: &str) -> String {
    document(&format!(
        "tracer_provider:\n  processors: [{{ simple: {{ exporter: {{ console: }} }} }}]\n{text}"
    ))
}

fn exporter(text: &str) -> String {
    document(&format!(
        "tracer_provider:\n  processors:\n    - batch:\n        exporter:\n          {text}"
    ))
}

const CONSOLE: &str = "{ simple: { exporter: { console: } } }";

/// Log records with this exporter, which stands in the fifth line.
fn records(exporter: &str, more: &str) -> String {
    document(&format!(
        "logger_provider:\n  processors:\n    -\n      batch: {{ exporter: {{ {exporter} }} }}\n  {more}"
    ))
}

/// A reader in the fourth line.
fn reader(text: &str) -> String {
    document(&format!("meter_provider:\n  readers:\n    - {text}"))
}

fn sampler(text: &str) -> String {
    traces(&format!("  sampler: {text}"))
}

fn attribute(text: &str) -> String {
    document(&format!("resource: {{ attributes: [{{ name: a, {text} }}] }}"))
}

#[test]
fn mistakes_are_told_with_their_place() {
    let whole = "should be a whole number from";
    let cases = [
        ("x: 1".to_owned(), "1:1: `the configuration` needs a `file_format`"),
        ("file_format:".to_owned(), "1:1: `the configuration` needs a `file_format`"),
        ("file_format: '0.4'".to_owned(), "1:14: `file_format` should be 1.0, not `0.4`"),
        ("file_format: 2.0".to_owned(), "1:14: `file_format` should be 1.0, not `2.0`"),
        (
            "file_format: ${NONE:-3}".to_owned(),
            "1:14: `file_format` should be 1.0, not `${NONE:-3}`",
        ),
        ("- file_format".to_owned(), "1:1: `the configuration` should be a mapping, not a list"),
        (document("disabled: yes"), "2:11: `disabled` should be true or false, not `yes`"),
        (document("disabled: \"${TRUE}\""), "2:11: `disabled` should be true or false"),
        (document("log_level: loud"), "2:12: `log_level` should be trace, debug"),
        (document("disabled: ${TRUE:?}"), "2:11: `${TRUE:?}` is not understood"),
        (document("disabled: false\ndisabled: true"), "3:1: `disabled` is there already, at 2:1"),
        (document("attribute_limits: { attribute_count_limit: -1 }"), whole),
        (document("attribute_limits: { attribute_count_limit: 1.5 }"), whole),
        (document("attribute_limits: 5"), "2:19: `attribute_limits` should be a mapping, not `5`"),
        (
            document("propagator: { composite: [{ pigeon: }] }"),
            "2:29: there is no propagator `pigeon`",
        ),
        (
            document("propagator: { composite_list: 'b3,ottrace' }"),
            "there is no propagator `ottrace`",
        ),
        (document("propagator: { composite: [] }"), "should be a list with something in it"),
        (
            document("propagator: { composite: [b3] }"),
            "should be a mapping with one entry, not `b3`",
        ),
        (document("tracer_provider: {}"), "2:18: `tracer_provider` needs a `processors`"),
        (document("tracer_provider: { processors: [{ fast: }] }"), "there is no processor `fast`"),
        (document("tracer_provider: { processors: [{ simple: }] }"), "`simple` needs a `exporter`"),
        (exporter("paper:"), "6:11: there is no exporter `paper` here; there are otlp_http"),
        (
            exporter("{ console: , otlp_http: }"),
            "should be a mapping with one entry, not a mapping",
        ),
        (exporter("otlp_http: { timeout: soon }"), whole),
        (
            exporter("otlp_file/development: { output_stream: 'file:///a' }"),
            "`output_stream` should be stdout, not `file:///a`",
        ),
        (document("logger_provider: {}"), "2:18: `logger_provider` needs a `processors`"),
        (
            records("zipkin:", ""),
            "there is no exporter `zipkin` here; there are otlp_http, otlp_grpc",
        ),
        (records("otlp_http: { encoding: xml }", ""), "should be protobuf or json, not `xml`"),
        (records("console:", "limits: { attribute_count_limit: -1 }"), whole),
        (document("meter_provider: {}"), "2:17: `meter_provider` needs a `readers`"),
        (document("meter_provider: { readers: [] }"), "should be a list with something in it"),
        (
            reader("sometimes: {}"),
            "4:7: there is no reader `sometimes` here; there are periodic and",
        ),
        (reader("periodic: {}"), "4:17: `periodic` needs a `exporter`"),
        (reader("periodic: { interval: -1, exporter: { console: } }"), whole),
        (reader("periodic: { exporter: { zipkin: } }"), "there is no exporter `zipkin` here"),
        (
            reader("periodic: { exporter: { prometheus/development: } }"),
            "there is no exporter `prometheus/development` here",
        ),
        (
            reader("periodic: { exporter: { otlp_http: { temporality_preference: low } } }"),
            "`temporality_preference` should be cumulative, delta or low_memory, not `low`",
        ),
        (
            reader("periodic: { exporter: { otlp_grpc: { default_histogram_aggregation: sum } } }"),
            "should be explicit_bucket_histogram or base2_exponential_bucket_histogram, not `sum`",
        ),
        (reader("pull: { exporter: { console: } }"), "there is no exporter to pull from `console`"),
        (
            reader("pull: { exporter: { prometheus/development: { port: 65536 } } }"),
            "`port` should be a whole number from 0 to 65535",
        ),
        (
            document("meter_provider: { exemplar_filter: some, readers: [{ pull: }] }"),
            "`pull` needs a `exporter`",
        ),
        (exporter("otlp_http: { encoding: xml }"), "should be protobuf or json, not `xml`"),
        (exporter("otlp_grpc: { compression: zstd }"), "should be gzip or none, not `zstd`"),
        (
            exporter("otlp_http: { headers: [{ name: a }, { value: b }] }"),
            "`headers` needs a `name`",
        ),
        (
            exporter("otlp_http: { headers_list: secret }"),
            "6:38: a part of `headers_list` is no header",
        ),
        (
            exporter("otlp_http: { tls: { ca_file: ca.pem } }"),
            "should be an absolute path, not `ca.pem`",
        ),
        (exporter("otlp_http: { tls: { key_file: /a } }"), "one is of no use without the other"),
        (sampler("{ sometimes: }"), "4:14: there is no sampler `sometimes` here"),
        (sampler("always_on"), "should be a mapping with one entry, not `always_on`"),
        (
            sampler("{ trace_id_ratio_based: { ratio: 2 } }"),
            "`ratio` should be a number from 0 to 1, not `2`",
        ),
        (sampler("{ trace_id_ratio_based: { ratio: .nan } }"), "a number from 0 to 1"),
        (sampler("{ parent_based: { root: { never: } } }"), "there is no sampler `never`"),
        (sampler("{ jaeger_remote/development: }"), "needs a `endpoint`"),
        (
            sampler(
                "{ jaeger_remote/development: { endpoint: 'x', initial_sampler: { always_on: } } }",
            ),
            "`endpoint` should be an http:// address",
        ),
        (
            sampler(
                "{ jaeger_remote/development: { endpoint: 'http://x', initial_sampler: { parent_based: } } }",
            ),
            "there is no initial sampler `parent_based`",
        ),
        (sampler("{ composite/development: { parent_threshold: } }"), "needs a `root`"),
        (
            sampler("{ composite/development: { parent_based: } }"),
            "no composite sampler `parent_based`",
        ),
        (
            sampler(
                "{ composite/development: { rule_based: { rules: [{ span_kinds: [none], sampler: { always_on: } }] } } }",
            ),
            "`span_kinds` should be internal, server",
        ),
        (
            sampler("{ composite/development: { rule_based: { rules: [{}] } } }"),
            "`rules` needs a `sampler`",
        ),
        (attribute("type: int"), "`attributes` needs a `value`"),
        (attribute("value: x, type: int"), "`a` should be of the `type` that is said, not `x`"),
        (attribute("value: 1.5, type: int"), "of the `type` that is said"),
        (attribute("value: '1', type: int"), "of the `type` that is said"),
        (attribute("value: [1, x], type: int_array"), "of the `type` that is said"),
        (attribute("value: [], type: int_array"), "of the `type` that is said"),
        (attribute("value: [a]"), "`value` should be a text, not a list"),
        (attribute("value: 1, type: byte"), "the `type` of `a` should be string, bool"),
        (attribute("value: \"${SECRET}\", type: bool"), "not `${SECRET}`"),
        (
            document("resource: { attributes_list: 'a=%zz' }"),
            "should be key=value,…, percent-encoded",
        ),
    ];
    for (text, expected) in cases {
        let found = parse(&text);
        let error = found.err().unwrap_or_else(|| panic!("{text}"));
        let message = error.to_string();
        assert!(error.is_configuration());
        assert!(message.starts_with("configuration:") && message.contains(expected), "{message}");
        assert!(!message.contains("s3cret"), "{message}");
    }
}

#[test]
fn what_is_ignored_is_told_with_its_place() {
    let cases = [
        (
            "file_format: 1.3".to_owned(),
            vec!["1:14: `file_format` is `1.3`, of which 1.0 is understood"],
        ),
        ("file_format: '1.0-rc.2'\n".to_owned(), vec![]),
        (
            "file_format: 1.0\ndistribution: {}\nresorce: {}\n".to_owned(),
            vec![
                "2:1: `distribution` is ignored: layers and wrappers",
                "3:1: `resorce` is ignored: nothing in `the configuration` has this name",
            ],
        ),
        (
            document("propagator:\n  composite:\n    - b3: { single: true }\n  composit_list: b3"),
            vec![
                "4:13: `single` is ignored: nothing in `b3` has this name",
                "5:3: `composit_list` is ignored: nothing in `propagator` has this name",
            ],
        ),
        (exporter("console: { color: red }"), vec!["6:22: `color` is ignored"]),
        (exporter("otlp_http: { certificate: /ca.pem }"), vec!["6:24: `certificate` is ignored"]),
        (exporter("otlp_http: { tls: { insecure: true } }"), vec!["6:31: `insecure` is ignored"]),
        (
            exporter("otlp_http: { headers: [{ name: a, value: b, c: d }] }"),
            vec!["6:55: `c` is ignored"],
        ),
        (
            sampler("{ always_on: { ratio: 1 } }"),
            vec!["4:27: `ratio` is ignored: nothing in `always_on`"],
        ),
        (
            traces("  limits: { spans: 1 }\n  tracer_configurator/development: {}"),
            vec!["4:13: `spans`", "5:3: "],
        ),
        (
            document("resource: { schema_url: 'http://x', entities: [] }"),
            vec!["2:13: `schema_url`", "2:37: "],
        ),
        (document("\"a\\nb\": 1"), vec!["2:1: `a\\nb` is ignored"]),
        (
            records("otlp_http: { temporality_preference: delta }", "limits: { spans: 1 }"),
            vec!["5:41: `temporality_preference`", "6:13: `spans`"],
        ),
        (
            document(&format!(
                "logger_provider:\n  logger_configurator/development: {{}}\n  processors: [{CONSOLE}]"
            )),
            vec!["3:3: `logger_configurator/development` is ignored: `log_filter`"],
        ),
        (
            reader(
                "periodic: { producers: [], exporter: { console: { temporality_preference: delta } } }",
            ),
            vec!["4:19: `producers`", "4:57: `temporality_preference`"],
        ),
        (
            reader(
                "pull: { exporter: { prometheus/development: { colour: red, without_scope_info: true } } }",
            ),
            vec!["4:53: `colour` is ignored: nothing in", "4:66: `without_scope_info`"],
        ),
        (
            document(
                "meter_provider:\n  views: []\n  readers: [{ periodic: { exporter: { console: } } }]\n  more: 1",
            ),
            vec!["3:3: `views` is ignored", "5:3: `more` is ignored"],
        ),
    ];
    for (text, expected) in cases {
        let config = parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let warnings: Vec<_> = config.warnings().collect();
        assert_eq!(warnings.len(), expected.len(), "{text}: {warnings:?}");
        for (warning, expected) in warnings.iter().zip(expected) {
            assert!(warning.starts_with(&format!("configuration:{expected}")), "{warning}");
        }
    }
}

#[test]
fn values_become_settings() {
    let cases = [
        (document(""), "attributes: [], detectors: []"),
        (document("disabled: ${TRUE}"), "disabled: true"),
        (document("disabled:"), "disabled: false"),
        (document("log_level: warn3"), "own_level: Some(LevelFilter::WARN)"),
        (document("log_level: fatal"), "own_level: Some(LevelFilter::ERROR)"),
        (attribute("value: \"${NUMBER}\""), "value: String(Owned(\"12\"))"),
        (attribute("value: !!str 12"), "value: String(Owned(\"12\"))"),
        (attribute("value: 0x10, type: int"), "value: I64(16)"),
        (attribute("value: 2, type: double"), "value: F64(2.0)"),
        (attribute("value: [true, false], type: bool_array"), "Array(Bool([true, false]))"),
        (attribute("value: [1, 2.5], type: double_array"), "Array(F64([1.0, 2.5]))"),
        (
            document(
                "resource:\n  attributes:\n    - name: a\n      value: ${NUMBER}\n      type: int",
            ),
            "I64(12)",
        ),
        (
            document("resource:\n  attributes:\n    - name: a\n      value: ${MAP}"),
            "String(Owned(\"{ a: b }\"))",
        ),
        (
            document(
                "resource: { detection/development: { detectors: [{ service: }, { host: }, { os: }] } }",
            ),
            "value: String(Owned(\"orders\")) }], detectors: [Host, Os]",
        ),
        (
            document(
                "propagator: { composite: [{ b3: }], composite_list: 'tracecontext, b3,none' }",
            ),
            "extract: [B3, TraceContext]",
        ),
        (exporter("otlp_http:"), "protocol: Some(HttpProtobuf)"),
        (exporter("otlp_http: { timeout: 0 }"), "timeout: Some(86400s)"),
        (exporter("otlp_grpc: { tls: { insecure: true } }"), "insecure: Some(true)"),
        (
            exporter("otlp_http: { headers_list: 'a=1', headers: [{ name: a, value: 2 }] }"),
            "(\"a\", Sensitive)",
        ),
        (exporter("zipkin: { timeout: 3 }"), "Zipkin { endpoint: None, timeout: Some(3ms) }"),
        (
            traces(
                "  limits: { attribute_count_limit: 5 }\nattribute_limits: { attribute_count_limit: 6, attribute_value_length_limit: 7 }",
            ),
            "value_length: Some(7), attributes: Some(5)",
        ),
        (
            "file_format: '1.0'\nattribute_limits: { attribute_count_limit: 6 }\n".to_owned()
                + &records("console:", "limits: { attribute_value_length_limit: 7 }")[19..],
            "value_length: Some(7), attributes: Some(6)",
        ),
        (records("otlp_file/development: { output_stream: stdout }", ""), "to: OtlpStdout"),
        (records("otlp_http: { timeout: 0 }", ""), "timeout: Some(86400s)"),
        (
            reader("periodic: { interval: 0, timeout: 0, exporter: { otlp_file/development: } }"),
            "to: OtlpStdout, pace: Pace { interval: Some(1ms), timeout: Some(86400s)",
        ),
        (
            reader("periodic: { exporter: { otlp_http: { temporality_preference: low_memory } } }"),
            "temporality: Some(LowMemory)",
        ),
        (
            reader(
                "periodic: { exporter: { otlp_grpc: { default_histogram_aggregation: base2_exponential_bucket_histogram } } }",
            ),
            "histograms: Some(Base2Exponential)",
        ),
        (
            reader("pull: { exporter: { prometheus/development: { host: '::1', port: 0 } } }"),
            "Prometheus { host: Some(\"::1\"), port: Some(0) }",
        ),
        (
            document(
                "meter_provider: { exemplar_filter: always_on, readers: [{ periodic: { exporter: { console: } } }] }",
            ),
            "exemplars: Some(",
        ),
        (sampler(""), "sampler: None"),
        (
            sampler("{ trace_id_ratio_based: { ratio: \"1\" } }").replace("\"1\"", "0.25"),
            "TraceIdRatioBased(0.25)",
        ),
        (sampler("\n    trace_id_ratio_based:\n      ratio: ${RATIO}"), "TraceIdRatioBased(0.25)"),
        (sampler("{ trace_id_ratio_based: }"), "TraceIdRatioBased(1.0)"),
    ];
    for (text, expected) in cases {
        let config = parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let found = format!("{config:?}");
        assert!(found.contains(expected), "{text}: {found}");
        assert_eq!(config.warnings().count(), 0);
    }
}
