//! The example as a person runs it: its log lines and its spans say the same ids.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::process::Command;

use serde_json::Value;

/// Its standard output and its standard error, line by line.
fn run(arguments: &[&str], variables: &[(&str, &str)]) -> [Vec<String>; 2] {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logs-example"));
    command.args(arguments).env_clear().envs(variables.iter().copied());
    let output = command.output().unwrap();
    let lines = |bytes| -> Vec<String> {
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    };
    assert!(output.status.success(), "{:?}", lines(output.stderr));
    [lines(output.stdout), lines(output.stderr)]
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[test]
fn each_line_has_the_ids_of_its_span() {
    let [spans, lines] = run(&[], &[]);
    let lines_with =
        |what: &str| -> Vec<&String> { lines.iter().filter(|line| line.contains(what)).collect() };
    // The ids of the spans of this name, in the order of the orders.
    let ids = |name: &str| -> Vec<&str> {
        let named = spans.iter().filter(|line| line.contains(&format!("\"{name}\"")));
        named.map(|line| line.split(' ').nth(3).unwrap()).collect()
    };
    let (requests, charges) = (ids("POST /orders/{id}"), ids("charge"));
    assert_eq!((requests.len(), charges.len()), (3, 3), "{spans:#?}");
    let at = |line: &str, span: &str| {
        assert!(line.contains(&format!("trace_id={TRACE} span_id={span} ")), "{line} {span}");
    };

    let charged = lines_with("charged");
    assert_eq!(charged.len(), 2, "{lines:#?}");
    for (line, span) in charged.into_iter().zip(&charges) {
        at(line, span);
        assert!(line.contains("priority=\"high\""), "{line}");
    }
    let served = lines_with("tracewire::request");
    assert_eq!(served.len(), 3, "{lines:#?}");
    for (line, span) in served.into_iter().zip(&requests) {
        at(line, span);
        assert!(line.contains("/orders/{id}"), "{line}");
    }
    // The error is told where it happened.
    let failed = lines_with("tracewire::exception");
    assert_eq!(failed.len(), 1, "{lines:#?}");
    at(failed[0], charges[2]);
    assert!(failed[0].contains("invalid digit found in string"), "{failed:?}");
    // Off any trace there are no ids.
    let answered = lines_with("answered");
    assert_eq!(answered.len(), 3);
    assert!(!answered.iter().any(|line| line.contains("trace_id")), "{answered:?}");
}

#[test]
fn lines_of_json_have_the_ids_at_the_top() {
    let [_, lines] = run(&["--json"], &[]);
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let charged = lines.iter().find(|line| line["fields"]["message"] == "charged").unwrap();
    assert_eq!(charged["trace_id"], TRACE);
    assert_eq!(charged["span_id"].as_str().map(str::len), Some(16));
    assert_eq!(charged["trace_flags"], "01");
    assert_eq!(charged["fields"]["number"], 7);
}

#[test]
fn spans_have_what_the_handler_says() {
    let variables = [("OTEL_TRACES_EXPORTER", "otlp/stdout")];
    let [spans, _] = run(&[], &variables);
    let document: Value = serde_json::from_str(&spans[0]).unwrap();
    let scopes = document["resourceSpans"][0]["scopeSpans"].as_array().unwrap();
    let spans = scopes.iter().flat_map(|scope| scope["spans"].as_array().unwrap());
    let spans: Vec<&Value> = spans.collect();
    let named = |name: &str| -> Vec<&Value> {
        spans.iter().filter(|span| span["name"] == name).copied().collect()
    };
    let (requests, charges) = (named("POST /orders/{id}"), named("charge"));
    let attribute = |span: &Value, key: &str| -> Option<Value> {
        let attributes = span["attributes"].as_array().unwrap();
        let value = &attributes.iter().find(|it| it["key"] == key)?["value"];
        value.as_object().unwrap().values().next().cloned()
    };
    let orders: Vec<_> = requests.iter().filter_map(|it| attribute(it, "shop.order")).collect();
    assert_eq!(orders, ["7", "8", "thirteen"]);
    for (index, request) in requests.iter().enumerate() {
        assert_eq!(attribute(request, "tenant"), Some("acme".into()));
        assert_eq!(attribute(request, "card"), None, "only what is allowed is copied");
        assert_eq!(charges[index]["parentSpanId"], request["spanId"]);
        // Each order is linked to the one before.
        let links = request["links"].as_array().cloned().unwrap_or_default();
        let before = index.checked_sub(1).map(|before| requests[before]["spanId"].clone());
        let linked: Vec<_> = links.iter().map(|link| link["spanId"].clone()).collect();
        assert_eq!(linked, before.into_iter().collect::<Vec<_>>());
    }
    // Set from within the span below, it is on the request's.
    assert_eq!(attribute(requests[0], "shop.number"), Some("7".into()));
    assert_eq!(attribute(charges[0], "shop.number"), None);
    let statuses: Vec<_> = charges.iter().map(|span| span["status"]["code"].clone()).collect();
    assert_eq!(statuses, [0, 0, 2].map(Value::from), "{statuses:?}");
    let kind = attribute(charges[2], "error.type").unwrap();
    assert_eq!(kind, "core::num::error::ParseIntError");
}
