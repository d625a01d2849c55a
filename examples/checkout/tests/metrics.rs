//! From a number in Prometheus to the trace that it came from.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::service;
use tracewire_cli::{Listen, Receiver, Store};

/// The demo; stopped with its services when it is dropped.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let id = self.0.id().to_string();
        let _ = Command::new("kill").args(["-INT", &id]).status();
        let _ = self.0.wait();
    }
}

/// What Prometheus is told to scrape, as long as the file is there.
struct Targets(PathBuf);

impl Drop for Targets {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_real_prometheus_has_exemplars_that_lead_to_spans() {
    let prometheus = service("TRACEWIRE_PROMETHEUS_URL");
    let folder = service("TRACEWIRE_PROMETHEUS_TARGETS");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let collector = runtime.block_on(Receiver::bind(Listen::any_port(), Store::default())).unwrap();

    let mut command = Command::new(env!("CARGO_BIN_EXE_checkout"));
    command.arg("--metrics").env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.http_endpoint());
    for inherited in ["DATABASE_URL", "REDIS_URL", "BROKER_URL", "OTEL_EXPORTER_OTLP_PROTOCOL"] {
        command.env_remove(inherited);
    }
    let mut demo = Demo(command.stdout(Stdio::piped()).spawn().unwrap());
    let lines = BufReader::new(demo.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let lines: Vec<String> = lines.take_while(|line| !line.contains("Ctrl-C")).collect();
    let targets: Vec<_> = lines
        .iter()
        .filter_map(|line| line.trim().strip_prefix("http://")?.strip_suffix("/metrics"))
        .collect();
    assert_eq!(targets.len(), 6, "{lines:#?}");

    let name = format!("checkout-{}", std::process::id());
    let file = Targets(PathBuf::from(folder).join(format!("{name}.json")));
    let content = json!([{"targets": targets, "labels": {"run": name}}]).to_string();
    std::fs::write(&file.0, content).unwrap();

    let mut found = Vec::new();
    for metric in ["http_server_request_duration_seconds", "rpc_server_call_duration_seconds"] {
        let query = format!("{metric}_bucket{{run=\"{name}\"}}");
        found.extend(runtime.block_on(exemplars(&prometheus, &query)));
    }
    let (quiet, patience) = (Duration::from_millis(500), Duration::from_secs(10));
    assert!(runtime.block_on(collector.store().settled(quiet, patience)));
    let spans: BTreeSet<(String, String)> = collector
        .store()
        .traces()
        .iter()
        .flat_map(|trace| {
            let ids = trace.nodes().map(|node| node.span().span_id.to_string());
            ids.map(|span| (trace.id().to_string(), span)).collect::<Vec<_>>()
        })
        .collect();
    for exemplar in &found {
        let labels = &exemplar["labels"];
        let of = |label: &str| labels[label].as_str().unwrap_or_default().to_owned();
        let ids = (of("trace_id"), of("span_id"));
        assert!(spans.contains(&ids), "{exemplar} is not in {spans:#?}");
    }
}

/// What Prometheus has seen of them, as soon as there is any.
async fn exemplars(prometheus: &str, query: &str) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_secs(60);
    let client = reqwest::Client::new();
    loop {
        let seconds = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let (start, end) = ((seconds - 600).to_string(), (seconds + 60).to_string());
        let url = reqwest::Url::parse_with_params(
            &format!("{prometheus}/api/v1/query_exemplars"),
            [("query", query), ("start", &start), ("end", &end)],
        );
        let answer: Value = client.get(url.unwrap()).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["status"], "success", "{answer}");
        let series = answer["data"].as_array().cloned().unwrap_or_default();
        let found: Vec<Value> =
            series.iter().filter_map(|it| it["exemplars"].as_array()).flatten().cloned().collect();
        if !found.is_empty() {
            return found;
        }
        assert!(Instant::now() < deadline, "{query} has no exemplars");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
