//! What a command is called.

use std::borrow::Cow;

use super::commands::Command;
use super::words::Words;

/// What stands for a name that cannot be told.
const OTHER: &str = "_OTHER";

/// Longer names than this are not recorded.
const LONGEST: usize = 64;

/// The name of one command.
#[derive(Clone, Debug)]
pub(super) enum Name {
    Known(&'static Command),
    /// In upper case, short, of letters, digits, dots, dashes and underscores only.
    Unknown(Cow<'static, str>),
}

impl Name {
    /// Reads the name and leaves the arguments. A subcommand is part of a name only where it is a
    /// known one: anything else may be an argument, and arguments are no names.
    pub(super) fn read(words: &mut Words<'_, '_>) -> Self {
        let word = words.next().unwrap_or_default();
        let Some(command) = Command::find(word) else {
            return Self::Unknown(unknown(word));
        };
        if command.is_container()
            && let Some(subcommand) = words.peek()
            && let Some(command) = command.find_subcommand(subcommand)
        {
            words.next();
            return Self::Known(command);
        }
        Self::Known(command)
    }

    pub(super) fn known(&self) -> Option<&'static Command> {
        match self {
            Self::Known(command) => Some(command),
            Self::Unknown(_) => None,
        }
    }

    pub(super) fn of_command(self) -> Cow<'static, str> {
        match self {
            Self::Known(command) => Cow::Borrowed(command.name),
            Self::Unknown(name) => name,
        }
    }

    pub(super) fn of_pipeline(&self) -> Cow<'static, str> {
        match self {
            Self::Known(command) => Cow::Borrowed(command.pipeline),
            Self::Unknown(name) => Cow::Owned(format!("PIPELINE {name}")),
        }
    }

    pub(super) fn of_transaction(&self) -> Cow<'static, str> {
        match self {
            Self::Known(command) => Cow::Borrowed(command.transaction),
            Self::Unknown(name) => Cow::Owned(format!("MULTI {name}")),
        }
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Known(one), Self::Known(other)) => std::ptr::eq(*one, *other),
            (Self::Unknown(one), Self::Unknown(other)) => one == other,
            _ => false,
        }
    }
}

fn unknown(word: &[u8]) -> Cow<'static, str> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let fits = (1..=LONGEST).contains(&word.len()) && word.iter().all(plain);
    match std::str::from_utf8(word) {
        Ok(name) if fits => Cow::Owned(name.to_ascii_uppercase()),
        _ => Cow::Borrowed(OTHER),
    }
}
