//! Whom servers run as: `nobody` when we are root, which several of them refuse to be; else ourselves.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::failure::{Context, Result};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Account {
    /// The one that runs this program.
    Own,
    /// Another one, which only root can become.
    Other { user: u32, group: u32 },
}

impl Account {
    /// The account for servers.
    pub(crate) fn for_servers() -> Result<Self> {
        if !is_root() {
            return Ok(Self::Own);
        }
        let accounts = fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
        ids_of("nobody", &accounts)
            .map(|(user, group)| Self::Other { user, group })
            .ok_or_else(|| "servers must not run as root, and there is no account `nobody`".into())
    }

    /// Lets a program run as this account, without further groups.
    pub(crate) fn apply(self, command: &mut Command) {
        if let Self::Other { user, group } = self {
            command.uid(user).gid(group);
        }
    }

    /// Gives a file to this account.
    pub(crate) fn own(self, path: &Path) -> Result<()> {
        match self {
            Self::Own => Ok(()),
            Self::Other { user, group } => {
                chown(path, Some(user), Some(group)).context(path.display())
            }
        }
    }
}

/// Whether this program runs as root.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// User and group id of an account in the text of `/etc/passwd`.
fn ids_of(name: &str, accounts: &str) -> Option<(u32, u32)> {
    let mut fields = accounts
        .lines()
        .map(|line| line.split(':'))
        .find_map(|mut fields| (fields.next() == Some(name)).then_some(fields))?
        .skip(1);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::ids_of;

    #[test]
    fn ids_come_from_the_third_and_fourth_field() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533:n:/:/bin/false\n";
        assert_eq!(ids_of("nobody", accounts), Some((65534, 65533)));
        assert_eq!(ids_of("root", accounts), Some((0, 0)));
        assert_eq!(ids_of("body", accounts), None);
        assert_eq!(ids_of("x", "x:y\n"), None);
    }
}
