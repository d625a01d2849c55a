//! Finds the secrets that stand in statements: passwords of accounts, keys of files, tokens.
//!
//! A literal is masked in the sanitized text whatever it is. What is decided here is which words and quoted names are
//! secrets too (`IDENTIFIED BY hunter2`, `PRAGMA key = "x'2DD2'"`), and whether a statement shows a secret at all, in
//! which case its text must not be recorded as it is even when its other values are parameters.

use super::Dialect;
use super::keyword::Keyword;
use super::lexer::{Kind, Token};
use super::secret_names::{ends_with, names_secret, takes_secret};

/// What becomes of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing secret about it.
    Keep,
    /// A secret that looks like a name: put the placeholder there.
    Mask,
    /// The rest of a secret that was cut into many tokens, as `p@ss#1` is.
    LeaveOut,
}

/// Reads one text token by token.
#[derive(Debug)]
pub(super) struct Secrets {
    dialect: Dialect,
    state: State,
    statement: Statement,
    previous: Keyword,
    found: bool,
}

/// What the next tokens may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Plain,
    /// After a word that names a secret; `assigned` after `=` or the like.
    Named {
        assigned: bool,
    },
    /// After `IDENTIFIED`.
    Identified,
    /// The secret itself comes next.
    Value,
    /// After a function that takes a secret.
    Function,
    /// Inside a masked secret that reaches up to this byte.
    Masked(usize),
}

/// What is known of the statement being read.
#[derive(Clone, Copy, Debug, Default)]
struct Statement {
    begun: bool,
    /// Reads or writes rows, so that `IDENTIFIED` and the like are columns.
    query: bool,
    /// Lists columns whose values follow.
    insert: bool,
    /// Makes or changes an account.
    account: bool,
    identified: bool,
    attach: bool,
    pragma: bool,
    /// Every literal from here on is a secret.
    sensitive: bool,
}

// === impl Secrets ===

impl Secrets {
    pub(super) fn new(dialect: Dialect) -> Self {
        let statement = Statement::default();
        Self { dialect, state: State::Plain, statement, previous: Keyword::Other, found: false }
    }

    /// Whether any secret has been seen.
    pub(super) const fn found(&self) -> bool {
        self.found
    }

    pub(super) fn token(&mut self, token: &Token<'_>, keyword: Keyword) -> Verdict {
        if let State::Masked(end) = self.state {
            let closes = matches!(token.first, b';' | b',' | b')');
            if token.start == end && !(token.kind == Kind::Symbol && closes) {
                self.state = State::Masked(token.end());
                return Verdict::LeaveOut;
            }
            self.state = State::Plain;
        }
        match token.kind {
            Kind::Space | Kind::Comment | Kind::Marker => Verdict::Keep,
            Kind::Word => {
                let verdict = self.word(token, keyword);
                self.previous = keyword;
                verdict
            }
            Kind::Quoted => self.quoted(token),
            Kind::Literal => {
                self.found |= self.statement.sensitive
                    || !matches!(self.state, State::Plain | State::Function);
                self.settle()
            }
            Kind::Parameter | Kind::Variable => self.settle(),
            Kind::Symbol => {
                self.symbol(token.first);
                Verdict::Keep
            }
        }
    }

