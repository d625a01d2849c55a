//! The processes, one for each service: started from the last to be called to the first, stopped together.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::Error;
use crate::options::Options;
use crate::services::{self, Service};
use crate::stores::Stores;

/// The running services.
pub(crate) struct Fleet {
    processes: Vec<Process>,
    stores: Stores,
}

struct Process {
    service: Service,
    url: String,
    child: Child,
}

impl Fleet {
    /// Starts every service, telling each where the ones it calls are and where spans go.
    pub(crate) async fn start(options: &Options, collector: &str) -> Result<Self, Error> {
        let mut fleet = Self { processes: Vec::new(), stores: Stores::open().await? };
        let broker = fleet.stores.broker_url.is_some().then_some(Service::Fulfilment);
        for service in broker.into_iter().chain(Service::CALLEES_FIRST) {
            let process = fleet.start_one(service, options, collector).await;
            fleet
                .processes
                .push(process.map_err(|error| format!("{service} does not start: {error}"))?);
        }
        Ok(fleet)
    }

    async fn start_one(
        &self,
        service: Service,
        options: &Options,
        collector: &str,
    ) -> Result<Process, Error> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env(services::SERVICE, service.name());
        command.env(services::DATABASE_URL, &self.stores.database_url);
        command.env(services::REDIS_URL, &self.stores.redis_url);
        match &self.stores.broker_url {
            Some(url) => command.env(services::BROKER_URL, url),
            None => command.env_remove(services::BROKER_URL),
        };
        command.env("OTEL_SERVICE_NAME", service.name());
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector);
        if options.collector.is_none() {
            command.env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
            // Only spans are shown here.
            command.env("OTEL_METRICS_EXPORTER", "none");
        }
        if std::env::var_os("OTEL_BSP_SCHEDULE_DELAY").is_none() {
            command.env("OTEL_BSP_SCHEDULE_DELAY", "100");
        }
        if std::env::var_os("RUST_LOG").is_none() {
            command.env("RUST_LOG", "warn");
        }
        for process in &self.processes {
            command.env(process.service.url_variable(), &process.url);
        }
        for (name, on) in [
            (services::SLOW, options.slow_bank && service == Service::BankApi),
            (services::OUT_OF_ORDER, options.fail_payment && service == Service::BankApi),
            (services::METRICS, options.metrics),
            (services::DROP_HEADERS, options.drop_headers == Some(service)),
        ] {
            if on {
                command.env(name, "true");
            }
        }
        // A service runs until its input ends, so none outlives this process, whatever ends it.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or("it has no output")?;
        let url = BufReader::new(output).lines().next_line().await?.ok_or("it ended at once")?;
        Ok(Process { service, url, child })
    }

    /// Where a service listens.
    pub(crate) fn url(&self, service: Service) -> &str {
        let process = self.processes.iter().find(|process| process.service == service);
        process.map_or("", |process| &process.url)
    }

    /// Where all that listen do, the gateway first.
    pub(crate) fn urls(&self) -> impl Iterator<Item = &str> {
        let urls = self.processes.iter().rev().map(|process| process.url.as_str());
        urls.filter(|url| url.starts_with("http"))
    }

    /// Lets every service finish what it is doing and send its last spans.
    pub(crate) async fn stop(self) -> Result<(), Error> {
        for mut process in self.processes.into_iter().rev() {
            drop(process.child.stdin.take());
            let status = process.child.wait().await?;
            if !status.success() {
                return Err(format!("{} ended with {status}", process.service).into());
            }
        }
        Ok(())
    }
}
