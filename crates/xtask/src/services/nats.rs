//! NATS with JetStream.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::server::connect;
use super::service::{Address, Place, Service, find};

#[derive(Debug)]
pub(crate) struct Nats;

impl Service for Nats {
    fn name(&self) -> &'static str {
        "nats"
    }

    fn variable(&self) -> &'static str {
        "TRACEWIRE_NATS_URL"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["nats-server"]
    }

    fn program(&self) -> Option<PathBuf> {
        find("nats-server")
    }

    fn command(&self, program: &Path, place: &Place) -> Command {
        let mut command = place.command(program);
        command
            .args(["--addr", "127.0.0.1", "--port", &place.port.to_string()])
            .args(["--jetstream", "--store_dir"])
            .arg(place.data.join("data"));
        command
    }

    fn is_ready(&self, place: &Place) -> bool {
        // The server speaks first, of itself; then it answers a client that says hello.
        let Some(server) = connect(place.address()) else {
            return false;
        };
        let mut hello = &server;
        let mut lines = BufReader::new(&server).lines().map_while(Result::ok);
        lines.next().is_some_and(|it| it.starts_with("INFO ") && it.contains("\"jetstream\":true"))
            && hello.write_all(b"CONNECT {\"verbose\":false}\r\nPING\r\n").is_ok()
            && lines.next().is_some_and(|line| line == "PONG")
    }

    fn url(&self, place: &Place) -> String {
        format!("nats://{}", place.address())
    }

    /// The program too, for tests that start and kill servers of their own.
    fn more(&self, program: &Path, _place: &Place) -> Vec<Address> {
        vec![("TRACEWIRE_NATS_SERVER", program.display().to_string())]
    }
}
