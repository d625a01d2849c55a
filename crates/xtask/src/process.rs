//! Other programs: started where the workspace is, shown before they run, an error when they fail.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitStatus, Stdio};

use crate::failure::{Context, Result};
use crate::workspace;

/// A program, to run in the workspace's root.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(workspace::root());
    command
}

/// The cargo that runs us, with its arguments separated by single spaces.
pub(crate) fn cargo(arguments: &str) -> Command {
    let mut command = program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments.split(' '));
    command
}

/// Runs a program with our own input and output.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", shown(command));
    let status = command.status().context(shown(command))?;
    succeeded(command, status)
}

/// Runs a program, and hands on each line of its standard output after printing it.
pub(crate) fn run_and_read(command: &mut Command, mut line: impl FnMut(&str)) -> Result<()> {
    println!("$ {}", shown(command));
    let mut child = command.stdout(Stdio::piped()).spawn().context(shown(command))?;
    if let Some(output) = child.stdout.take() {
        let mut output = BufReader::new(output);
        let mut bytes = Vec::new();
        while output.read_until(b'\n', &mut bytes).context("its output")? > 0 {
            std::io::stdout().write_all(&bytes).context("our output")?;
            line(&String::from_utf8_lossy(&bytes));
            bytes.clear();
        }
    }
    let status = child.wait().context(shown(command))?;
    succeeded(command, status)
}

/// What a program prints, or `None` when it is missing or fails.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(text)
}

/// A command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let name =
        std::path::Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut text = name.to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text += &argument.to_string_lossy();
    }
    text
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{}` ended with {status}", shown(command)).into())
    }
}

#[cfg(test)]
mod tests {
    use super::{output, program, run, run_and_read, shown};

    #[test]
    fn a_failing_program_is_an_error_that_names_it() {
        let failure = run(program("sh").args(["-c", "exit 3"])).expect_err("it exits with 3");
        assert_eq!(failure.to_string(), "`sh -c exit 3` ended with exit status: 3");
        let failure = run(&mut program("no-such-program")).expect_err("it is missing");
        assert!(failure.to_string().starts_with("no-such-program: "));
    }

    #[test]
    fn lines_are_handed_on_also_the_last_without_its_end() {
        let mut lines = Vec::new();
        let script = "echo one; printf two";
        run_and_read(program("sh").args(["-c", script]), |line| {
            lines.push(line.to_owned());
        })
        .expect("sh runs");
        assert_eq!(lines, ["one\n", "two"]);
    }

    #[test]
    fn output_is_there_only_when_the_program_succeeds() {
        assert_eq!(output(program("echo").arg("x")).as_deref(), Some("x\n"));
        assert_eq!(output(&mut program("false")), None);
        assert_eq!(output(&mut program("no-such-program")), None);
    }

    #[test]
    fn a_command_is_shown_without_its_folder() {
        assert_eq!(shown(program("/usr/bin/cargo").arg("fmt")), "cargo fmt");
    }
}
