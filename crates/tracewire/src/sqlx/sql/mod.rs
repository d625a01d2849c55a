//! What the text of an SQL statement says: its `db.query.summary`, and the `db.query.text` that may be recorded.
//!
//! One pass over the text, without a grammar, in linear time. See the semantic conventions for database client spans,
//! "Sanitization of `db.query.text`" and "Generating a summary of the query".
//!
//! ```
//! use tracewire::sqlx::sql::{Dialect, analyze};
//!
//! let analysis = analyze("SELECT name FROM users u JOIN teams t ON t.id = 7", Dialect::Postgres);
//! assert_eq!(&**analysis.summary(), "SELECT users teams");
//! assert_eq!(&**analysis.sanitized(), "SELECT name FROM users u JOIN teams t ON t.id = ?");
//!
//! let analysis = analyze("UPDATE jobs SET state = 'done' WHERE id = $1", Dialect::Postgres);
//! assert!(analysis.has_parameters() && analysis.has_literals());
//! assert_eq!(&**analysis.query_text(), "UPDATE jobs SET state = 'done' WHERE id = $1");
//! ```

mod cache;
mod keyword;
mod lexer;
mod sanitize;
mod scan;
mod secret;
mod secret_names;
mod summary;

use std::borrow::Cow;
use std::sync::Arc;

pub use cache::AnalysisCache;
use keyword::Keyword;
use lexer::{Kind, Lexer};
use sanitize::Sanitizer;
use secret::{Secrets, Verdict};
use summary::Summary;

/// The longest text that is analysed, in bytes. A longer one is cut before the token that reaches beyond; what follows
/// appears neither in the summary nor in any text that may be recorded.
pub const LIMIT: usize = 32 * 1024;

/// Whose rules a text is read by: what is a string, a name, a comment, a parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// PostgreSQL and what speaks like it, with `standard_conforming_strings` on.
    Postgres,
    /// MySQL and MariaDB, with neither `ANSI_QUOTES` nor `NO_BACKSLASH_ESCAPES` set.
    MySql,
    /// SQLite. Text in double quotes is a name, also where SQLite would make do with a string.
    Sqlite,
    /// Anything else: the SQL standard, with SQL Server's brackets, Oracle's `q'[…]'` and PostgreSQL's dollar quotes.
    #[default]
    Other,
}

/// What one text says. Never holds a secret that was found in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Analysis {
    dialect: Dialect,
    summary: Arc<str>,
    /// The summary as the name of spans, if it is remembered.
    name: Remembered,
    original: Arc<str>,
    sanitized: Arc<str>,
    literals: bool,
    parameters: bool,
    secrets: bool,
    truncated: bool,
}

