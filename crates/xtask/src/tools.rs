//! Cargo subcommands that the checks need: the one on the PATH if it fits, else built once into `target/tools`.

use std::path::Path;
use std::process::Command;

use crate::failure::Result;
use crate::process;
use crate::workspace;

/// A cargo subcommand, `cargo NAME`, published as a crate `cargo-NAME`.
pub(crate) struct Tool {
    /// What follows `cargo`.
    name: &'static str,
    /// What is built when no fitting one is there.
    version: &'static str,
    /// What any fitting version begins with.
    series: &'static str,
}

pub(crate) const HACK: Tool = Tool { name: "hack", version: "0.6.46", series: "0.6." };

pub(crate) const DENY: Tool = Tool { name: "deny", version: "0.20.2", series: "0.20." };

impl Tool {
    /// Finds or builds the tool, and returns it ready for its arguments.
    pub(crate) fn ensure(&self) -> Result<Command> {
        let binary = format!("cargo-{}", self.name);
        let root = workspace::scratch("tools");
        let built = root.join("bin").join(&binary);
        for candidate in [built.as_path(), Path::new(&binary)] {
            if let Some(version) = self.version_of(candidate) {
                println!("{binary} {version} is there");
                return Ok(self.command(candidate));
            }
        }
        let build = root.join("build");
        // Unoptimised, as it is built more often than it has real work to do.
        process::run(
            process::cargo("install --locked --debug --force")
                .args([&binary, "--version", self.version, "--root"])
                .arg(&root)
                .env("CARGO_TARGET_DIR", &build),
        )?;
        // The intermediate files are of no further use; what cannot be removed does no harm.
        let _ = std::fs::remove_dir_all(&build);
        match self.version_of(&built) {
            Some(_) => Ok(self.command(&built)),
            None => Err(format!("{} was built, but does not run", built.display()).into()),
        }
    }

    /// A tool as cargo would call it: the subcommand's name comes first again.
    fn command(&self, program: &Path) -> Command {
        let mut command = process::program(program);
        command.arg(self.name);
        command
    }

    /// The version of a program, if it is this tool in a version that fits.
    fn version_of(&self, program: &Path) -> Option<String> {
        let text = process::output(self.command(program).arg("--version"))?;
        let version = text.split_whitespace().next_back()?;
        version.starts_with(self.series).then(|| version.to_owned())
    }
}
