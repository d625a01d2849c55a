//! The traced process, driven line by line.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};

use crate::PATIENCE;

/// A process with telemetry of its own, and nothing of this process's environment. It has a service
/// name, unless it is given an empty one.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    answers: Receiver<String>,
    errors: Option<JoinHandle<String>>,
}

impl Child {
    /// Starts `program`, the puppet, with `key=value` settings and environment variables.
    pub fn start(program: &str, settings: &[(&str, &str)], variables: &[(&str, &str)]) -> Self {
        let mut process = Command::new(program)
            .args(settings.iter().map(|(key, value)| format!("{key}={value}")))
            .env_clear()
            .env("OTEL_SERVICE_NAME", "puppet")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut errors = process.stderr.take().unwrap();
        let (answer, answers) = channel();
        thread::spawn(move || {
            for line in output.lines() {
                let _ = answer.send(line.unwrap());
            }
        });
        let errors = thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).unwrap();
            text
        });
        Self { process, answers, errors: Some(errors) }
    }

    /// Says one thing and waits for the answer.
    #[track_caller]
    pub fn say(&mut self, command: &str) -> String {
        writeln!(self.process.stdin.as_mut().unwrap(), "{command}").unwrap();
        self.line(command)
    }

    /// The next line that it writes, after this command.
    #[track_caller]
    pub fn line(&mut self, command: &str) -> String {
        match self.answers.recv_timeout(PATIENCE) {
            Ok(answer) => answer,
            Err(_) => panic!("no answer to {command:?}; {}", self.abort()),
        }
    }

    /// Says one thing to which the answer should be `ok`.
    #[track_caller]
    pub fn ok(&mut self, command: &str) {
        let answer = self.say(command);
        assert_eq!(answer, "ok", "{command}: {}", self.abort_unless(answer == "ok"));
    }

    /// Serves a request; the headers of the request it sends.
    #[track_caller]
    pub fn trace(&mut self, headers: &str) -> BTreeMap<String, String> {
        let answer = self.say(&format!("trace {headers}"));
        let pairs = answer.split_whitespace().filter_map(|it| it.split_once('='));
        pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    /// Sends a signal by its name, such as `TERM`.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status().unwrap();
        assert!(status.success());
    }

    /// Drops the guard; how many milliseconds that took.
    #[track_caller]
    pub fn drop_guard(&mut self) -> u64 {
        let answer = self.say("drop");
        answer.parse().unwrap_or_else(|_| panic!("{answer}"))
    }

    /// Lets the process end, which must succeed; what it wrote to standard error.
    #[track_caller]
    pub fn end(mut self) -> String {
        drop(self.process.stdin.take());
        let closed = loop {
            match self.answers.recv_timeout(PATIENCE) {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        if closed == std::sync::mpsc::RecvTimeoutError::Timeout {
            panic!("the process does not end; {}", self.abort());
        }
        let status = self.process.wait().unwrap();
        let errors = self.errors.take().unwrap().join().unwrap();
        assert!(status.success(), "{status}: {errors}");
        errors
    }

    fn abort_unless(&mut self, well: bool) -> String {
        if well { String::new() } else { self.abort() }
    }

    fn abort(&mut self) -> String {
        let _ = self.process.kill();
        let errors = self.errors.take().map(|errors| errors.join().unwrap());
        errors.unwrap_or_default()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
