//! `cargo xtask test`: everything that must hold before a change lands. CI runs this and nothing else.

use crate::Command;
use crate::failure::Result;
use crate::process::{self, cargo, run};
use crate::steps::{self, Counts, Step};
use crate::tools;
use crate::workspace;

pub(crate) const COMMAND: Command = Command {
    name: "test",
    arguments: "[--quick]",
    about: "everything that CI tests; --quick: only format, lints and tests",
    run: start,
};

const FORMAT: Step =
    Step { name: "fmt", about: "the sources are formatted", run: || plain("fmt --all --check") };
const LINTS: Step = Step {
    name: "clippy",
    about: "no lint warns, in any target with every feature",
    run: || plain("clippy --workspace --all-targets --all-features -- -D warnings"),
};
const SERVERS: Step = Step {
    name: "services",
    about: "the servers that tests talk to are up",
    run: || services("up"),
};
const TESTS: Step = Step {
    name: "tests",
    about: "unit, integration and documentation tests pass",
    run: test_workspace,
};
const DOCS: Step =
    Step { name: "docs", about: "the documentation builds without a warning", run: build_docs };
const FEATURES: Step = Step {
    name: "features",
    about: "the library builds with each feature alone",
    run: check_features,
};
const MSRV: Step = Step {
    name: "msrv",
    about: "the library builds with the oldest Rust it promises",
    run: check_msrv,
};
const SUPPLY: Step = Step {
    name: "deny",
    about: "licences, sources and duplicate versions of dependencies are as deny.toml allows",
    run: check_dependencies,
};
const LOCK: Step = Step {
    name: "lockfile",
    about: "the committed Cargo.lock fits the manifests",
    run: check_lockfile,
};

const COSTS: Step = Step {
    name: "bench",
    about: "tracing costs no more than bench/budgets.toml grants",
    run: check_costs,
};

/// The steps that find most mistakes come first.
const ALL: &[Step] = &[FORMAT, LINTS, SERVERS, TESTS, DOCS, FEATURES, MSRV, SUPPLY, LOCK, COSTS];
const QUICK: &[Step] = &[FORMAT, LINTS, SERVERS, TESTS];

fn start(arguments: &[String]) -> Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => steps::run(ALL),
        ["--quick"] => steps::run(QUICK),
        _ => Err(format!("test takes no argument but --quick, not {arguments:?}").into()),
    }
}

fn plain(arguments: &str) -> Result<Counts> {
    run(&mut cargo(arguments))?;
    Ok(Counts::default())
}

fn services(verb: &str) -> Result<Counts> {
    (crate::services::COMMAND.run)(&[verb.to_owned()])?;
    Ok(Counts::default())
}

fn test_workspace() -> Result<Counts> {
    let mut counts = Counts::default();
    process::run_and_read(&mut cargo("test --workspace --all-features --no-fail-fast"), |line| {
        counts.add(counts_in(line));
    })
    .inspect_err(|_| println!("\n{counts}"))?;
    // A person runs the tests again soon; CI leaves nothing behind.
    if std::env::var_os("CI").is_some() {
        services("down")?;
    }
    Ok(counts)
}

/// The counts of a line like `test result: ok. 5 passed; 0 failed; 1 ignored; …`, zero for any other line.
fn counts_in(line: &str) -> Counts {
    let Some((_, results)) = line.split_once("test result:") else {
        return Counts::default();
    };
    let words: Vec<&str> = results.split([' ', ';', '.']).collect();
    let before = |noun: &str| {
        let at = words.iter().position(|word| *word == noun).unwrap_or(0);
        let number = words.get(at.wrapping_sub(1)).copied().unwrap_or("0");
        number.parse().unwrap_or(0)
    };
    Counts { passed: before("passed"), failed: before("failed"), skipped: before("ignored") }
}

