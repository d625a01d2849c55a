//! The OpenTelemetry Collector: takes OTLP over gRPC and HTTP, and writes all of it to a file.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::account::Account;
use super::recipe::{self, Recipe};
use super::server;
use super::service::{Address, Place, Service, find};
use crate::failure::{Context, Result};
use crate::process;

#[derive(Debug)]
pub(crate) struct Collector;

/// Of the same version as what it puts together.
const BUILDER: &str = "go.opentelemetry.io/collector/cmd/builder@v0.160.0";

const BUILT: Recipe = Recipe { name: "collector", text: include_str!("collector.yaml") };

impl Service for Collector {
    fn name(&self) -> &'static str {
        "collector"
    }

    fn variable(&self) -> &'static str {
        "TRACEWIRE_COLLECTOR_GRPC_URL"
    }

    /// None: Debian's Go is too old to build it.
    fn packages(&self) -> &'static [&'static str] {
        &[]
    }

    fn program(&self) -> Option<PathBuf> {
        BUILT.made().map(|folder| folder.join("collector"))
    }

    fn fetch(&self) -> Result<()> {
        let go = find("go").ok_or_else(|| {
            format!("it is built by Go: install that, or name a running one in {}", self.variable())
        })?;
        eprintln!("building the Collector, once; this takes some minutes");
        BUILT.make(|folder| build(&go, folder))
    }

    /// The program is in `target`, which other accounts may not be able to read.
    fn account(&self) -> Result<Account> {
        Ok(Account::Own)
    }

    /// Those of OTLP over HTTP and of the health check.
    fn further_ports(&self) -> usize {
        2
    }

    fn prepare(&self, _program: &Path, place: &Place) -> Result<()> {
        let [grpc, http, health] = endpoints(place);
        let file = output(place);
        let file = file.display();
        let settings = format!(
            "receivers:
  otlp: {{protocols: {{grpc: {{endpoint: '{grpc}'}}, http: {{endpoint: '{http}'}}}}}}
processors:
  batch: {{timeout: 50ms}}
exporters:
  debug: {{}}
  file: {{path: '{file}', flush_interval: 50ms}}
extensions:
  health_check: {{endpoint: '{health}'}}
service:
  extensions: [health_check]
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: &all {{receivers: [otlp], processors: [batch], exporters: [debug, file]}}
    metrics: *all
    logs: *all
"
        );
        place.write("settings.yaml", &settings).map(drop)
    }

    fn command(&self, program: &Path, place: &Place) -> Command {
        let mut command = place.command(program);
        command.args(["--config", "settings.yaml"]);
        command
    }

    fn is_ready(&self, place: &Place) -> bool {
        let health = place.others.last().copied().unwrap_or_default();
        server::answers_http(([127, 0, 0, 1], health).into(), "/")
    }

    fn url(&self, place: &Place) -> String {
        format!("http://{}", endpoints(place)[0])
    }

    /// The program too, for tests that start and kill Collectors of their own.
    fn more(&self, program: &Path, place: &Place) -> Vec<Address> {
        vec![
            ("TRACEWIRE_COLLECTOR_HTTP_URL", format!("http://{}", endpoints(place)[1])),
            ("TRACEWIRE_COLLECTOR_FILE", output(place).display().to_string()),
            ("TRACEWIRE_COLLECTOR_SERVER", program.display().to_string()),
        ]
    }

    /// Asked kindly, it waits for what is under way.
    fn stop_signal(&self) -> &'static str {
        "KILL"
    }
}

/// The addresses of OTLP over gRPC, OTLP over HTTP and the health check.
fn endpoints(place: &Place) -> [String; 3] {
    let mut ports = place.ports();
    std::array::from_fn(|_| format!("127.0.0.1:{}", ports.next().unwrap_or_default()))
}

/// Where everything that it receives can be read: a line of OTLP's JSON for each batch.
fn output(place: &Place) -> PathBuf {
    place.data.join("received.jsonl")
}

/// Builds the program in a folder and leaves nothing else there.
fn build(go: &Path, folder: &Path) -> Result<()> {
    let recipe = folder.join("builder.yaml");
    std::fs::write(&recipe, BUILT.text).context(recipe.display())?;
    // Modules that only tests of modules need may be missing (-e), and the program is of no commit (-buildvcs).
    let flags = process::output(Command::new(go).args(["env", "GOFLAGS"])).unwrap_or_default();
    let mut builder = process::program(go);
    builder
        .current_dir(folder)
        .env("GOFLAGS", format!("{} -e -buildvcs=false", flags.trim()))
        .args(["run", BUILDER, "--config", "builder.yaml", "--ldflags", "-s -w"]);
    recipe::run(&mut builder)?;
    let made = folder.join("build");
    std::fs::rename(made.join("collector"), folder.join("collector")).context(made.display())?;
    std::fs::remove_dir_all(&made).context(made.display())
}
