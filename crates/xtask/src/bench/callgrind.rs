//! Counts instructions with valgrind's callgrind, which gives nearly the same figure on every run.

use std::fs;
use std::path::Path;

use crate::failure::{Context, Result};
use crate::services::install_packages;
use crate::{process, workspace};

/// The function of `bench/harness` outside which nothing is counted.
const COUNTED: &str = "bench_harness::instructions::callgrind_collects_this";

/// How many batches of operations are counted.
const BATCHES: u64 = 10;

/// Makes sure that valgrind is there.
pub(crate) fn ensure() -> Result<()> {
    let is_there = || process::output(process::program("valgrind").arg("--version")).is_some();
    if is_there() {
        return Ok(());
    }
    install_packages(&["valgrind"])?;
    if is_there() { Ok(()) } else { Err("valgrind was installed, but does not run".into()) }
}

/// The instructions that one operation of a case takes. Each case has a process of its own: what others leave behind in
/// the allocator would change the figure.
pub(crate) fn count(binary: &Path, case: &str) -> Result<u64> {
    // Several are counted at once.
    let name: String = case.chars().map(|it| if it.is_alphanumeric() { it } else { '-' }).collect();
    let dump = workspace::scratch(&format!("callgrind-{name}.out"));
    let mut command = process::program("valgrind");
    command
        .args(["--quiet", "--tool=callgrind"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(format!("--callgrind-out-file={}", dump.display()))
        .arg(binary)
        .args(["instructions", &BATCHES.to_string(), case])
        // Symbols are looked up at the start, and not while something is counted.
        .env("LD_BIND_NOW", "1");
    let text = process::output(&mut command)
        .ok_or_else(|| format!("`{}` failed", process::shown(&command)))?;
    let times: u64 = text.trim_end().parse().context(case)?;
    let text = fs::read_to_string(&dump).context(dump.display())?;
    fs::remove_file(&dump).context(dump.display())?;
    let total = total(&text).ok_or_else(|| format!("{case}: callgrind counted nothing"))?;
    Ok(total / times.max(1))
}

/// The sum over all functions in one dump.
fn total(dump: &str) -> Option<u64> {
    let line = dump.lines().rev().find_map(|line| line.strip_prefix("totals:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::total;

    #[test]
    fn the_total_is_the_last_line_that_says_so() {
        let dump = "version: 1\nsummary: 7\n\nfn=(1) f\n12 5\n\ntotals: 4711\n";
        assert_eq!(total(dump), Some(4711));
        assert_eq!(total("fn=(1) f\n"), None);
    }
}
