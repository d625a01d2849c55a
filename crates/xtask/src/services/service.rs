//! What there is to know about one kind of server. Starting, watching and stopping is the same for all of them.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::account::Account;
use crate::failure::{Context, Result};
use crate::process;

/// One kind of server.
pub(crate) trait Service: Sync {
    /// What people call it, and the name of its files.
    fn name(&self) -> &'static str;

    /// The environment variable that carries its address. One that is set already means: use that server.
    fn variable(&self) -> &'static str;

    /// The Debian packages that bring it, or that `fetch` needs.
    fn packages(&self) -> &'static [&'static str];

    /// Where its program is, or `None` when it is not installed.
    fn program(&self) -> Option<PathBuf>;

    /// Brings what no package does.
    fn fetch(&self) -> Result<()> {
        Ok(())
    }

    /// Whom it runs as.
    fn account(&self) -> Result<Account> {
        Account::for_servers()
    }

    /// Lays out the data that it needs before it can start.
    fn prepare(&self, program: &Path, place: &Place) -> Result<()> {
        let _ = (program, place);
        Ok(())
    }

    /// The server itself, staying in the foreground.
    fn command(&self, program: &Path, place: &Place) -> Command;

    /// Whether it answers in its own protocol, ready for clients.
    fn is_ready(&self, place: &Place) -> bool;

    /// The address that clients use.
    fn url(&self, place: &Place) -> String;

    /// What else tests may want to know, as environment variables of their own.
    fn more(&self, program: &Path, place: &Place) -> Vec<Address> {
        let _ = (program, place);
        Vec::new()
    }

    /// How many ports it listens on besides that for clients.
    fn further_ports(&self) -> usize {
        0
    }

    /// The signal that makes it stop without delay; what it has not written yet does not matter.
    fn stop_signal(&self) -> &'static str {
        "TERM"
    }
}

/// An environment variable and what it says.
pub(crate) type Address = (&'static str, String);

/// Where one server runs: a folder and ports of its own.
#[derive(Debug)]
pub(crate) struct Place {
    /// An empty folder that the server's account owns.
    pub(crate) data: PathBuf,
    /// A port that was free a moment ago: the one that clients use.
    pub(crate) port: u16,
    /// The further ports that the service asked for.
    pub(crate) others: Vec<u16>,
    /// Whom the server runs as.
    pub(crate) account: Account,
}

impl Place {
    /// The address to listen on.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// All ports, that for clients first.
    pub(crate) fn ports(&self) -> impl Iterator<Item = u16> {
        std::iter::once(self.port).chain(self.others.iter().copied())
    }

    /// A program that runs here: as the server's account, in its folder, with a bare environment.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        self.account.apply(&mut command);
        command
            .current_dir(&self.data)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.data)
            .env("LC_ALL", "C.UTF-8");
        command
    }

    /// Runs a program that ends by itself, silently unless it fails.
    pub(crate) fn run(&self, command: &mut Command) -> Result<()> {
        let name = process::shown(command);
        let output = command.output().context(&name)?;
        if output.status.success() {
            return Ok(());
        }
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed).into_owned();
        Err(format!("`{name}` ended with {}\n{printed}", output.status).into())
    }

    /// Writes a file that the server's account can read, and returns its path.
    pub(crate) fn write(&self, name: &str, content: &str) -> Result<PathBuf> {
        let path = self.data.join(name);
        std::fs::write(&path, content).context(path.display())?;
        self.account.own(&path)?;
        Ok(path)
    }
}

/// Finds a program on the PATH and where Debian keeps servers, which a user's PATH may lack.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}
