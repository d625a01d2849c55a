//! A RabbitMQ of a test's own.
#![allow(clippy::panic, clippy::expect_used, reason = "tests fail by panicking")]

use std::path::Path;
use std::process::{Command, Stdio};

use test_support::{Files, Server, free_ports, until};

/// Lays out a node of RabbitMQ in a folder and becomes it.
const SCRIPT: &str = include_str!("../../../crates/xtask/src/services/rabbitmq.sh");

/// A RabbitMQ of a test's own, with its data in a folder of its own.
#[derive(Debug)]
pub struct Broker {
    // Dropped in this order: it would write into the folder until the very end.
    process: Server,
    files: Files,
    ports: [u16; 3],
}

impl Broker {
    /// Starts a broker and waits until it says that it is ready.
    ///
    /// # Panics
    /// When RabbitMQ is not installed or does not start.
    pub fn start() -> Self {
        let (files, ports) = (Files::new(), free_ports());
        Self { process: launch(files.path(), ports), files, ports }
    }

    /// How to connect to it.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.ports[0])
    }

    /// Waits until the definition of a queue is on disk. The broker confirms a definition earlier than
    /// that, unlike a message, and forgets the queue with all in it if it is killed in between.
    pub async fn remembers(&self, queue: &str) {
        let database = self.files.path().join("data").join("tracewire@localhost");
        until("the definition of the queue", async || {
            let mut files = std::fs::read_dir(&database).into_iter().flatten().flatten();
            files.any(|file| contains(&std::fs::read(file.path()).unwrap_or_default(), queue))
        })
        .await;
    }

    /// Kills it, whatever it is doing.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, at the same address and with the same data.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.process = launch(self.files.path(), self.ports);
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn launch(folder: &Path, ports: [u16; 3]) -> Server {
    let programs = ["/usr/lib/rabbitmq/bin/rabbitmq-server", "/usr/sbin/rabbitmq-server"];
    let program = programs.iter().find(|program| Path::new(program).is_file());
    let program = program.expect("RabbitMQ must be installed: run `cargo xtask services up`");
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", SCRIPT, "rabbitmq", program])
        .arg(folder)
        .args(ports.map(|port| port.to_string()))
        .stdout(Stdio::piped());
    Server::start(&mut command, "Server startup complete")
        .unwrap_or_else(|log| panic!("the broker did not start:\n{log}"))
}
