//! `cargo xtask bench`: what tracing costs, side by side with what others publish, and the budgets that must hold.

use std::path::PathBuf;

use crate::failure::{Context, Result};
use crate::{Command, process, workspace};
use budgets::Budgets;
use measure::Program;

mod budgets;
mod callgrind;
mod measure;
mod report;

pub(crate) const COMMAND: Command = Command {
    name: "bench",
    arguments: "[--gate [--why TEXT]]",
    about: "what tracing costs, beside others; --gate: fail where it grew, with --why accept that",
    run: start,
};

const TRACEWIRE: Program = Program { package: "bench-tracewire" };

/// Every program of `bench/`. Each measures the bare operation too, and is compared with that.
const PROGRAMS: &[Program] =
    &[TRACEWIRE, Program { package: "bench-servers" }, Program { package: "bench-sqlx-otel" }];

/// How often every program's clock is asked, one program after the other.
const ROUNDS: usize = 7;

const EXCERPT_START: &str = "<!-- cargo xtask bench -->";
const EXCERPT_END: &str = "<!-- end -->";

fn start(arguments: &[String]) -> Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => compare(),
        ["--gate"] => gate(None),
        ["--gate", "--why", why] if !why.trim().is_empty() => gate(Some(why.trim())),
        _ => Err(format!("bench takes --gate, and --why TEXT after it, not {arguments:?}").into()),
    }
}

/// Fails when tracewire costs more than `bench/budgets.toml` grants. With a reason, writes what it costs there.
pub(crate) fn gate(why: Option<&str>) -> Result<()> {
    callgrind::ensure()?;
    TRACEWIRE.build()?;
    let measures = TRACEWIRE.measure(budgets::is_judged)?;
    let path = folder().join("budgets.toml");
    let text = std::fs::read_to_string(&path).context(path.display())?;
    let mut budgets = Budgets::parse(&text)?;
    let verdict = budgets.judge(&measures);
    print!("{verdict}");
    let Some(why) = why else {
        return verdict.outcome();
    };
    budgets.accept(&verdict, why);
    std::fs::write(&path, budgets.to_string()).context(path.display())
}

/// Measures everything, and writes the tables.
fn compare() -> Result<()> {
    callgrind::ensure()?;
    let mut measured = Vec::with_capacity(PROGRAMS.len());
    for program in PROGRAMS {
        program.build()?;
        measured.push(program.measure(|_| true)?);
    }
    for _ in 0..ROUNDS {
        for (program, measures) in PROGRAMS.iter().zip(&mut measured) {
            program.time(measures)?;
        }
    }
    write_excerpt(&report::excerpt(&measured))?;
    for (name, text) in
        [("RESULTS.md", report::markdown(&measured)), ("results.json", report::json(&measured))]
    {
        let path = folder().join(name);
        std::fs::write(&path, text).context(path.display())?;
        println!("written: bench/{name}");
    }
    Ok(())
}

/// Puts a table between the marks in the README.
fn write_excerpt(table: &str) -> Result<()> {
    let path = workspace::root().join("README.md");
    let text = std::fs::read_to_string(&path).context(path.display())?;
    let parts = text.split_once(EXCERPT_START).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(EXCERPT_END)?;
        Some(format!("{before}{EXCERPT_START}\n{table}{EXCERPT_END}{after}"))
    });
    let text = parts.ok_or("README.md has no marks for the table of costs")?;
    std::fs::write(&path, text).context(path.display())
}

fn folder() -> PathBuf {
    workspace::root().join("bench")
}

fn cargo(arguments: &str) -> std::process::Command {
    let mut command = process::cargo(arguments);
    // Not the target folder of the main workspace: nothing in it is built alike.
    command.arg("--manifest-path").arg(folder().join("Cargo.toml"));
    command.arg("--target-dir").arg(folder().join("target"));
    command
}

#[cfg(test)]
mod tests {
    use super::start;

    #[test]
    fn a_reason_is_a_text_and_needs_the_gate() {
        for arguments in [&["--why", "x"][..], &["--gate", "--why"], &["--gate", "--why", " "]] {
            let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
            let failure = start(&arguments).expect_err("not a command line").to_string();
            assert!(failure.contains("--why TEXT"), "{failure}");
        }
    }
}
