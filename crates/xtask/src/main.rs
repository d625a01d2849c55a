//! Chores of this repository: `cargo xtask help` lists them.

use std::process::ExitCode;

use failure::Result;

mod bench;
mod failure;
mod process;
mod services;
mod soak;
mod steps;
mod test;
mod tools;
mod workspace;

/// Every chore, in the order in which `help` shows it. A new one is a file and a line here.
const COMMANDS: &[Command] = &[test::COMMAND, bench::COMMAND, services::COMMAND, soak::COMMAND];

/// One chore.
struct Command {
    /// What is typed after `cargo xtask`.
    name: &'static str,
    /// The arguments it takes, as `help` shows them.
    arguments: &'static str,
    /// What it does, in one line.
    about: &'static str,
    /// Does it, given the arguments after the name.
    run: fn(&[String]) -> Result<()>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let (name, rest) = match arguments.split_first() {
        None => ("help", arguments),
        Some((name, rest)) => (name.as_str(), rest),
    };
    if matches!(name, "help" | "--help" | "-h") {
        print!("{}", help());
        return Ok(());
    }
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => (command.run)(rest),
        None => Err(format!("there is no command {name:?}\n\n{}", help()).into()),
    }
}

fn help() -> String {
    let usage = |command: &Command| format!("{} {}", command.name, command.arguments);
    let width = COMMANDS.iter().map(|c| usage(c).len()).max().unwrap_or(0);
    let mut text = String::from("Usage: cargo xtask COMMAND\n\n");
    for command in COMMANDS {
        text += &format!("  {:width$}  {}\n", usage(command), command.about);
    }
    text += &format!("  {:width$}  {}\n", "help", "this list");
    text
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, dispatch, help};

    #[test]
    fn help_names_every_command() {
        let text = help();
        for command in COMMANDS {
            assert!(text.contains(command.name) && text.contains(command.about));
        }
        assert!(dispatch(&[]).is_ok());
        assert!(dispatch(&["help".to_owned()]).is_ok());
    }

    #[test]
    fn an_unknown_command_is_an_error_that_shows_the_list() {
        let failure = dispatch(&["tset".to_owned()]).expect_err("no such command");
        assert!(failure.to_string().contains("\"tset\""));
        assert!(failure.to_string().contains("cargo xtask COMMAND"));
    }
}
