//! RabbitMQ: one node without plugins, whose `guest` may do everything.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::server::connect;
use super::service::{Place, Service, find};

#[derive(Debug)]
pub(crate) struct RabbitMq;

/// Lays out a node in a folder and becomes it.
const SCRIPT: &str = include_str!("rabbitmq.sh");

impl Service for RabbitMq {
    fn name(&self) -> &'static str {
        "rabbitmq"
    }

    fn variable(&self) -> &'static str {
        "TRACEWIRE_AMQP_URL"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["rabbitmq-server"]
    }

    /// Debian's own start script insists on an account of its own, so the one below it comes first.
    fn program(&self) -> Option<PathBuf> {
        let script = Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server");
        if script.is_file() { Some(script.to_owned()) } else { find("rabbitmq-server") }
    }

    /// Those of Erlang's distribution and of its port mapper.
    fn further_ports(&self) -> usize {
        2
    }

    fn command(&self, program: &Path, place: &Place) -> Command {
        let mut command = place.command(Path::new("/bin/sh"));
        command.args(["-c", SCRIPT, "rabbitmq"]).arg(program).arg(&place.data);
        command.args(place.ports().map(|port| port.to_string()));
        command
    }

    fn is_ready(&self, place: &Place) -> bool {
        // The header of AMQP 0-9-1. The server answers with a method, frame type 1, of the connection, channel 0; to a
        // header that it does not like with one of its own.
        let mut answer = [0xff; 3];
        connect(place.address()).is_some_and(|mut server| {
            server.write_all(b"AMQP\0\0\x09\x01").is_ok()
                && server.read_exact(&mut answer).is_ok()
                && answer == [1, 0, 0]
        })
    }

    fn url(&self, place: &Place) -> String {
        format!("amqp://guest:guest@{}/%2f", place.address())
    }

    /// Asked kindly, it takes seconds.
    fn stop_signal(&self) -> &'static str {
        "KILL"
    }
}
