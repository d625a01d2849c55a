//! Cargo subcommands that the checks need: the one on the PATH if it fits, else built once into `target/tools`.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::Result;
use crate::process;
use crate::workspace;

/// A cargo subcommand published as a crate of the same name.
pub(crate) struct Tool {
    /// The crate and its binary, `cargo-hack`.
    name: &'static str,
    /// What is built when no fitting one is there.
    version: &'static str,
    /// What any fitting version begins with.
    series: &'static str,
}

pub(crate) const HACK: Tool = Tool {
    name: "cargo-hack",
    version: "0.6.46",
    series: "0.6.",
};

pub(crate) const DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
    series: "0.20.",
};

impl Tool {
    /// Finds or builds the tool.
    pub(crate) fn ensure(&self) -> Result<PathBuf> {
        let root = workspace::scratch("tools");
        let built = root.join("bin").join(self.name);
        for candidate in [built.clone(), PathBuf::from(self.name)] {
            if let Some(version) = self.version_of(&candidate) {
                println!("{} {version} is there", self.name);
                return Ok(candidate);
            }
        }
        let build = root.join("build");
        // Unoptimised, as it is built more often than it has real work to do.
        process::run(
            process::cargo("install --locked --debug --force")
                .args([self.name, "--version", self.version, "--root"])
                .arg(&root)
                .env("CARGO_TARGET_DIR", &build),
        )?;
        // The intermediate files are of no further use; what cannot be removed does no harm.
        let _ = std::fs::remove_dir_all(&build);
        match self.version_of(&built) {
            Some(_) => Ok(built),
            None => Err(format!("{} was built, but does not run", built.display()).into()),
        }
    }

    /// The version of a program, if it is this tool in a version that fits.
    fn version_of(&self, program: &PathBuf) -> Option<String> {
        let text = process::output(Command::new(program).arg("--version"))?;
        let version = text.trim().strip_prefix(self.name)?.trim();
        version.starts_with(self.series).then(|| version.to_owned())
    }
}
