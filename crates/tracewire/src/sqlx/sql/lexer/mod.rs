//! Splits SQL text into tokens, once and from left to right, by the rules of one dialect.

mod quote;

use super::{Dialect, scan};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// White space.
    Space,
    /// A comment, without the line end that closes it.
    Comment,
    /// `/*!40101` or the `*/` that closes it: MySQL runs what is between.
    Marker,
    /// A keyword or an unquoted name.
    Word,
    /// A quoted name, quotes included.
    Quoted,
    /// A string, a number or anything never closed: a value that must not be shown.
    Literal,
    /// A place for a value that travels apart from the text: `?`, `$1`, `:name`.
    Parameter,
    /// A variable of the server: `@total`, `@@sql_mode`.
    Variable,
    /// Any other character, or `::`.
    Symbol,
}

/// A piece of the text, never empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// The first byte, which for a [`Kind::Symbol`] tells which.
    pub(super) first: u8,
    /// Where it begins, in bytes.
    pub(super) start: usize,
    pub(super) text: &'a str,
}

/// Reads tokens until the text ends; together they cover every byte of it.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    dialect: Dialect,
    at: usize,
    /// The last token reached up to here and was a name, a parameter or a closing bracket.
    after_operand: bool,
    /// Inside `/*! … */`.
    in_marker: bool,
}

// === impl Token ===

impl Token<'_> {
    pub(super) const fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub(super) fn is_symbol(&self, symbol: u8) -> bool {
        self.kind == Kind::Symbol && self.first == symbol
    }
}

// === impl Lexer ===

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a str, dialect: Dialect) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            dialect,
            at: 0,
            after_operand: false,
            in_marker: false,
        }
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or_default()
    }

    fn read(&mut self, at: usize, first: u8) -> (Kind, usize) {
        use Dialect::{MySql, Other, Postgres, Sqlite};
        let second = self.byte(at + 1);
        match first {
            b',' | b'(' | b')' | b'=' | b';' => (Kind::Symbol, at + 1),
            b'-' if second == b'-' && self.is_dash_comment(at) => self.line_comment(at),
            b'#' if self.dialect == MySql => self.line_comment(at),
            b'#' if self.dialect == Other
                && (second == b'#' || is_word(second) && !second.is_ascii_digit()) =>
            {
                self.word(at)
            }
            b'/' if second == b'*' => self.block_comment(at),
            b'*' if second == b'/' && self.in_marker => {
                self.in_marker = false;
                (Kind::Marker, at + 2)
            }
            b'\'' => self.string(at + 1, b'\'', self.dialect == MySql),
            b'"' if self.dialect == MySql => self.string(at + 1, b'"', true),
            b'"' => self.name(at, b'"'),
            b'`' if self.dialect != Postgres => self.name(at, b'`'),
            b'[' if matches!(self.dialect, Sqlite | Other) => self.bracket(at),
            b'.' if second.is_ascii_digit() && !self.after_operand => self.number(at),
            _ if first.is_ascii_digit() => self.number(at),
            b'+' | b'-' if !self.after_operand && self.is_number(at + 1) => {
                match self.number(at + 1) {
                    (Kind::Literal, end) => (Kind::Literal, end),
                    _ => (Kind::Symbol, at + 1),
                }
            }
            b'$' => self.dollar(at),
            b'?' if self.dialect == MySql => (Kind::Parameter, at + 1),
            b'?' if self.dialect != Postgres => {
                (Kind::Parameter, scan::run(self.bytes, at + 1, |byte| byte.is_ascii_digit()))
            }
            b':' if second == b':' => (Kind::Symbol, at + 2),
            b':' if matches!(self.dialect, Sqlite | Other) => {
                self.named(at, self.dialect == Sqlite)
            }
            b'@' if self.dialect != Postgres => self.at_sign(at),
            _ => (Kind::Symbol, at + 1),
        }
    }

    fn starts_word(&self, byte: u8) -> bool {
        is_word(byte) && !byte.is_ascii_digit() && (byte != b'$' || self.dialect == Dialect::MySql)
    }

    fn word_end(&self, at: usize) -> usize {
        if self.dialect == Dialect::Other {
            scan::run(self.bytes, at, |byte| is_word(byte) || matches!(byte, b'#' | b'@'))
        } else {
            scan::run(self.bytes, at, is_word)
        }
    }

    /// A word, or the literal or name that it is the prefix of: `E'…'`, `X'…'`, `U&"…"`.
    fn word(&self, at: usize) -> (Kind, usize) {
        use Dialect::{MySql, Other, Postgres};
        let end = self.word_end(at);
        let prefix = self.bytes.get(at..end).unwrap_or_default();
        match (prefix, self.byte(end)) {
            (b"E" | b"e", b'\'') if matches!(self.dialect, Postgres | Other) => {
                self.string(end + 1, b'\'', true)
            }
            (b"B" | b"b" | b"X" | b"x" | b"N" | b"n", b'\'') => {
                self.string(end + 1, b'\'', self.dialect == MySql)
            }
            (b"Q" | b"q" | b"NQ" | b"Nq" | b"nQ" | b"nq", b'\'') if self.dialect == Other => {
                self.alternative_string(end)
            }
            (b"U" | b"u", b'&') if matches!(self.dialect, Postgres | Other) => {
                match self.byte(end + 1) {
                    b'\'' => self.string(end + 2, b'\'', false),
                    b'"' => self.name(end + 1, b'"'),
                    _ => (Kind::Word, end),
                }
            }
            _ => (Kind::Word, end),
        }
    }

    fn is_number(&self, at: usize) -> bool {
        let byte = self.byte(at);
        byte.is_ascii_digit() || byte == b'.' && self.byte(at + 1).is_ascii_digit()
    }

    /// A number with whatever word characters follow it; MySQL lets a name begin with digits.
    fn number(&self, at: usize) -> (Kind, usize) {
        let digits = scan::number(self.bytes, at);
        let end = self.word_end(digits);
        if self.dialect == Dialect::MySql && end > digits && self.word_end(at) == end {
            return (Kind::Word, end);
        }
        (Kind::Literal, end)
    }

    fn is_dash_comment(&self, at: usize) -> bool {
        let third = self.bytes.get(at + 2);
        self.dialect != Dialect::MySql || third.is_none_or(|&byte| byte <= b' ' || byte == 0x7f)
    }

    /// `:name` and `@name`, and with `numbered` also `:1`.
    fn named(&self, at: usize, numbered: bool) -> (Kind, usize) {
        let first = self.byte(at + 1);
        if is_word(first) && first != b'$' && (numbered || !first.is_ascii_digit()) {
            (Kind::Parameter, scan::run(self.bytes, at + 1, is_word))
        } else {
            (Kind::Symbol, at + 1)
        }
    }

    fn at_sign(&self, at: usize) -> (Kind, usize) {
        match (self.dialect, self.byte(at + 1)) {
            (Dialect::Sqlite, _) => self.named(at, true),
            (Dialect::MySql, b'`') => match self.name(at + 1, b'`') {
                (Kind::Quoted, end) => (Kind::Variable, end),
                open => open,
            },
            (Dialect::MySql, second) if is_word(second) || matches!(second, b'@' | b'.') => (
                Kind::Variable,
                scan::run(self.bytes, at + 1, |byte| is_word(byte) || matches!(byte, b'@' | b'.')),
            ),
            (Dialect::Other, b'@') => (Kind::Variable, scan::run(self.bytes, at + 2, is_word)),
            (Dialect::Other, _) => self.named(at, false),
            _ => (Kind::Symbol, at + 1),
        }
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let start = self.at;
        let first = *self.bytes.get(start)?;
        let (kind, end) = if is_space(first) {
            (Kind::Space, scan::run(self.bytes, start + 1, is_space))
        } else if self.starts_word(first) {
            self.word(start)
        } else {
            self.read(start, first)
        };
        self.at = end;
        self.after_operand = match kind {
            Kind::Word | Kind::Quoted | Kind::Parameter | Kind::Variable => true,
            Kind::Symbol => matches!(first, b')' | b']'),
            Kind::Space | Kind::Comment | Kind::Marker | Kind::Literal => false,
        };
        let text = self.text.get(start..end).unwrap_or_default();
        Some(Token { kind, first, start, text })
    }
}

