//! What is written between delimiters: strings, quoted names and comments.

use super::{Dialect, Kind, Lexer, is_word};
use crate::sqlx::sql::scan;

impl Lexer<'_> {
    pub(super) fn string(&self, at: usize, quote: u8, backslash: bool) -> (Kind, usize) {
        (Kind::Literal, scan::quoted(self.bytes, at, quote, backslash).0)
    }

    /// Oracle's `q'[…]'`, whose quote is at `at`.
    pub(super) fn alternative_string(&self, at: usize) -> (Kind, usize) {
        let close = match self.byte(at + 1) {
            b'[' => b']',
            b'{' => b'}',
            b'(' => b')',
            b'<' => b'>',
            other => other,
        };
        (Kind::Literal, scan::until(self.bytes, at + 2, &[close, b'\'']))
    }

    /// A quoted name; one that is never closed is masked like a string.
    pub(super) fn name(&self, at: usize, quote: u8) -> (Kind, usize) {
        match scan::quoted(self.bytes, at + 1, quote, false) {
            (end, true) => (Kind::Quoted, end),
            (end, false) => (Kind::Literal, end),
        }
    }

    /// `[name]`; where arrays are possible too, told from them by what it follows and what it holds.
    pub(super) fn bracket(&self, at: usize) -> (Kind, usize) {
        if self.dialect == Dialect::Sqlite {
            let end = scan::run(self.bytes, at, |byte| byte != b']');
            return if end < self.bytes.len() {
                (Kind::Quoted, end + 1)
            } else {
                (Kind::Literal, end)
            };
        }
        let second = self.byte(at + 1);
        if !self.after_operand
            && (is_word(second) || matches!(second, b'#' | b'@'))
            && !second.is_ascii_digit()
        {
            let stop = |byte| matches!(byte, b']' | b'[' | b'\'' | b'"' | b',' | b'(' | b'\n');
            let end = scan::run(self.bytes, at + 1, |byte| !stop(byte));
            if self.byte(end) == b']' {
                return (Kind::Quoted, end + 1);
            }
        }
        (Kind::Symbol, at + 1)
    }

    pub(super) fn line_comment(&self, at: usize) -> (Kind, usize) {
        (Kind::Comment, scan::run(self.bytes, at, |byte| byte != b'\n'))
    }

    pub(super) fn block_comment(&mut self, at: usize) -> (Kind, usize) {
        let bang = at + 2 + usize::from(self.byte(at + 2) == b'M');
        if self.dialect == Dialect::MySql && self.byte(bang) == b'!' {
            self.in_marker = true;
            return (Kind::Marker, scan::run(self.bytes, bang + 1, |byte| byte.is_ascii_digit()));
        }
        let nested = matches!(self.dialect, Dialect::Postgres | Dialect::Other);
        (Kind::Comment, scan::block_comment(self.bytes, at + 2, nested))
    }

    /// `$1`, `$name`, or a dollar-quoted string with its tag.
    pub(super) fn dollar(&self, at: usize) -> (Kind, usize) {
        use Dialect::{Other, Postgres, Sqlite};
        if self.byte(at + 1).is_ascii_digit() && self.dialect != Sqlite {
            return (Kind::Parameter, scan::run(self.bytes, at + 1, |byte| byte.is_ascii_digit()));
        }
        let tag = scan::run(self.bytes, at + 1, |byte| is_word(byte) && byte != b'$');
        match self.dialect {
            Postgres | Other if self.byte(tag) == b'$' => {
                let close = self.bytes.get(at..=tag).unwrap_or_default();
                (Kind::Literal, scan::until(self.bytes, tag + 1, close))
            }
            Sqlite | Other if tag > at + 1 => (Kind::Parameter, tag),
            _ => (Kind::Symbol, at + 1),
        }
    }
}
