//! What is made once from a checked-in recipe and kept in `target/tools`, as no Debian package brings it.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::failure::{Context, Result};
use crate::{process, workspace};

/// How often a program that fetches something is started before its failure counts.
const ATTEMPTS: u32 = 3;

/// Something to make.
pub(crate) struct Recipe {
    /// What is made, as part of the folder's name.
    pub(crate) name: &'static str,
    /// How it is made. Another text is another thing.
    pub(crate) text: &'static str,
}

impl Recipe {
    /// The folder with what was made, if it was.
    pub(crate) fn made(&self) -> Option<PathBuf> {
        let folder = self.folder();
        folder.is_dir().then_some(folder)
    }

    /// Makes it by a function that fills a new folder. Nothing is kept of what fails.
    pub(crate) fn make(&self, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let folder = self.folder();
        let new = folder.with_extension("new");
        if new.exists() {
            fs::remove_dir_all(&new).context(new.display())?;
        }
        fs::create_dir_all(&new).context(new.display())?;
        fill(&new)?;
        fs::rename(&new, &folder).context(folder.display())
    }

    fn folder(&self) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        self.text.hash(&mut hasher);
        workspace::scratch("tools").join(format!("{}-{:016x}", self.name, hasher.finish()))
    }
}

/// Runs a program that takes things from the network, again if it fails, and silently unless it goes on failing.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = process::shown(command);
    // It must not wait for an answer, nor mix its report with the addresses that we print.
    command.stdin(Stdio::null());
    let mut printed = Vec::new();
    for attempt in 1..=ATTEMPTS {
        eprintln!("$ {shown}");
        let output = command.output().context(&shown)?;
        if output.status.success() {
            return Ok(());
        }
        printed = [output.stdout, output.stderr].concat();
        if attempt < ATTEMPTS {
            sleep(Duration::from_secs(2));
        }
    }
    let printed = String::from_utf8_lossy(&printed);
    Err(format!("`{shown}` failed {ATTEMPTS} times:\n{printed}").into())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Recipe;

    #[test]
    fn only_what_was_made_to_the_end_is_kept() {
        let recipe = Recipe { name: "test", text: "one" };
        assert_ne!(recipe.folder(), Recipe { name: "test", text: "two" }.folder());

        let half = |new: &std::path::Path| {
            fs::write(new.join("half"), "").expect("a file");
            Err("it broke".into())
        };
        assert!(recipe.make(half).is_err());
        assert_eq!(recipe.made(), None);

        recipe.make(|_| Ok(())).expect("an empty folder can be made");
        let folder = recipe.made().expect("it was made");
        assert!(!folder.join("half").exists());
        fs::remove_dir_all(&folder).expect("it can be removed");
    }
}
