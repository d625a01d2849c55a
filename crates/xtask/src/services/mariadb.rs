//! MariaDB, which stands for MySQL too: one database and one account that may do everything.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::server::connect;
use super::service::{Place, Service, find};
use crate::failure::Result;

#[derive(Debug)]
pub(crate) struct MariaDb;

/// Runs before the server takes its first client.
const SET_UP: &str = "CREATE DATABASE tracewire CHARACTER SET utf8mb4;
CREATE USER 'tracewire'@'%' IDENTIFIED BY 'tracewire';
GRANT ALL ON *.* TO 'tracewire'@'%' WITH GRANT OPTION;
";

impl Service for MariaDb {
    fn name(&self) -> &'static str {
        "mariadb"
    }

    fn variable(&self) -> &'static str {
        "TRACEWIRE_MYSQL_URL"
    }

    /// Only the programs: the packages around them would start a server of the machine's.
    fn packages(&self) -> &'static [&'static str] {
        &["mariadb-server-core", "mariadb-client-core"]
    }

    fn program(&self) -> Option<PathBuf> {
        find("my_print_defaults").and_then(|_| find("mariadbd"))
    }

    fn prepare(&self, _program: &Path, place: &Place) -> Result<()> {
        place.write("set-up.sql", SET_UP)?;
        let mut install = place.command(Path::new("mariadb-install-db"));
        install
            .args(["--no-defaults", "--auth-root-authentication-method=normal"])
            .args(["--skip-test-db", "--skip-name-resolve"])
            .arg(option("--datadir", &place.data.join("data")));
        place.run(&mut install)
    }

    fn command(&self, program: &Path, place: &Place) -> Command {
        let mut command = place.command(program);
        command
            .args(["--no-defaults", "--bind-address=127.0.0.1"])
            .args(["--skip-name-resolve", "--skip-log-bin"])
            .args(["--innodb-flush-log-at-trx-commit=0", "--max-connections=200"])
            .arg(format!("--port={}", place.port))
            .arg(option("--datadir", &place.data.join("data")))
            .arg(option("--tmpdir", &place.data))
            .arg(option("--socket", &place.data.join("socket")))
            .arg(option("--pid-file", &place.data.join("pid")))
            .arg(option("--init-file", &place.data.join("set-up.sql")));
        command
    }

    fn is_ready(&self, place: &Place) -> bool {
        // The server speaks first: four bytes of frame, then its protocol version, 10; an error packet has 255.
        let mut greeting = [0; 5];
        connect(place.address())
            .is_some_and(|mut server| server.read_exact(&mut greeting).is_ok() && greeting[4] == 10)
    }

    fn url(&self, place: &Place) -> String {
        let address = place.address();
        format!("mysql://tracewire:tracewire@{address}/tracewire")
    }
}

fn option(name: &str, path: &Path) -> String {
    format!("{name}={}", path.display())
}
