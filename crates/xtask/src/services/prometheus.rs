//! Prometheus: scrapes every second whatever tests tell it to, exemplars included.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::server;
use super::service::{Address, Place, Service, find};
use crate::failure::{Context, Result};

#[derive(Debug)]
pub(crate) struct Prometheus;

/// Each test adds and removes a file of its own, so that they do not disturb each other.
const SETTINGS: &str = "global:
  scrape_interval: 1s
  scrape_timeout: 1s
storage:
  exemplars: {max_exemplars: 100000}
scrape_configs:
  - job_name: tests
    file_sd_configs:
      - files: ['targets/*.json']
        refresh_interval: 1s
";

impl Service for Prometheus {
    fn name(&self) -> &'static str {
        "prometheus"
    }

    fn variable(&self) -> &'static str {
        "TRACEWIRE_PROMETHEUS_URL"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["prometheus"]
    }

    fn program(&self) -> Option<PathBuf> {
        find("prometheus")
    }

    fn prepare(&self, _program: &Path, place: &Place) -> Result<()> {
        place.write("settings.yaml", SETTINGS)?;
        let targets = targets(place);
        std::fs::create_dir(&targets).context(targets.display())?;
        place.account.own(&targets)
    }

    fn command(&self, program: &Path, place: &Place) -> Command {
        let mut command = place.command(program);
        command
            .args(["--config.file=settings.yaml", "--storage.tsdb.path=data"])
            .args(["--enable-feature=exemplar-storage", "--web.enable-lifecycle"])
            .arg(format!("--web.listen-address={}", place.address()));
        command
    }

    fn is_ready(&self, place: &Place) -> bool {
        server::answers_http(place.address(), "/-/ready")
    }

    fn url(&self, place: &Place) -> String {
        format!("http://{}", place.address())
    }

    /// The folder for files that name what to scrape: `NAME.json` with `[{"targets": ["127.0.0.1:PORT"]}]`.
    fn more(&self, _program: &Path, place: &Place) -> Vec<Address> {
        vec![("TRACEWIRE_PROMETHEUS_TARGETS", targets(place).display().to_string())]
    }

    /// Asked kindly, it waits for what is under way.
    fn stop_signal(&self) -> &'static str {
        "KILL"
    }
}

fn targets(place: &Place) -> PathBuf {
    place.data.join("targets")
}
