//! Redis, in memory only.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::server::connect;
use super::service::{Place, Service, find};

#[derive(Debug)]
pub(crate) struct Redis;

impl Service for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn variable(&self) -> &'static str {
        "TRACEWIRE_REDIS_URL"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["redis-server"]
    }

    fn program(&self) -> Option<PathBuf> {
        find("redis-server")
    }

    fn command(&self, program: &Path, place: &Place) -> Command {
        let mut command = place.command(program);
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &place.port.to_string()]);
        command
    }

    fn is_ready(&self, place: &Place) -> bool {
        let mut answer = [0; 7];
        connect(place.address()).is_some_and(|mut server| {
            server.write_all(b"PING\r\n").is_ok()
                && server.read_exact(&mut answer).is_ok()
                && answer == *b"+PONG\r\n"
        })
    }

    fn url(&self, place: &Place) -> String {
        let address = place.address();
        format!("redis://{address}/")
    }
}
