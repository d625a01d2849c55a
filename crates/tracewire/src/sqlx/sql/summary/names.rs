//! Names as they are read: dotted targets, and the names that `WITH` gives, which are no targets.

use super::super::keyword::Keyword;

/// How many names of common table expressions are remembered at once.
const NAMES: usize = 32;

/// A name given by `WITH`.
#[derive(Clone, Copy, Debug, Default)]
struct Name<'a> {
    name: &'a str,
    visible: bool,
}

/// The names that are no tables.
#[derive(Debug)]
pub(super) struct Names<'a> {
    names: [Name<'a>; NAMES],
    count: usize,
}

/// The dotted name being read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dotted<'a> {
    parts: [&'a str; 4],
    count: usize,
    /// A dot was read after the last part.
    pub(super) open: bool,
    /// The keyword that the first part spells.
    pub(super) keyword: Keyword,
}

// === impl Names ===

impl<'a> Names<'a> {
    pub(super) fn new() -> Self {
        Self { names: [Name::default(); NAMES], count: 0 }
    }

    /// How many names are remembered.
    pub(super) fn count(&self) -> u8 {
        u8::try_from(self.count).unwrap_or(u8::MAX)
    }

    /// Forgets all but the first `count` names.
    pub(super) fn forget(&mut self, count: u8) {
        self.count = self.count.min(usize::from(count));
    }

    pub(super) fn add(&mut self, name: &'a str, visible: bool) {
        if let Some(slot) = self.names.get_mut(self.count) {
            *slot = Name { name: unquoted(name), visible };
            self.count += 1;
        }
    }

    /// Makes the last name known, once its own statement has been read.
    pub(super) fn reveal(&mut self) {
        if let Some(last) = self.count.checked_sub(1).and_then(|last| self.names.get_mut(last)) {
            last.visible = true;
        }
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        let name = unquoted(name);
        self.names
            .iter()
            .take(self.count)
            .any(|known| known.visible && known.name.eq_ignore_ascii_case(name))
    }
}

// === impl Dotted ===

impl<'a> Dotted<'a> {
    pub(super) fn new(first: &'a str, keyword: Keyword) -> Self {
        Self { parts: [first, "", "", ""], count: 1, open: false, keyword }
    }

    /// Adds a part; `server.database.schema.table` is the longest that databases know.
    pub(super) fn add(&mut self, part: &'a str) {
        if let Some(slot) = self.parts.get_mut(self.count) {
            *slot = part;
            self.count += 1;
        }
        self.open = false;
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &'a str> + Clone {
        self.parts.into_iter().take(self.count)
    }

    /// The name, where it has one part only.
    pub(super) const fn single(&self) -> Option<&'a str> {
        if self.count == 1 { Some(self.parts[0]) } else { None }
    }
}

// === helpers ===

fn unquoted(name: &str) -> &str {
    let quoted = name.starts_with(['"', '`', '[']);
    let inner = if quoted { name.get(1..name.len() - 1) } else { None };
    inner.unwrap_or(name)
}
