//! Real brokers: the one that is shared, and one of a test's own that it may kill.
#![allow(clippy::panic, clippy::expect_used, reason = "tests fail by panicking")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

const VARIABLE: &str = "TRACEWIRE_AMQP_URL";

/// Lays out a node of RabbitMQ in a folder and becomes it.
const SCRIPT: &str = include_str!("../../../crates/xtask/src/services/rabbitmq.sh");

/// Where the shared RabbitMQ is: what `TRACEWIRE_AMQP_URL` says, in the environment or in what
/// `cargo xtask services up` wrote.
///
/// # Panics
/// When nobody says. These tests are never skipped.
pub fn amqp_url() -> String {
    std::env::var(VARIABLE)
        .ok()
        .or_else(|| env_files().find_map(|file| url_in(&std::fs::read_to_string(file).ok()?)))
        .unwrap_or_else(|| {
            panic!("no RabbitMQ to test with: run `cargo xtask services up`, or set {VARIABLE}")
        })
}

/// The address in a file of `KEY=VALUE` lines.
fn url_in(lines: &str) -> Option<String> {
    let value = |line: &str| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == VARIABLE).then(|| value.trim().to_owned())
    };
    lines.lines().find_map(value)
}

/// Where the services may have been written down, nearest first.
fn env_files() -> impl Iterator<Item = PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let targets = target.into_iter().chain(above.map(|folder| folder.join("target")));
    targets.map(|target| target.join("services").join("env"))
}

/// A name for a queue or an exchange that no other test uses.
pub fn name(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    format!("tracewire-{}-{now}-{next}-{what}", std::process::id())
}

/// A RabbitMQ of a test's own, with its data in a folder of its own.
#[derive(Debug)]
pub struct Broker {
    process: Child,
    folder: PathBuf,
    ports: [u16; 3],
}

impl Broker {
    /// Starts a broker and waits until it says that it is ready.
    ///
    /// # Panics
    /// When RabbitMQ is not installed or does not start.
    pub async fn start() -> Self {
        let folder = std::env::temp_dir().join(name("rabbitmq"));
        std::fs::create_dir_all(&folder).expect("a folder for the broker");
        let free = || TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let listeners = [free(), free(), free()];
        let ports = listeners.map(|it| it.local_addr().expect("an address").port());
        let process = launch(&folder, ports).await;
        Self { process, folder, ports }
    }

    /// How to connect to it.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.ports[0])
    }

    /// Waits until the definition of a queue is on disk. The broker confirms a definition earlier than
    /// that, unlike a message, and forgets the queue with all in it if it is killed in between.
    ///
    /// # Panics
    /// When it is not there within 30 seconds.
    pub async fn remembers(&self, queue: &str) {
        const PATIENCE: Duration = Duration::from_secs(30);
        let database = self.folder.join("data").join("tracewire@localhost");
        let is_written = || {
            let mut files = std::fs::read_dir(&database).into_iter().flatten().flatten();
            files.any(|file| contains(&std::fs::read(file.path()).unwrap_or_default(), queue))
        };
        let deadline = Instant::now() + PATIENCE;
        while !is_written() {
            assert!(Instant::now() < deadline, "the definition of {queue} is not written");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills it, whatever it is doing.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub async fn kill(&mut self) {
        self.process.kill().await.expect("the broker can be killed");
    }

    /// Starts it again, at the same address and with the same data.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&mut self) {
        self.process = launch(&self.folder, self.ports).await;
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

async fn launch(folder: &Path, ports: [u16; 3]) -> Child {
    const PATIENCE: Duration = Duration::from_secs(60);
    let programs = ["/usr/lib/rabbitmq/bin/rabbitmq-server", "/usr/sbin/rabbitmq-server"];
    let program = programs.iter().find(|program| Path::new(program).is_file());
    let program = program.expect("RabbitMQ must be installed: run `cargo xtask services up`");
    let mut process = Command::new("/bin/sh")
        .args(["-c", SCRIPT, "rabbitmq", program])
        .arg(folder)
        .args(ports.map(|port| port.to_string()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .expect("a shell");
    let output = process.stdout.take().expect("the output is piped");
    let mut lines = BufReader::new(output).lines();
    let mut log = String::new();
    let ready = async {
        while let Ok(Some(line)) = lines.next_line().await {
            if line.contains("Server startup complete") {
                return true;
            }
            log.push_str(&line);
            log.push('\n');
        }
        false
    };
    let is_ready = tokio::time::timeout(PATIENCE, ready).await.unwrap_or(false);
    assert!(is_ready, "the broker did not start:\n{log}");
    // The log goes on being read, so that the broker is never stopped by a full pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    process
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It would write into the folder until the very end.
        let _ = self.process.start_kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::url_in;

    #[test]
    fn the_address_is_found_among_other_lines() {
        for (lines, url) in [
            ("TRACEWIRE_AMQP_URL=amqp://127.0.0.1:7000/%2f\n", Some("amqp://127.0.0.1:7000/%2f")),
            ("A=1\n TRACEWIRE_AMQP_URL = amqp://h/?a=b \nB", Some("amqp://h/?a=b")),
            ("TRACEWIRE_AMQP_URL_2=x", None),
            ("", None),
        ] {
            assert_eq!(url_in(lines).as_deref(), url, "{lines}");
        }
    }
}
