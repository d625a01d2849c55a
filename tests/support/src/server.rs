//! A server of a test's own, which can be killed.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use crate::PATIENCE;

/// Runs until it is killed or dropped.
#[derive(Debug)]
pub struct Server(Child);

impl Server {
    /// Starts a program and waits until it has written a line with `ready` in it, to its standard
    /// output or its standard error: whichever is piped.
    ///
    /// # Errors
    /// What it has written, when it ended without that line or took too long.
    ///
    /// # Panics
    /// When there is no such program, or neither is piped.
    pub fn start(command: &mut Command, ready: &str) -> Result<Self, String> {
        let mut server = Self(command.stdin(Stdio::null()).spawn().expect("a program"));
        let lines = match (server.0.stdout.take(), server.0.stderr.take()) {
            (Some(output), _) => lines(output),
            (None, Some(errors)) => lines(errors),
            (None, None) => panic!("nothing is piped"),
        };
        let deadline = Instant::now() + PATIENCE;
        let mut log = String::new();
        while let Ok(line) = lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            if line.contains(ready) {
                return Ok(server);
            }
            log.push_str(&line);
            log.push('\n');
        }
        Err(log)
    }

    /// Kills it, whatever it is doing.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a program writes, read to the end whether anybody listens or not: it is never stopped by a
/// full pipe.
fn lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (send, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = send.send(line);
        }
    });
    lines
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::Server;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_server_is_ready_when_it_says_so() {
        let forever = "echo begins; echo is ready now; exec tail -f /dev/null";
        let mut server = Server::start(shell(forever).stdout(Stdio::piped()), "ready").unwrap();
        server.kill();
        let complains = "echo not this; echo is ready >&2; exec tail -f /dev/null";
        let command = &mut shell(complains);
        Server::start(command.stdout(Stdio::null()).stderr(Stdio::piped()), "ready").unwrap();
    }

    #[test]
    fn a_server_that_ends_leaves_its_log() {
        let command = &mut shell("echo no port; echo is free");
        let log = Server::start(command.stdout(Stdio::piped()), "ready").unwrap_err();
        assert_eq!(log, "no port\nis free\n");
    }
}
