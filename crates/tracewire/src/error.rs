//! The one error of this crate: only set-up can fail.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// Why tracewire could not be set up.
///
/// Nothing on the path of a request returns it. Ask what it is with the `is_*` methods, and show it
/// to a person: it says which setting is wrong and what would be right.
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: Cow<'static, str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Configuration,
    AlreadyInitialized,
    System,
}

impl Error {
    /// A setting that cannot be followed, from code or from the environment.
    pub fn is_configuration(&self) -> bool {
        self.0.kind == Kind::Configuration
    }

    /// Telemetry of this process has been set up already, and its guard still lives.
    pub fn is_already_initialized(&self) -> bool {
        self.0.kind == Kind::AlreadyInitialized
    }

    /// The operating system refused something, such as a thread.
    pub fn is_system(&self) -> bool {
        self.0.kind == Kind::System
    }

    pub(crate) fn configuration(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Configuration, message)
    }

    pub(crate) fn already_initialized(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::AlreadyInitialized, message)
    }

    pub(crate) fn system(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::System, message)
    }

    /// Tells what is behind it.
    pub(crate) fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), source: None }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
