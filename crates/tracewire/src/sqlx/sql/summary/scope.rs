//! Where in a statement the reader is: one frame for each open parenthesis.

use super::names::Names;

/// How many parentheses deep a statement is followed; what lies deeper is not summarised.
const DEPTH: usize = 64;

/// What the reader expects next inside one pair of parentheses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Clause {
    /// The word that begins a statement.
    #[default]
    Start,
    /// The statement that `EXPLAIN` explains, after its options.
    Explain,
    /// A table, a view or another target.
    Target,
    /// The table of a `DELETE`, before the `FROM` that MySQL puts after an alias.
    Delete,
    /// The kind of object of `CREATE`, `ALTER` or `DROP`.
    Object,
    /// Words such as `TABLE` that belong to the operation, then targets.
    Operands,
    /// One name that completes the operation, as in `SET search_path`.
    Subject,
    /// One of the few words that complete a transaction statement, as in `BEGIN IMMEDIATE`.
    Transaction,
    /// The name of a common table expression.
    CteName,
    /// Its columns or `AS`.
    CteHead,
    /// Its parenthesised statement.
    CteBody,
    /// A comma, or the statement that uses the expressions.
    CteEnd,
    /// Columns and conditions, until a keyword says otherwise.
    Body,
    /// Nothing to be found until the statement ends.
    Opaque,
}

/// A `FROM` here names tables.
pub(super) const CAN_FROM: u8 = 1;
/// A `JOIN` here names a table.
pub(super) const CAN_JOIN: u8 = 1 << 1;
/// A `USING` here names tables.
pub(super) const CAN_USING: u8 = 1 << 2;
/// A `WITH` here begins common table expressions even in mid-statement.
pub(super) const CAN_WITH: u8 = 1 << 3;
/// A comma here is followed by another target.
pub(super) const IN_LIST: u8 = 1 << 4;
/// The target is the last thing of interest in this statement.
pub(super) const ENDS: u8 = 1 << 5;
/// `WITH RECURSIVE`: the names are known inside their own statements.
pub(super) const RECURSIVE: u8 = 1 << 6;

/// One level of parentheses.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frame {
    pub(super) clause: Clause,
    flags: u8,
    /// How many names there were when this frame was opened.
    names: u8,
}

/// The open frames, innermost last, of bounded depth.
#[derive(Debug)]
pub(super) struct Frames {
    frames: [Frame; DEPTH],
    depth: usize,
    /// Parentheses opened beyond the deepest frame.
    beyond: usize,
}

// === impl Frame ===

impl Frame {
    /// Begins a new statement or a part of one in the same parentheses.
    pub(super) const fn restart(&mut self, clause: Clause, flags: u8) {
        self.clause = clause;
        self.flags = flags;
    }

    pub(super) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(super) const fn set(&mut self, flags: u8) {
        self.flags |= flags;
    }

    pub(super) const fn unset(&mut self, flags: u8) {
        self.flags &= !flags;
    }
}

// === impl Frames ===

impl Frames {
    pub(super) fn new() -> Self {
        Self { frames: [Frame::default(); DEPTH], depth: 0, beyond: 0 }
    }

    /// Goes back to the outermost level, before a new statement.
    pub(super) fn reset(&mut self) {
        self.depth = 0;
        self.beyond = 0;
        *self.top() = Frame::default();
    }

    pub(super) fn top(&mut self) -> &mut Frame {
        &mut self.frames[self.depth.min(DEPTH - 1)]
    }

    /// Whether the reader is deeper than any frame.
    pub(super) const fn is_beyond(&self) -> bool {
        self.beyond > 0
    }

    pub(super) const fn is_outermost(&self) -> bool {
        self.depth == 0
    }

    pub(super) fn open(&mut self, clause: Clause, flags: u8, names: &Names<'_>) {
        if self.depth + 1 == DEPTH || self.beyond > 0 {
            self.beyond += 1;
            return;
        }
        self.depth += 1;
        let names = names.count();
        *self.top() = Frame { clause, flags, names };
    }

    /// Closes the innermost frame; `false` where none was open.
    pub(super) fn close(&mut self, names: &mut Names<'_>) -> bool {
        if self.beyond > 0 {
            self.beyond -= 1;
            return false;
        }
        if self.depth == 0 {
            return false;
        }
        names.forget(self.top().names);
        self.depth -= 1;
        true
    }
}
