//! `error.type` for errors of transports.
//!
//! | value | when |
//! |---|---|
//! | `timeout` | a time limit passed, or the socket timed out |
//! | `connection_refused`, `connection_reset`, `connection_aborted` | as the socket says |
//! | `unreachable` | there is no route to the host or the network |
//! | `dns` | the name does not resolve |
//! | `tls` | the handshake or the certificate failed |
//! | `connect` | connecting failed in another way |
//! | `broken_pipe`, `unexpected_eof` | the connection ended in the middle |
//! | `body` | the body failed in another way |
//! | `cancelled` | the caller of this server went away |
//! | `panic` | a panic passed through |
//! | a status code | as HTTP says |
//! | a type's name | everything else |

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
        link = error.source();
    }
    None
}

fn link_type(error: &(dyn Error + 'static)) -> Option<Cow<'static, str>> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return io_type(error);
    }
    // The time-outs of tower, tokio and others are types without anything to ask them.
    let text = error.to_string();
    let timed_out = ["timed out", "deadline has elapsed"].iter().any(|known| text.contains(known));
    timed_out.then_some(Cow::Borrowed("timeout"))
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
        Kind::UnexpectedEof => "unexpected_eof",
        // The TLS libraries wrap their errors in this kind.
        Kind::InvalidData if error.get_ref().is_some_and(speaks_of_tls) => "tls",
        _ if error.to_string().contains("failed to lookup address") => "dns",
        _ => return None,
    }))
}

fn speaks_of_tls(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    let text = error.to_string().to_ascii_lowercase();
    ["certificate", "handshake", "tls", "alert"].iter().any(|word| text.contains(word))
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