fn build_docs() -> Result<Counts> {
    // Only libraries: the command line's binary has the library's name, and their pages would overwrite each other.
    let mut doc = cargo("doc --workspace --no-deps --all-features --lib");
    run(doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(Counts::default())
}

fn check_features() -> Result<Counts> {
    let mut hack = tools::HACK.ensure()?;
    // `--no-dev-deps` is left out on purpose: it rewrites manifests while it runs, and with this resolver `check`
    // leaves the features that only development dependencies want switched off anyway.
    run(hack.args(["check", "--each-feature", "-p", "tracewire"]))?;
    Ok(Counts::default())
}

fn check_msrv() -> Result<Counts> {
    let minimum = workspace::minimum_rust()?;
    let check = "check -p tracewire --all-features";
    let current = process::output(process::program("rustc").arg("--version")).unwrap_or_default();
    if current.split(' ').nth(1).is_some_and(|it| is_release_of(it, &minimum)) {
        println!("the Rust in use is the oldest supported: {}", current.trim());
        return plain(check);
    }
    let toolchain = match installed_toolchain(&minimum) {
        Some(toolchain) => toolchain,
        None => install_toolchain(&minimum)?,
    };
    run(process::program("rustup").args(["run", &toolchain, "cargo"]).args(check.split(' ')))?;
    Ok(Counts::default())
}

/// Whether `version` is `minimum` or a patch release of it: `1.95.1` of `1.95`.
fn is_release_of(version: &str, minimum: &str) -> bool {
    version.strip_prefix(minimum).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn installed_toolchain(minimum: &str) -> Option<String> {
    let list = process::output(process::program("rustup").args(["toolchain", "list"]))?;
    list.lines()
        .filter_map(|line| line.split_whitespace().next())
        .find(|name| name.split('-').next().is_some_and(|it| is_release_of(it, minimum)))
        .map(str::to_owned)
}

fn install_toolchain(minimum: &str) -> Result<String> {
    let install = ["toolchain", "install", "--profile", "minimal", minimum];
    match run(process::program("rustup").args(install)) {
        Ok(()) => Ok(minimum.to_owned()),
        Err(failure) => Err(format!(
            "Rust {minimum}, the oldest supported, is neither in use nor installed, and could not be installed: \
             {failure}"
        )
        .into()),
    }
}

fn check_dependencies() -> Result<Counts> {
    let mut deny = tools::DENY.ensure()?;
    // Advisories are left out: their database is a Git repository, and the checks need nothing but package registries.
    run(deny
        .args(["--all-features", "check", "--hide-inclusion-graph"])
        .args(["bans", "licenses", "sources"]))?;
    Ok(Counts::default())
}

fn check_costs() -> Result<Counts> {
    crate::bench::gate(None)?;
    Ok(Counts::default())
}

fn check_lockfile() -> Result<Counts> {
    // cargo has brought the file up to date by now, so a stale one shows as a change. While a change is being made
    // that is as it should be; in a fresh checkout it means that the update was not committed.
    if std::env::var_os("CI").is_none() {
        println!("looked at by CI only");
        return Ok(Counts::default());
    }
    run(process::program("git").args(["diff", "--exit-code", "--stat", "--", "Cargo.lock"]))?;
    Ok(Counts::default())
}

#[cfg(test)]
mod tests {
    use super::{Counts, counts_in, is_release_of, start};

    #[test]
    fn result_lines_are_counted_and_others_are_not() {
        let counts = |passed, failed, skipped| Counts { passed, failed, skipped };
        let cases = [
            (
                "test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 0 filtered out; finished in 0.01s\n",
                counts(12, 0, 3),
            ),
            (
                "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out\n",
                counts(1, 2, 0),
            ),
            ("test a::b ... ok\n", counts(0, 0, 0)),
            ("test result: passed\n", counts(0, 0, 0)),
        ];
        for (line, expected) in cases {
            assert_eq!(counts_in(line), expected, "{line}");
        }
    }

    #[test]
    fn a_release_is_told_by_whole_numbers() {
        assert!(is_release_of("1.95", "1.95"));
        assert!(is_release_of("1.95.0", "1.95"));
        assert!(!is_release_of("1.950.0", "1.95"));
        assert!(!is_release_of("1.9.0", "1.95"));
        assert!(!is_release_of("stable", "1.95"));
    }

    #[test]
    fn an_unknown_argument_runs_nothing() {
        let failure = start(&["--fast".to_owned()]).expect_err("there is no --fast");
        assert!(failure.to_string().contains("--fast"));
    }
}
