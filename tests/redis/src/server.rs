//! A Redis of a test's own, on a socket.
#![allow(clippy::panic, clippy::expect_used, reason = "tests fail by panicking")]

use std::process::{Command, Stdio};

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _};
use test_support::Files;

/// Runs until it is killed or dropped.
#[derive(Debug)]
pub struct Server {
    // Dropped in this order: it would write into the folder until the very end.
    process: test_support::Server,
    files: Files,
}

impl Server {
    /// Starts a server and waits until it says that it is ready.
    ///
    /// # Panics
    /// When `redis-server` is not installed or does not start.
    pub fn start() -> Self {
        let files = Files::new();
        let mut command = Command::new("redis-server");
        command
            .args(["--port", "0", "--save", "", "--appendonly", "no"])
            .arg("--unixsocket")
            .arg(files.path().join("socket"))
            .current_dir(files.path())
            .stdout(Stdio::piped());
        match test_support::Server::start(&mut command, "eady to accept connections") {
            Ok(process) => Self { process, files },
            Err(log) => panic!("the server did not start:\n{log}"),
        }
    }

    /// How to connect to it.
    pub fn info(&self) -> ConnectionInfo {
        let socket = ConnectionAddr::Unix(self.files.path().join("socket"));
        socket.into_connection_info().expect("a socket is an address")
    }

    /// Kills it, whatever it is doing.
    pub fn kill(&mut self) {
        self.process.kill();
    }
}
