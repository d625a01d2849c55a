//! A Collector of a test's own, which can be killed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use sdk_tests::{PATIENCE, Wire};
use test_support::{Files, Server, free_ports, service};

use crate::Received;

/// What a Collector does besides receiving spans and writing them to a file.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    tls: String,
    processors: Vec<(&'static str, String)>,
}

/// Receives until it is killed or dropped.
#[derive(Debug)]
pub struct Collector {
    // Dropped in this order: it writes into the folder until the very end.
    process: Option<Server>,
    files: Files,
    output: PathBuf,
    ports: [u16; 2],
    setup: Setup,
}

impl Setup {
    pub fn new() -> Self {
        Self::default()
    }

    /// Speaks TLS as this settings map of the Collector says.
    pub fn tls(mut self, settings: impl Into<String>) -> Self {
        self.tls = settings.into();
        self
    }

    /// Passes spans through a processor.
    pub fn processor(mut self, name: &'static str, settings: impl Into<String>) -> Self {
        self.processors.push((name, settings.into()));
        self
    }
}

impl Collector {
    #[track_caller]
    pub fn start(setup: Setup) -> Self {
        let files = Files::new();
        let output = PathBuf::from(files.write("received.jsonl", ""));
        let mut collector = Self { setup, files, output, ports: free_ports(), process: None };
        let deadline = Instant::now() + PATIENCE;
        while let Err(log) = collector.try_start() {
            assert!(Instant::now() < deadline, "the Collector does not start: {log}");
            // Somebody else may have taken them.
            collector.ports = free_ports();
        }
        collector
    }

    /// Kills it; what it has not answered yet is lost.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it where it was before.
    #[track_caller]
    pub fn restart(&mut self) {
        self.kill();
        let deadline = Instant::now() + PATIENCE;
        while let Err(log) = self.try_start() {
            assert!(Instant::now() < deadline, "the Collector does not start again: {log}");
        }
    }

    pub fn address(&self, wire: Wire) -> SocketAddr {
        let port = self.ports[usize::from(wire != Wire::Grpc)];
        ([127, 0, 0, 1], port).into()
    }

    /// By name, for certificates.
    pub fn endpoint(&self, wire: Wire) -> String {
        let scheme = if self.setup.tls.is_empty() { "http" } else { "https" };
        format!("{scheme}://localhost:{}", self.address(wire).port())
    }

    /// Everything that it has written since it was started first.
    pub fn received(&self) -> Received {
        Received::from_the_start(&self.output)
    }

    /// What it has written, for the last time: the file begins anew. It must have been killed.
    pub fn take(&self) -> Vec<u8> {
        assert!(self.process.is_none(), "it still writes");
        let bytes = std::fs::read(&self.output).unwrap_or_default();
        let _ = std::fs::remove_file(&self.output);
        bytes
    }

    /// Returns when it is ready, or with its log when it has ended.
    fn try_start(&mut self) -> Result<(), String> {
        let settings = self.files.write("settings.yaml", &self.settings());
        let mut command = Command::new(service("TRACEWIRE_COLLECTOR_SERVER"));
        command.args(["--config", &settings]).stdout(Stdio::null()).stderr(Stdio::piped());
        self.process = Some(Server::start(&mut command, "Everything is ready")?);
        Ok(())
    }

    /// With rotation the exporter writes through, so that what was answered survives a kill.
    fn settings(&self) -> String {
        let Setup { tls, processors } = &self.setup;
        let [grpc, http] = self.ports;
        let tls = if tls.is_empty() { String::new() } else { format!(", tls: {tls}") };
        let names: Vec<_> = processors.iter().map(|(name, _)| *name).collect();
        let processors: String =
            processors.iter().map(|(name, settings)| format!("  {name}: {settings}\n")).collect();
        format!(
            "receivers:
  otlp:
    protocols:
      grpc: {{endpoint: '127.0.0.1:{grpc}'{tls}}}
      http: {{endpoint: '127.0.0.1:{http}'{tls}}}
processors:
{processors}
exporters:
  file: {{path: '{}', rotation: {{max_megabytes: 100000}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], processors: [{}], exporters: [file]}}
",
            self.output.display(),
            names.join(", "),
        )
    }
}