/// A text that lasts. It repeats what an analysis says, which is the same with or without it.
#[derive(Clone, Copy, Debug, Default)]
struct Remembered(Option<&'static str>);

impl PartialEq for Remembered {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Remembered {}

/// Reads `text` by the rules of `dialect`. Never fails: in a text that is no SQL it finds no summary.
#[must_use]
pub fn analyze(text: &str, dialect: Dialect) -> Analysis {
    let read = text.get(..text.floor_char_boundary(LIMIT)).unwrap_or(text);
    let truncated = read.len() < text.len();
    let mut sanitizer = Sanitizer::new(read);
    let mut secrets = Secrets::new(dialect);
    let mut summary = Summary::new(dialect);
    let (mut literals, mut parameters, mut end) = (false, false, 0);
    let mut previous = Keyword::Other;

    for mut token in Lexer::new(read, dialect) {
        if truncated && token.end() == read.len() {
            break;
        }
        end = token.end();
        if token.kind == Kind::Space {
            sanitizer.space();
            continue;
        }
        let mut keyword = Keyword::Other;
        if token.kind == Kind::Word {
            keyword = Keyword::of(token.text);
            let value = matches!(keyword, Keyword::True | Keyword::False);
            // `IS TRUE` is an operator, in which the word is no value.
            if value && !matches!(previous, Keyword::Is | Keyword::Not) {
                token.kind = Kind::Literal;
            }
        }
        let verdict = secrets.token(&token, keyword);
        match (verdict, token.kind) {
            (Verdict::Mask, _) => {
                token.kind = Kind::Literal;
                sanitizer.replace(&token);
            }
            (Verdict::LeaveOut, _) => {
                token.kind = Kind::Comment;
                sanitizer.leave_out(&token);
            }
            (Verdict::Keep, Kind::Comment) => sanitizer.leave_out(&token),
            (Verdict::Keep, Kind::Literal) => sanitizer.replace(&token),
            (Verdict::Keep, _) => sanitizer.keep(&token, keyword),
        }
        literals |= token.kind == Kind::Literal;
        parameters |= token.kind == Kind::Parameter;
        summary.token(&token, keyword);
        previous = keyword;
    }

    let secrets = secrets.found();
    let read = read.get(..end).unwrap_or(read);
    let sanitized = sanitizer.finish(end).map(Arc::from);
    let original = match &sanitized {
        Some(sanitized) if secrets => Arc::clone(sanitized),
        _ => Arc::from(read),
    };
    Analysis {
        dialect,
        name: Remembered::default(),
        summary: Arc::from(summary.finish()),
        sanitized: sanitized.unwrap_or_else(|| Arc::clone(&original)),
        original,
        literals,
        parameters,
        secrets,
        truncated,
    }
}

// === impl Dialect ===

impl Dialect {
    /// The dialect of a `db.system.name`.
    #[must_use]
    pub fn of_system(name: &str) -> Self {
        match name {
            "postgresql" | "cockroachdb" => Self::Postgres,
            "mysql" | "mariadb" => Self::MySql,
            "sqlite" => Self::Sqlite,
            _ => Self::Other,
        }
    }
}

// === impl Analysis ===

impl Analysis {
    /// The summary as the name of a span.
    pub(super) fn name(&self) -> Cow<'static, str> {
        self.name.0.map_or_else(|| Cow::Owned(self.summary.to_string()), Cow::Borrowed)
    }

    /// `db.query.summary`: operations and targets in the order and spelling of the text, at most 255 characters, cut
    /// between tokens only. Empty where the text is not understood.
    #[must_use]
    pub const fn summary(&self) -> &Arc<str> {
        &self.summary
    }

    /// The text without comments and with every literal replaced by `?`; lists of literals after `IN` become `(?)`.
    #[must_use]
    pub const fn sanitized(&self) -> &Arc<str> {
        &self.sanitized
    }

    /// The text for a statement whose values are known to have travelled apart from it: as it was written, unless it
    /// shows a secret such as a password, in which case it is the sanitized one.
    #[must_use]
    pub const fn parameterized(&self) -> &Arc<str> {
        &self.original
    }

    /// `db.query.text` as far as the text alone can tell: as it was written if it has parameters or no literals, else
    /// sanitized. Secrets are never in it.
    #[must_use]
    pub const fn query_text(&self) -> &Arc<str> {
        if self.parameters || !self.literals { &self.original } else { &self.sanitized }
    }

    /// Whether any value stands in the text.
    #[must_use]
    pub const fn has_literals(&self) -> bool {
        self.literals
    }

    /// Whether the text has places for values that travel apart from it: `?`, `$1`, `:name`.
    #[must_use]
    pub const fn has_parameters(&self) -> bool {
        self.parameters
    }

    /// Whether a password or another secret stands in the text.
    #[must_use]
    pub const fn has_secrets(&self) -> bool {
        self.secrets
    }

    /// Whether it is what was made of this text by these rules, which showed no secret.
    pub(super) fn is_of(&self, text: &str, dialect: Dialect) -> bool {
        self.dialect == dialect && *self.original == *text
    }

    /// Whether the text was longer than [`LIMIT`] and only its beginning was read.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.truncated
    }
}
