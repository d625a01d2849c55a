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
        Ok(Duration::from_millis(ticks(&text)? * (1000 / TICKS)))
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

/// The time that a process has had a processor: 12th and 13th behind the program's name, which may hold anything.
fn ticks(stat: &str) -> Result<u64, Error> {
    let (_, fields) = stat.rsplit_once(") ").ok_or("a stat without a name")?;
    let fields = fields.split(' ').skip(11).take(2).map(str::parse);
    let ticks: Vec<u64> = fields.collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::ticks;

    #[test]
    fn user_and_system_time_are_added() {
        let stat = "4711 (a (b) c) S 1 4711 4711 0 -1 4194304 100 0 0 0 37 5 9 9 20 0 3 0 1 2\n";
        assert_eq!(ticks(stat).expect("a stat"), 42);
        assert!(ticks("").is_err());
    }
}
