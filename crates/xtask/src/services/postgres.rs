//! PostgreSQL: a cluster of its own, with one database and a superuser who logs in by password.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::server::connect;
use super::service::{Place, Service, find};
use crate::failure::Result;

#[derive(Debug)]
pub(crate) struct Postgres;

impl Service for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn variable(&self) -> &'static str {
        "TRACEWIRE_POSTGRES_URL"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["postgresql"]
    }

    fn program(&self) -> Option<PathBuf> {
        newest_in_debian().or_else(|| find("postgres")?.canonicalize().ok())
    }

    fn prepare(&self, program: &Path, place: &Place) -> Result<()> {
        let password = place.write("password", "tracewire")?;
        let mut initdb = place.command(&program.with_file_name("initdb"));
        initdb
            .args(["--username=tracewire", "--auth=scram-sha-256"])
            .args(["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
            .arg("--pgdata")
            .arg(place.data.join("data"))
            .arg("--pwfile")
            .arg(password);
        place.run(&mut initdb)?;
        let statement = place.write("create.sql", "CREATE DATABASE tracewire;\n")?;
        let mut single = place.command(program);
        single.args(["--single", "-D", "data", "postgres"]).stdin(super::server::open(&statement)?);
        place.run(&mut single)
    }

    fn command(&self, program: &Path, place: &Place) -> Command {
        let mut command = place.command(program);
        command
            .args(["-D", "data", "-h", "127.0.0.1", "-p"])
            .arg(place.port.to_string())
            .arg("-k")
            .arg(&place.data)
            .args(["-c", "fsync=off", "-c", "max_connections=200"]);
        command
    }

    fn is_ready(&self, place: &Place) -> bool {
        // A start-up message of protocol 3.0. The answer is a request to authenticate (`R`) once the server takes
        // clients, an error (`E`) before.
        let parameters = b"user\0tracewire\0database\0tracewire\0\0";
        let length = (8 + parameters.len()) as u32;
        let mut message = length.to_be_bytes().to_vec();
        message.extend(196_608_u32.to_be_bytes());
        message.extend(parameters);
        let mut answer = [0];
        connect(place.address()).is_some_and(|mut server| {
            server.write_all(&message).is_ok()
                && server.read_exact(&mut answer).is_ok()
                && answer == *b"R"
        })
    }

    fn url(&self, place: &Place) -> String {
        let address = place.address();
        format!("postgres://tracewire:tracewire@{address}/tracewire")
    }

    /// Stops at once and takes the server's children along.
    fn stop_signal(&self) -> &'static str {
        "QUIT"
    }
}

/// Debian keeps each major version in a folder of its own, and none of them on the PATH.
fn newest_in_debian() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .filter_map(|version| {
            let path = version.ok()?.path();
            let number: u32 = path.file_name()?.to_str()?.parse().ok()?;
            let program = path.join("bin/postgres");
            program.is_file().then_some((number, program))
        })
        .max()
        .map(|(_, program)| program)
}
