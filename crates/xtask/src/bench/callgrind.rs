//! Counts instructions with valgrind's callgrind, which gives nearly the same figure on every run.

use std::fs;
use std::path::Path;

use crate::failure::{Context, Result};
use crate::services::install_packages;
use crate::{process, workspace};

/// The function of `bench/harness` outside which nothing is counted.
const COUNTED: &str = "bench_harness::instructions::callgrind_collects_this";

/// How often each operation is done under callgrind.
const TIMES: u64 = 300;

/// Makes sure that valgrind is there.
pub(crate) fn ensure() -> Result<()> {
    let is_there = || process::output(process::program("valgrind").arg("--version")).is_some();
    if is_there() {
        return Ok(());
    }
    install_packages(&["valgrind"])?;
    if is_there() { Ok(()) } else { Err("valgrind was installed, but does not run".into()) }
}

/// Runs a program of `bench/`, and returns each case it names with its instructions per operation.
pub(crate) fn count(binary: &Path) -> Result<Vec<(String, u64)>> {
    let folder = workspace::scratch("callgrind");
    // What an earlier run left would be taken for this one's.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).context(folder.display())?;
    let dumps = folder.join("dump");
    let mut command = process::program("valgrind");
    command
        .args(["--quiet", "--tool=callgrind"])
        // Of two options with the same text callgrind heeds only one; asterisks make them differ.
        .arg(format!("--toggle-collect=*{COUNTED}*"))
        .arg(format!("--dump-after={COUNTED}"))
        .arg(format!("--callgrind-out-file={}", dumps.display()))
        .arg(binary)
        .args(["instructions", &TIMES.to_string()]);
    println!("$ {}", process::shown(&command));
    let names = process::output(&mut command)
        .ok_or_else(|| format!("`{}` failed", process::shown(&command)))?;
    let names: Vec<String> = names.lines().map(str::to_owned).collect();
    let mut counts = Vec::with_capacity(names.len());
    for (index, name) in names.into_iter().enumerate() {
        let path = folder.join(format!("dump.{}", index + 1));
        let text = fs::read_to_string(&path).context(path.display())?;
        let total = total(&text).ok_or_else(|| format!("{} has no total", path.display()))?;
        counts.push((name, total / TIMES));
    }
    Ok(counts)
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
