//! `error.type` for errors of transports; its values are listed in the documentation of `http`.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::io;

type BoxError = Box<dyn Error + Send + Sync>;

/// Errors are chains of a few links; a longer one is not followed.
const MAX_LINKS: usize = 16;

/// How a library tells the type of one of its errors.
pub(crate) type ErrorType = fn(&(dyn Any + 'static)) -> Option<Cow<'static, str>>;

/// What an error's chain of sources says, or `None` when it says nothing that is known.
pub(crate) fn error_type(error: &(dyn Error + 'static)) -> Option<Cow<'static, str>> {
    let mut link = Some(error);
    for _ in 0..MAX_LINKS {
        let error = link?;
        if let Some(known) = link_type(error) {
            return Some(known);
        }
        // An `io::Error` around another error leaves that one out of its sources.
        let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        link = match within {
            Some(within) => Some(within),
            None => error.source(),
        };
    }
    None
}

/// What the errors say that are types without anything to ask them, and what it means.
const SAID: [(&str, &str); 9] = [
    ("timed out", "timeout"),
    ("deadline has elapsed", "timeout"),
    ("dns error", "dns"),
    ("connection closed before message completed", "unexpected_eof"),
    ("invalid HTTP", "protocol"),
    ("content-length parsed", "protocol"),
    ("transfer-encoding parsed", "protocol"),
    ("message head is too large", "protocol"),
    ("http2 error", "protocol"),
];

fn link_type(error: &(dyn Error + 'static)) -> Option<Cow<'static, str>> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return io_type(error);
    }
    let text = error.to_string();
    let (_, known) = SAID.iter().find(|(said, _)| text.contains(said))?;
    Some(Cow::Borrowed(known))
}

fn io_type(error: &io::Error) -> Option<Cow<'static, str>> {
    use io::ErrorKind as Kind;
    Some(Cow::Borrowed(match error.kind() {
        Kind::TimedOut => "timeout",
        Kind::ConnectionRefused => "connection_refused",
        Kind::ConnectionReset => "connection_reset",
        Kind::ConnectionAborted => "connection_aborted",
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => "unreachable",
        Kind::BrokenPipe => "broken_pipe",
        // The TLS libraries wrap their errors in these kinds.
        Kind::InvalidData if says(error, &TLS) => "tls",
        Kind::UnexpectedEof if says(error, &["handshake"]) => "tls",
        Kind::UnexpectedEof => "unexpected_eof",
        _ if error.to_string().contains("failed to lookup address") => "dns",
        _ => return None,
    }))
}

const TLS: [&str; 7] = [
    "certificate",
    "handshake",
    "tls",
    "alert",
    "corrupt message",
    "peer is incompatible",
    "peer misbehaved",
];

fn says(error: &io::Error, words: &[&str]) -> bool {
    let Some(within) = error.get_ref() else {
        return false;
    };
    let text = within.to_string().to_ascii_lowercase();
    words.iter().any(|word| text.contains(word))
}

/// The same for an error of any type: what the library says, or what is in a box.
pub(crate) fn any_error_type<E: 'static>(
    error: &E,
    library: ErrorType,
) -> Option<Cow<'static, str>> {
    let any: &(dyn Any + 'static) = error;
    let boxed = || any.downcast_ref::<BoxError>().and_then(|error| error_type(&**error));
    let socket = || any.downcast_ref::<io::Error>().and_then(|error| error_type(error));
    library(any).or_else(boxed).or_else(socket)
}

/// The name of an error's type, for errors of which nothing else is known. A box has no name.
pub(crate) fn type_name<E: 'static>() -> Cow<'static, str> {
    let name = std::any::type_name::<E>();
    Cow::Borrowed(if name.contains(['<', ' ']) { "_OTHER" } else { name })
}
