//! What sqlx's errors mean: `error.type` and `db.response.status_code`.
//!
//! | value of `error.type` | when |
//! |---|---|
//! | a code | as the database says: SQLSTATE, the number of MySQL and MariaDB, the extended result code of SQLite |
//! | `pool_timeout`, `pool_closed` | no connection was to be had |
//! | `timeout`, `connection_refused`, `connection_reset`, `connection_aborted`, `broken_pipe`, `unexpected_eof`, `unreachable`, `dns`, `io` | as the socket says |
//! | `tls` | the handshake failed |
//! | `configuration`, `protocol`, `encode`, `decode`, `argument` | as sqlx says |
//! | `begin_failed`, `worker_crashed`, `migrate` | as sqlx says |
//! | `_OTHER` | everything else |

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io;

use sqlx_core::error::{DatabaseError, Error};

use crate::span::Outcome;

/// What a failure is on a span.
pub(super) struct Failure {
    pub(super) outcome: Outcome,
    /// The database's own code.
    pub(super) code: Option<Cow<'static, str>>,
}

impl Failure {
    /// `None` for what is no failure: no row where one was asked for, and the warnings of classes 00
    /// and 01 of SQLSTATE.
    pub(super) fn of(error: &Error, system: &str, with_message: bool) -> Option<Self> {
        if matches!(error, Error::RowNotFound) {
            return None;
        }
        let code = error.as_database_error().and_then(|error| code(error, system));
        if let Some(code) = &code
            && code.len() == 5
            && (code.starts_with("00") || code.starts_with("01"))
        {
            return None;
        }
        let error_type = code.clone().unwrap_or(Cow::Borrowed(kind(error)));
        let description = match error.as_database_error() {
            Some(error) if with_message => Cow::Owned(error.message().to_owned()),
            _ => Cow::Borrowed(""),
        };
        Some(Self { outcome: Outcome::Error { error_type, description }, code })
    }
}

fn code(error: &dyn DatabaseError, system: &str) -> Option<Cow<'static, str>> {
    // MySQL's SQLSTATE is a rough class; its number says what happened, and stands first in the text.
    if matches!(system, "mysql" | "mariadb") {
        let mut number = Number::default();
        // Stops at the first other character, which is no failure.
        let _ = write!(number, "{error}");
        if !number.digits.is_empty() {
            return Some(Cow::Owned(number.digits));
        }
    }
    error.code().map(|code| Cow::Owned(code.into_owned()))
}

/// The digits that a text begins with.
#[derive(Default)]
struct Number {
    digits: String,
}

impl fmt::Write for Number {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const LONGEST: usize = 9;
        let more = text.chars().take_while(char::is_ascii_digit).take(LONGEST - self.digits.len());
        let before = self.digits.len();
        self.digits.extend(more);
        if self.digits.len() - before == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

fn kind(error: &Error) -> &'static str {
    match error {
        Error::Configuration(_) | Error::ConfigFile(_) => "configuration",
        Error::InvalidArgument(_) => "argument",
        Error::Io(error) => io_kind(error),
        Error::Tls(_) => "tls",
        Error::Protocol(_) => "protocol",
        Error::Encode(_) => "encode",
        Error::TypeNotFound { .. }
        | Error::ColumnIndexOutOfBounds { .. }
        | Error::ColumnNotFound(_)
        | Error::ColumnDecode { .. }
        | Error::Decode(_)
        | Error::AnyDriverError(_) => "decode",
        Error::PoolTimedOut => "pool_timeout",
        Error::PoolClosed => "pool_closed",
        Error::WorkerCrashed => "worker_crashed",
        Error::Migrate(_) => "migrate",
        Error::InvalidSavePointStatement | Error::BeginFailed => "begin_failed",
        _ => "_OTHER",
    }
}

fn io_kind(error: &io::Error) -> &'static str {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::TimedOut => "timeout",
        Kind::ConnectionRefused => "connection_refused",
        Kind::ConnectionReset => "connection_reset",
        Kind::ConnectionAborted => "connection_aborted",
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => "unreachable",
        Kind::BrokenPipe => "broken_pipe",
        Kind::UnexpectedEof => "unexpected_eof",
        _ if error.to_string().contains("failed to lookup address") => "dns",
        _ => "io",
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::error::Error as StdError;
    use std::io;

    use sqlx_core::error::{DatabaseError, Error, ErrorKind};

    use super::Failure;
    use crate::span::Outcome;

    #[derive(Debug)]
    struct Refused {
        code: Option<&'static str>,
        text: &'static str,
    }

    impl std::fmt::Display for Refused {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.text)
        }
    }

    impl StdError for Refused {}

    impl DatabaseError for Refused {
        fn message(&self) -> &str {
            "the message"
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            self.code.map(Cow::Borrowed)
        }

        fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    /// The error type and the code.
    fn read(error: &Error, system: &str) -> Option<(String, Option<String>)> {
        let failure = Failure::of(error, system, false)?;
        match failure.outcome {
            Outcome::Error { error_type, description } => {
                assert_eq!(description, "");
                Some((error_type.into_owned(), failure.code.map(Cow::into_owned)))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn databases_have_codes_of_their_own() {
        for (system, code, text, expected) in [
            ("postgresql", Some("23505"), "duplicate", Some("23505")),
            ("postgresql", Some("02000"), "no data", Some("02000")),
            ("postgresql", Some("01000"), "warning", None),
            ("postgresql", Some("00000"), "nothing", None),
            ("mysql", Some("42S02"), "1146 (42S02): Table", Some("1146")),
            ("mariadb", None, "1062: Duplicate", Some("1062")),
            ("mysql", Some("42S02"), "1234567890123: x", Some("123456789")),
            ("mysql", Some("HY000"), "lost", Some("HY000")),
            ("sqlite", Some("2067"), "(code: 2067) UNIQUE", Some("2067")),
        ] {
            let error = Error::Database(Box::new(Refused { code, text }));
            let expected = expected.map(|code| (code.to_owned(), Some(code.to_owned())));
            assert_eq!(read(&error, system), expected, "{system} {text}");
        }
        let nameless = Error::Database(Box::new(Refused { code: None, text: "" }));
        assert_eq!(read(&nameless, "other_sql"), Some(("_OTHER".to_owned(), None)));
    }

    #[test]
    fn other_failures_have_names() {
        let io = |kind| Error::Io(io::Error::from(kind));
        for (error, expected) in [
            (Error::PoolTimedOut, "pool_timeout"),
            (Error::PoolClosed, "pool_closed"),
            (io(io::ErrorKind::ConnectionRefused), "connection_refused"),
            (io(io::ErrorKind::UnexpectedEof), "unexpected_eof"),
            (io(io::ErrorKind::Other), "io"),
            (Error::Io(io::Error::other("failed to lookup address information")), "dns"),
            (Error::ColumnNotFound("x".into()), "decode"),
            (Error::WorkerCrashed, "worker_crashed"),
        ] {
            assert_eq!(read(&error, "postgresql"), Some((expected.to_owned(), None)), "{error:?}");
        }
        assert_eq!(read(&Error::RowNotFound, "postgresql"), None);
    }

    #[test]
    fn messages_are_told_by_choice() {
        let error = Error::Database(Box::new(Refused { code: Some("1"), text: "" }));
        let failure = Failure::of(&error, "sqlite", true).map(|failure| failure.outcome);
        let expected = Outcome::Error { error_type: "1".into(), description: "the message".into() };
        assert_eq!(failure, Some(expected));
    }
}
