//! Reads the operations and targets of a statement in the order they are written: `db.query.summary`.
//!
//! This is no parser: it follows keywords and parentheses, takes what stands where a table stands for a target, and
//! finds less rather than something wrong in a text it does not understand.

mod clause;
mod names;
mod scope;
mod words;
mod writer;

use super::Dialect;
use super::keyword::Keyword;
use super::lexer::{Kind, Token};
use names::{Dotted, Names};
use scope::{CAN_JOIN, Clause, ENDS, Frames, IN_LIST};
use writer::{Mark, Writer};

/// Collects the summary of one text token by token.
#[derive(Debug)]
pub(super) struct Summary<'a> {
    dialect: Dialect,
    writer: Writer,
    frames: Frames,
    names: Names<'a>,
    /// The target being read, which ends where no dot follows.
    name: Option<Dotted<'a>>,
    /// The last token, where it was a keyword.
    previous: Keyword,
    after_dot: bool,
    after_paren: bool,
    /// Where the targets of a `DELETE` without `FROM` began.
    before_delete: Option<Mark>,
    /// After the name that is read next comes the body of a routine.
    in_routine: bool,
    /// Nothing more is to be found in this text.
    ended: bool,
}

// === impl Summary ===

impl<'a> Summary<'a> {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            writer: Writer::new(),
            frames: Frames::new(),
            names: Names::new(),
            name: None,
            previous: Keyword::Other,
            after_dot: false,
            after_paren: false,
            before_delete: None,
            in_routine: false,
            ended: false,
        }
    }

    pub(super) fn token(&mut self, token: &Token<'a>, keyword: Keyword) {
        let silent = matches!(token.kind, Kind::Comment | Kind::Marker);
        if silent || self.ended || self.writer.is_full() || self.continues_name(token) {
            return;
        }
        if self.name.is_some() {
            self.end_name();
        }
        if token.kind == Kind::Symbol {
            self.symbol(token.first);
        } else if !self.frames.is_beyond() {
            let text = token.text;
            match token.kind {
                Kind::Word if !self.after_dot => self.word(text, keyword),
                Kind::Quoted => self.quoted(text),
                Kind::Literal => self.literal(text),
                _ => self.value(),
            }
        }
        self.previous = if self.after_dot { Keyword::Other } else { keyword };
        self.after_dot = token.is_symbol(b'.');
        self.after_paren = token.is_symbol(b'(');
    }

    /// The summary, empty where nothing was understood.
    pub(super) fn finish(mut self) -> String {
        self.end_name();
        self.writer.finish()
    }

    fn operation(&mut self, word: &'a str) {
        self.writer.push(std::iter::once(word));
    }

    fn continues_name(&mut self, token: &Token<'a>) -> bool {
        let Some(name) = &mut self.name else {
            return false;
        };
        match token.kind {
            Kind::Symbol if token.first == b'.' => {
                if name.open {
                    name.add("");
                }
                name.open = true;
            }
            Kind::Word | Kind::Quoted if name.open => {
                name.add(token.text);
            }
            _ => return false,
        }
        true
    }

    fn begin_name(&mut self, word: &'a str, keyword: Keyword) {
        self.name = Some(Dotted::new(word, keyword));
    }

    /// Writes the target that has just been read, and goes on after it.
    fn end_name(&mut self) {
        let Some(name) = self.name.take() else { return };
        let frame = self.frames.top();
        match frame.clause {
            Clause::Operands if name.single().is_some() && words::joins_operation(name.keyword) => {
                self.writer.push(name.parts());
                return;
            }
            Clause::Delete => {
                self.before_delete.get_or_insert(self.writer.mark());
            }
            Clause::Target if name.single().is_some_and(|name| self.names.contains(name)) => {
                frame.clause = Clause::Body;
                return;
            }
            _ => {}
        }
        frame.clause = match frame.clause {
            Clause::Subject => Clause::Opaque,
            _ if frame.has(ENDS) => Clause::Opaque,
            _ => Clause::Body,
        };
        self.ended |= self.in_routine;
        self.writer.push(name.parts());
    }

    fn quoted(&mut self, name: &'a str) {
        let frame = self.frames.top();
        match frame.clause {
            Clause::Target | Clause::Delete | Clause::Operands | Clause::Subject => {
                self.begin_name(name, Keyword::Other);
            }
            Clause::CteName => self.cte_name(name),
            _ => self.value(),
        }
    }

    /// A literal is no target, but for the names that SQLite and MySQL take between a string's quotes.
    fn literal(&mut self, literal: &'a str) {
        let frame = self.frames.top();
        let quotes: &[u8] = match self.dialect {
            Dialect::Sqlite | Dialect::Other => b"'",
            Dialect::MySql => b"\"",
            Dialect::Postgres => b"",
        };
        let plain =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b' ' | b'.' | b'-');
        let named = match literal.as_bytes() {
            [open, inner @ .., close] => {
                quotes.contains(open) && open == close && inner.iter().all(plain)
            }
            _ => false,
        };
        if frame.clause == Clause::Target && frame.has(IN_LIST) && frame.has(CAN_JOIN) && named {
            self.begin_name(literal, Keyword::Other);
        } else {
            self.value();
        }
    }

    /// Something that is neither a name nor a keyword: where a target was expected, there is none.
    fn value(&mut self) {
        let outermost = self.frames.is_outermost();
        let frame = self.frames.top();
        frame.clause = match frame.clause {
            Clause::Target | Clause::Operands | Clause::Subject if frame.has(ENDS) => {
                Clause::Opaque
            }
            Clause::Target | Clause::Operands | Clause::Subject | Clause::Delete => Clause::Body,
            Clause::Start if !outermost => Clause::Body,
            clause => clause,
        };
    }

    fn symbol(&mut self, symbol: u8) {
        match symbol {
            b'(' => self.open(),
            b')' => self.close(),
            b';' => {
                self.frames.reset();
                self.names.forget(0);
                self.before_delete = None;
                self.in_routine = false;
            }
            b',' if !self.frames.is_beyond() => {
                let frame = self.frames.top();
                frame.clause = match frame.clause {
                    Clause::Body if frame.has(IN_LIST) => Clause::Target,
                    Clause::Body if self.before_delete.is_some() => Clause::Delete,
                    Clause::CteEnd => Clause::CteName,
                    clause => clause,
                };
            }
            _ => {}
        }
    }

    fn open(&mut self) {
        self.before_delete = None;
        let clause = match self.frames.top().clause {
            Clause::Start | Clause::CteBody => Clause::Start,
            Clause::Target => Clause::Target,
            Clause::Opaque => Clause::Opaque,
            _ => Clause::Body,
        };
        let flags = if clause == Clause::Target { IN_LIST | CAN_JOIN } else { 0 };
        self.frames.open(clause, flags, &self.names);
    }

    fn close(&mut self) {
        if !self.frames.close(&mut self.names) {
            return;
        }
        let frame = self.frames.top();
        frame.clause = match frame.clause {
            Clause::Target if frame.has(ENDS) => Clause::Opaque,
            Clause::Start | Clause::Target => Clause::Body,
            Clause::CteBody => {
                self.names.reveal();
                Clause::CteEnd
            }
            clause => clause,
        };
    }
}
