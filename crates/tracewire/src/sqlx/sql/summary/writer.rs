//! Writes the summary's tokens, at most 255 characters of them and never a part of one.

/// The longest summary, in characters, as `db.query.summary` demands.
const LIMIT: usize = 255;

/// The summary so far.
#[derive(Debug)]
pub(super) struct Writer {
    out: String,
    chars: usize,
    full: bool,
}

/// A place to go back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    bytes: usize,
    chars: usize,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { out: String::with_capacity(64), chars: 0, full: false }
    }

    /// Adds one token made of `parts` joined by dots. The first one that does not fit ends the summary.
    pub(super) fn push<'a>(&mut self, parts: impl Iterator<Item = &'a str> + Clone) {
        if self.full {
            return;
        }
        let space = usize::from(!self.out.is_empty());
        let chars =
            parts.clone().fold(0, |sum, part| sum + part.chars().count() + 1).saturating_sub(1);
        if self.chars + space + chars > LIMIT {
            self.full = true;
            return;
        }
        self.chars += space + chars;
        self.out.extend((space > 0).then_some(' '));
        for (index, part) in parts.enumerate() {
            self.out.extend((index > 0).then_some('.'));
            self.out.push_str(part);
        }
    }

    pub(super) const fn is_full(&self) -> bool {
        self.full
    }

    pub(super) const fn mark(&self) -> Mark {
        Mark { bytes: self.out.len(), chars: self.chars }
    }

    /// Forgets what was written after `mark`, unless the limit was reached.
    pub(super) fn rewind(&mut self, mark: Mark) {
        if !self.full {
            self.out.truncate(mark.bytes);
            self.chars = mark.chars;
        }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }
}
