//! The gateway as a process, and what the system knows of it.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::Error;

/// Ticks of a second in `/proc/PID/stat`, on every Linux.
const TICKS: u64 = 100;

pub(crate) struct Gateway {
    pub(crate) port: u16,
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
    id: u32,
}

impl Gateway {
    /// Starts it in front of this service, which takes its spans too.
    pub(crate) async fn start(upstream: &str, environment: &[(&str, &str)]) -> Result<Self, Error> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["gateway", upstream])
            .env("OTEL_SERVICE_NAME", "gateway")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", upstream)
            .env("RUST_LOG", "warn")
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let id = process.id().ok_or("the gateway ended at once")?;
        let output = process.stdout.take().ok_or("the gateway has no output")?;
        let mut output = BufReader::new(output).lines();
        let port = output.next_line().await?.ok_or("the gateway ended at once")?.parse()?;
        Ok(Self { port, process, output, id })
    }

    /// The time that its threads have had a processor.
    pub(crate) fn processor_time(&self) -> Result<Duration, Error> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.id))?;
        // Behind the program's name, which may hold anything: state, …, utime and stime as the 12th and the 13th.
        let (_, fields) = text.rsplit_once(") ").ok_or("a stat without a name")?;
        let fields = fields.split(' ').skip(11).take(2).map(str::parse);
        let ticks: Vec<u64> = fields.collect::<Result<_, _>>()?;
        Ok(Duration::from_millis(ticks.iter().sum::<u64>() * (1000 / TICKS)))
    }

    /// The most memory that was resident so far, in KiB.
    pub(crate) fn most_memory(&self) -> Result<u64, Error> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.id))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|it| it.trim().strip_suffix(" kB"));
        Ok(kib.ok_or("a status without VmHWM")?.trim().parse()?)
    }

    /// Lets it end, and hands on what it prints then.
    pub(crate) async fn stop(mut self) -> Result<String, Error> {
        drop(self.process.stdin.take());
        let last = self.output.next_line().await?.ok_or("the gateway broke off")?;
        let status = self.process.wait().await?;
        if status.success() {
            Ok(last)
        } else {
            Err(format!("the gateway ended with {status}").into())
        }
    }
}
