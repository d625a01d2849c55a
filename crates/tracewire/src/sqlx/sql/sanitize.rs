//! Rewrites a statement with every literal replaced by `?`.

use super::keyword::Keyword;
use super::lexer::{Kind, Token};

/// What stands for a literal. PostgreSQL's `?` operators are rare enough to share it.
const PLACEHOLDER: char = '?';

/// Collects the sanitized text; allocates only once something has to change.
#[derive(Debug)]
pub(super) struct Sanitizer<'a> {
    text: &'a str,
    out: String,
    /// Everything before this byte is in `out` or left out on purpose.
    copied: usize,
    list: List,
    /// A comment was left out just before the next token.
    joint: bool,
}

/// How far an `IN (…)` of literals only has been read.
#[derive(Debug)]
enum List {
    None,
    In,
    Open,
    /// After so many literals; up to the first one the output is so long.
    Items {
        count: usize,
        keep: usize,
    },
}

// === impl Sanitizer ===

impl<'a> Sanitizer<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, out: String::new(), copied: 0, list: List::None, joint: false }
    }

    /// Keeps white space.
    pub(super) const fn space(&mut self) {
        self.joint = false;
    }

    /// Keeps any other token as it is.
    pub(super) fn keep(&mut self, token: &Token<'_>, keyword: Keyword) {
        self.close_joint(token);
        self.list = match (&self.list, token.kind) {
            (_, Kind::Word) if keyword == Keyword::In => List::In,
            (List::In, Kind::Symbol) if token.first == b'(' => List::Open,
            (List::Items { .. }, Kind::Symbol) if token.first == b',' => return,
            (&List::Items { count, keep }, Kind::Symbol) if token.first == b')' && count > 1 => {
                self.out.truncate(keep);
                self.copied = token.start;
                List::None
            }
            _ => List::None,
        };
    }

    /// Puts the placeholder where a token was.
    pub(super) fn replace(&mut self, token: &Token<'_>) {
        self.close_joint(token);
        self.copy_to(token);
        self.out.push(PLACEHOLDER);
        self.list = match self.list {
            List::Open => List::Items { count: 1, keep: self.out.len() },
            List::Items { count, keep } => List::Items { count: count + 1, keep },
            _ => List::None,
        };
    }

    /// Leaves a token out.
    pub(super) fn leave_out(&mut self, token: &Token<'_>) {
        self.copy_to(token);
        self.joint |= token.kind == Kind::Comment;
    }

    /// The text up to `end` with all replacements, or `None` where nothing had to change.
    pub(super) fn finish(mut self, end: usize) -> Option<String> {
        if self.copied == 0 {
            return None;
        }
        self.out.push_str(self.text.get(self.copied..end).unwrap_or_default());
        Some(self.out)
    }

    fn copy_to(&mut self, token: &Token<'_>) {
        if self.copied == 0 {
            self.out.reserve(self.text.len());
        }
        self.out.push_str(self.text.get(self.copied..token.start).unwrap_or_default());
        self.copied = token.end();
    }

    /// Keeps two tokens apart that only a comment separated.
    fn close_joint(&mut self, token: &Token<'_>) {
        if !self.joint {
            return;
        }
        self.joint = false;
        let sticks =
            |byte: u8| !byte.is_ascii_whitespace() && !matches!(byte, b'(' | b')' | b',' | b';');
        let left = self.out.bytes().last().is_some_and(sticks);
        if left && sticks(token.first) {
            self.out.push(' ');
        }
    }
}