    fn word(&mut self, token: &Token<'_>, keyword: Keyword) -> Verdict {
        use Keyword as K;
        if !self.statement.begun {
            self.begin(keyword);
        }
        let word = token.text;
        match (self.state, keyword) {
            (State::Value, K::Password | K::Values) => return Verdict::Keep,
            (State::Value, K::Random | K::Null) => return self.settle(),
            (State::Value, _) => return self.mask(token),
            (State::Identified, K::By | K::As | K::Using) => self.state = State::Value,
            (State::Identified, _) => {}
            (_, K::Identified) if !self.statement.query => {
                self.statement.identified = true;
                self.state = State::Identified;
            }
            (_, K::Replace) if self.statement.identified => self.state = State::Value,
            (_, K::Key) if self.statement.attach => self.state = State::Value,
            (_, K::Subscription | K::Mapping) if !self.statement.query => {
                self.statement.sensitive = true;
            }
            (_, K::User | K::Role | K::Login) if !self.statement.query => {
                self.statement.account = true;
            }
            (_, _) if self.statement.pragma && ends_with(word, "KEY") => self.state = State::Value,
            (State::Named { .. }, K::Other) if self.takes_bare_password() => {
                return self.mask(token);
            }
            (_, K::Other | K::Password) if names_secret(word) => {
                self.statement.sensitive |= self.previous == K::Set && !self.statement.query;
                self.state = State::Named { assigned: false };
            }
            (_, K::Other) if takes_secret(word) => self.state = State::Function,
            (State::Named { .. }, _) => return self.after_name(keyword),
            _ => self.state = State::Plain,
        }
        Verdict::Keep
    }

    /// A word after `PASSWORD` or the like.
    fn after_name(&mut self, keyword: Keyword) -> Verdict {
        use Keyword as K;
        match keyword {
            K::To
            | K::Is
            | K::Not
            | K::Like
            | K::Ilike
            | K::In
            | K::By
            | K::As
            | K::Using
            | K::For => Verdict::Keep,
            _ => self.settle(),
        }
    }

    /// SAP HANA takes the password of an account without quotes.
    fn takes_bare_password(&self) -> bool {
        self.statement.account
            && self.dialect == Dialect::Other
            && self.previous == Keyword::Password
    }

    fn quoted(&mut self, token: &Token<'_>) -> Verdict {
        let unquoted = token.text.get(1..token.text.len() - 1).unwrap_or_default();
        self.previous = Keyword::Other;
        match self.state {
            State::Value | State::Named { assigned: true } => self.mask(token),
            State::Named { .. } if self.statement.account => self.mask(token),
            State::Identified => Verdict::Keep,
            _ => {
                self.settle();
                if names_secret(unquoted) {
                    self.state = State::Named { assigned: false };
                }
                Verdict::Keep
            }
        }
    }

    fn symbol(&mut self, symbol: u8) {
        self.state = match (self.state, symbol) {
            (_, b';') => {
                self.statement = Statement::default();
                State::Plain
            }
            (State::Named { .. }, b'=' | b':' | b'(' | b'<' | b'>' | b'!' | b'~' | b'|') => {
                State::Named { assigned: true }
            }
            (State::Named { .. }, b',' | b')') if self.statement.insert => {
                self.statement.sensitive = true;
                State::Plain
            }
            (State::Function, b'(') => {
                self.statement.sensitive = true;
                State::Plain
            }
            (state @ (State::Value | State::Identified), b'=' | b'(' | b'@') => state,
            (State::Identified, _) => State::Identified,
            _ => State::Plain,
        };
    }

    fn begin(&mut self, keyword: Keyword) {
        use Keyword as K;
        self.statement.begun = true;
        match keyword {
            K::Insert | K::Replace | K::Upsert => {
                self.statement.query = true;
                self.statement.insert = true;
            }
            K::Select
            | K::With
            | K::Update
            | K::Delete
            | K::Merge
            | K::Values
            | K::Table
            | K::Explain
            | K::Copy => {
                self.statement.query = true;
            }
            K::Attach => {
                self.statement.attach = true;
                self.statement.sensitive = true;
            }
            K::Connect | K::Validate => self.statement.account = true,
            K::Change => self.statement.sensitive = true,
            K::Pragma => self.statement.pragma = true,
            _ => {}
        }
    }

    fn mask(&mut self, token: &Token<'_>) -> Verdict {
        self.found = true;
        self.state = State::Masked(token.end());
        Verdict::Mask
    }

    fn settle(&mut self) -> Verdict {
        if self.state != State::Identified {
            self.state = State::Plain;
        }
        Verdict::Keep
    }
}
