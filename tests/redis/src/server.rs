//! Real servers: the one that is shared, and one of a test's own that it may kill.
#![allow(clippy::panic, clippy::expect_used, reason = "tests fail by panicking")]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

const VARIABLE: &str = "TRACEWIRE_REDIS_URL";

/// Where the shared server is: what `TRACEWIRE_REDIS_URL` says, in the environment or in what
/// `cargo xtask services up` wrote.
///
/// # Panics
/// When nobody says. These tests are never skipped.
pub fn redis_url() -> String {
    std::env::var(VARIABLE)
        .ok()
        .or_else(|| env_files().find_map(|file| url_in(&std::fs::read_to_string(file).ok()?)))
        .unwrap_or_else(|| {
            panic!("no Redis to test with: run `cargo xtask services up`, or set {VARIABLE}")
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

/// A key that no other test uses.
pub fn key(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    format!("tracewire:{}:{now}:{next}:{name}", std::process::id())
}

/// A server of a test's own, on a socket in a folder of its own.
#[derive(Debug)]
pub struct Server {
    process: Child,
    folder: PathBuf,
}

impl Server {
    /// Starts a server and waits until it says that it is ready.
    ///
    /// # Panics
    /// When `redis-server` is not installed or does not start.
    pub async fn start() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = format!("tracewire-redis-{}-{next}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder).expect("a folder for the server");
        let mut process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no"])
            .arg("--unixsocket")
            .arg(folder.join("socket"))
            .current_dir(&folder)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("`redis-server` must be installed: run `cargo xtask services up`");
        let output = process.stdout.take().expect("the output is piped");
        let mut lines = BufReader::new(output).lines();
        let mut log = String::new();
        while let Some(line) = lines.next_line().await.expect("a log of text") {
            if line.contains("eady to accept connections") {
                // The log goes on being read, so that the server is never stopped by a full pipe.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Self { process, folder };
            }
            log.push_str(&line);
            log.push('\n');
        }
        panic!("the server did not start:\n{log}")
    }

    /// How to connect to it.
    pub fn info(&self) -> ConnectionInfo {
        let socket = ConnectionAddr::Unix(self.folder.join("socket"));
        socket.into_connection_info().expect("a socket is an address")
    }

    /// Kills it, whatever it is doing.
    pub async fn kill(&mut self) {
        self.process.kill().await.expect("the server can be killed");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_among_other_lines() {
        for (lines, url) in [
            ("TRACEWIRE_REDIS_URL=redis://127.0.0.1:7000/\n", Some("redis://127.0.0.1:7000/")),
            ("A=1\n TRACEWIRE_REDIS_URL = redis://h/?a=b \nB", Some("redis://h/?a=b")),
            ("TRACEWIRE_REDIS_URL_2=x", None),
            ("", None),
        ] {
            assert_eq!(url_in(lines).as_deref(), url, "{lines}");
        }
    }
}
