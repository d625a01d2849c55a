//! `cargo xtask bench`: what tracing costs, side by side with what others publish, and the budgets that must hold.

use std::path::{Path, PathBuf};

use crate::failure::{Context, Result};
use crate::{Command, workspace};
use budgets::Budgets;
use measure::Program;

mod budgets;
mod callgrind;
mod load;
mod machine;
mod measure;
mod report;

pub(crate) const COMMAND: Command = Command {
    name: "bench",
    arguments: "[--gate [--why TEXT] | --load]",
    about: "what tracing costs, beside others; --gate: fail where it grew, with --why accept that; --load: a whole process",
    run: start,
};

const TRACEWIRE: Program = Program::of("bench-tracewire");

/// Every program of `bench/`. Each measures the bare operation too, and is compared with that.
const PROGRAMS: &[Program] = &[
    TRACEWIRE,
    Program::of("bench-servers"),
    Program::of("bench-clients"),
    Program::of("bench-otel-0-32"),
    Program::of("bench-redis"),
    Program { package: "bench-sqlx-tracing", manifest: "peers/sqlx-tracing/Cargo.toml" },
];

/// How often every program's clock is asked, one program after the other.
const ROUNDS: usize = 5;

/// What stands between these lines is written by the command in the first.
const EXCERPT: [&str; 2] = ["<!-- cargo xtask bench -->\n", "<!-- end -->"];
const LOAD: [&str; 2] = ["<!-- cargo xtask bench --load -->\n", "<!-- end of load -->"];

fn start(arguments: &[String]) -> Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => compare(),
        ["--load"] => replace(&folder().join("RESULTS.md"), LOAD, &load::measure()?),
        ["--gate"] => gate(None),
        ["--gate", "--why", why] if !why.trim().is_empty() => gate(Some(why.trim())),
        _ => {
            Err(format!("bench takes --load, or --gate and --why TEXT after it, not {arguments:?}")
                .into())
        }
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
    let machine = machine::here();
    let verdict = budgets.judge(&measures, &machine);
    print!("{verdict}");
    let Some(why) = why else {
        if budgets.machine() != machine {
            println!(
                "instructions are not compared: this is {machine}, the budgets are of {}",
                budgets.machine()
            );
        }
        return verdict.outcome();
    };
    budgets.accept(&verdict, &machine, why);
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
    replace(&workspace::root().join("README.md"), EXCERPT, &report::excerpt(&measured))?;
    let results = folder().join("RESULTS.md");
    // What `--load` has measured stays.
    let before = std::fs::read_to_string(&results).unwrap_or_default();
    let of_load = between(&before, LOAD).unwrap_or_default();
    write(
        &results,
        &format!("{}\n{}{of_load}{}\n", report::markdown(&measured), LOAD[0], LOAD[1]),
    )?;
    write(&folder().join("results.json"), &report::json(&measured))
}

/// Puts a text between two marks.
fn replace(path: &Path, marks: [&str; 2], text: &str) -> Result<()> {
    let file = std::fs::read_to_string(path).context(path.display())?;
    let old = between(&file, marks)
        .ok_or_else(|| format!("{} has no {}", path.display(), marks[0].trim_end()))?;
    let [start, end] = marks;
    write(path, &file.replace(&format!("{start}{old}{end}"), &format!("{start}{text}{end}")))
}

fn between<'a>(text: &'a str, [start, end]: [&str; 2]) -> Option<&'a str> {
    Some(text.split_once(start)?.1.split_once(end)?.0)
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).context(path.display())?;
    println!("written: {}", path.display());
    Ok(())
}

fn folder() -> PathBuf {
    workspace::root().join("bench")
}

#[cfg(test)]
mod tests {
    use super::{LOAD, between, start};

    #[test]
    fn a_reason_is_a_text_and_needs_the_gate() {
        for arguments in [&["--why", "x"][..], &["--gate", "--why"], &["--gate", "--why", " "]] {
            let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
            let failure = start(&arguments).expect_err("not a command line").to_string();
            assert!(failure.contains("--why TEXT"), "{failure}");
        }
    }

    #[test]
    fn a_section_is_what_stands_between_its_marks() {
        let text = format!("before\n{}a table\n{}\nafter\n", LOAD[0], LOAD[1]);
        assert_eq!(between(&text, LOAD), Some("a table\n"));
        assert_eq!(between("before\n", LOAD), None);
    }
}