// === helpers ===

/// For each byte whether it continues a name. Every byte beyond ASCII does, so that no token ends inside a character.
const WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let ascii = byte as u8;
        table[byte] = ascii.is_ascii_alphanumeric() || matches!(ascii, b'_' | b'$') || byte >= 0x80;
        byte += 1;
    }
    table
};

pub(super) const fn is_word(byte: u8) -> bool {
    WORD[byte as usize]
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlx::sql::scan::steps;

    const DIALECTS: [Dialect; 4] =
        [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite, Dialect::Other];

    /// Texts made to have a lexer look ahead and turn back.
    const PIECES: [&str; 27] = [
        "'", "''", "\\'", "\"", "`", "[", "[a ", "$", "$$", "$a$", "$ab", "/*", "*/", "/*!", "--",
        "#", "q'[", "q'", "E'", "U&", "1e", "0x", "1.", "-1", "@", ":a", "a",
    ];

    #[test]
    fn tokens_cover_the_text() {
        for dialect in DIALECTS {
            for left in PIECES {
                for right in PIECES {
                    let text = format!("{left}{right} é{left}1{right}");
                    let mut end = 0;
                    for token in Lexer::new(&text, dialect) {
                        assert_eq!(token.start, end, "{text} {dialect:?}");
                        assert!(!token.text.is_empty());
                        assert!(
                            token.end() > end && text.is_char_boundary(token.end()),
                            "{text} {dialect:?}"
                        );
                        end = token.end();
                    }
                    assert_eq!(end, text.len(), "{text} {dialect:?}");
                }
            }
        }
    }

    #[test]
    fn work_is_linear() {
        for dialect in DIALECTS {
            for left in PIECES {
                for right in PIECES {
                    let text = format!("{left}{right}").repeat(400)
                        + &format!(" {right}{left}").repeat(400);
                    steps::take();
                    let tokens = Lexer::new(&text, dialect).count();
                    let steps = steps::take();
                    assert!(tokens <= text.len());
                    assert!(
                        steps <= 6 * text.len(),
                        "{steps} steps for {} bytes of {left}{right}, {dialect:?}",
                        text.len()
                    );
                }
            }
        }
    }
}
