//! Why something did not arrive, and whether to try again.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// One attempt that did not succeed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    why: String,
    again: Again,
}

/// Whether another attempt may succeed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Again {
    Never,
    Soon,
    /// Not before the receiver has had this long to recover.
    After(Duration),
}

impl Failure {
    pub(crate) fn new(why: impl Into<String>, again: Again) -> Self {
        Self { why: why.into(), again }
    }

    /// No answer came, for the reason that is at the end of this chain.
    pub(crate) fn network(error: &dyn StdError) -> Self {
        Self::new(chain(error), Again::Soon)
    }

    pub(crate) fn again(&self) -> Again {
        self.again
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// An error and everything behind it; many errors repeat what is behind them, which is said once.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        next = error.source();
    }
    text
}

/// What a receiver says, fit for one line of a log.
pub(crate) fn quoted(text: &str) -> String {
    const MOST: usize = 200;
    let mut short: String = text.chars().take(MOST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}
