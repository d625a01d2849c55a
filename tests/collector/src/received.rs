//! What a Collector has written to its file: a line of OTLP's JSON for each batch.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::Instant;

use sdk_tests::PATIENCE;
use serde_json::Value;

/// A file that grows, from some place in it on.
#[derive(Clone, Debug)]
pub struct Received {
    path: PathBuf,
    from: u64,
}

/// A span with what came along. Attributes are shown as text, whatever their type.
#[derive(Clone, Debug)]
pub struct Span {
    pub name: String,
    /// As numbered in OTLP: 1 internal, 2 server, 3 client.
    pub kind: u64,
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub state: String,
    /// As numbered in OTLP: 2 is an error.
    pub status: u64,
    pub attributes: BTreeMap<String, String>,
    pub resource: BTreeMap<String, String>,
    /// Name and version, with a space between them.
    pub scope: String,
    pub schema: String,
}

/// A log record with what came along.
#[derive(Clone, Debug)]
pub struct Record {
    pub body: String,
    pub severity: String,
    pub trace: String,
    pub span: String,
    pub resource: BTreeMap<String, String>,
}

impl Received {
    pub fn from_the_start(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), from: 0 }
    }

    /// What is written from now on.
    pub fn from_now_on(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let from = std::fs::metadata(&path).map_or(0, |file| file.len());
        Self { path, from }
    }

    /// The spans of a service so far.
    pub fn so_far(&self, service: &str) -> Vec<Span> {
        let mut spans: Vec<Span> = self.batches(service).iter().flat_map(spans_in).collect();
        spans.retain(|span| is_of(service, &span.resource));
        spans
    }

    /// The log records of a service so far.
    pub fn records_so_far(&self, service: &str) -> Vec<Record> {
        let mut records: Vec<Record> = self.batches(service).iter().flat_map(records_in).collect();
        records.retain(|record| is_of(service, &record.resource));
        records
    }

    /// Whatever has to do with a service, as it was written.
    pub fn batches(&self, service: &str) -> Vec<Value> {
        let mut file = std::fs::File::open(&self.path).unwrap();
        file.seek(SeekFrom::Start(self.from)).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        // The last line may be half written, by a Collector that goes on writing or was killed.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole.lines().filter(|line| line.contains(service));
        lines.filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The spans of a service when they satisfy a condition.
    #[track_caller]
    pub fn when(&self, service: &str, satisfied: impl Fn(&[Span]) -> bool) -> Vec<Span> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let spans = self.so_far(service);
            if satisfied(&spans) {
                return spans;
            }
            assert!(Instant::now() < deadline, "only {} spans: {spans:#?}", spans.len());
            std::thread::yield_now();
        }
    }
}

fn spans_in(batch: &Value) -> Vec<Span> {
    let mut found = Vec::new();
    for resource in items(&batch["resourceSpans"]) {
        let attributes = texts(&resource["resource"]["attributes"]);
        for scope in items(&resource["scopeSpans"]) {
            let library = &scope["scope"];
            for span in items(&scope["spans"]) {
                found.push(Span {
                    name: text(&span["name"]),
                    kind: span["kind"].as_u64().unwrap_or(0),
                    trace: text(&span["traceId"]),
                    id: text(&span["spanId"]),
                    parent: text(&span["parentSpanId"]),
                    state: text(&span["traceState"]),
                    status: span["status"]["code"].as_u64().unwrap_or(0),
                    attributes: texts(&span["attributes"]),
                    resource: attributes.clone(),
                    scope: format!("{} {}", text(&library["name"]), text(&library["version"])),
                    schema: text(&scope["schemaUrl"]),
                });
            }
        }
    }
    found
}

fn records_in(batch: &Value) -> Vec<Record> {
    let mut found = Vec::new();
    for resource in items(&batch["resourceLogs"]) {
        let attributes = texts(&resource["resource"]["attributes"]);
        for record in items(&resource["scopeLogs"]).flat_map(|scope| items(&scope["logRecords"])) {
            found.push(Record {
                body: text(&record["body"]["stringValue"]),
                severity: text(&record["severityText"]),
                trace: text(&record["traceId"]),
                span: text(&record["spanId"]),
                resource: attributes.clone(),
            });
        }
    }
    found
}

fn is_of(service: &str, resource: &BTreeMap<String, String>) -> bool {
    resource.get("service.name").is_some_and(|name| name == service)
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(attributes: &Value) -> BTreeMap<String, String> {
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let pair = |attribute: &Value| {
        let (_, value) = attribute["value"].as_object()?.iter().next()?;
        Some((text(&attribute["key"]), shown(value)))
    };
    items(attributes).filter_map(pair).collect()
}
