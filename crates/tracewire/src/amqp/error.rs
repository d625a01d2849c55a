//! What the errors of the driver and of the broker mean for a span.

use std::io;

use lapin::message::BasicReturnMessage;
use lapin::protocol::{AMQPError, AMQPErrorKind};
use lapin::{Confirmation, Error, ErrorKind};

use crate::span::Outcome;

/// A failure, by a name of low cardinality; what the broker says about it may quote names and is
/// not recorded.
pub(super) fn failed(error: &Error) -> Outcome {
    Outcome::error(match error.kind() {
        ErrorKind::ProtocolError(error) => return refused(error),
        ErrorKind::IOError(error) => of_io(error.kind()),
        ErrorKind::RuntimeShutdownError(_) => "runtime_shutdown",
        ErrorKind::InvalidChannel(_) | ErrorKind::InvalidChannelState(..) => CHANNEL_CLOSED,
        ErrorKind::InvalidConnectionState(_) => "connection_closed",
        ErrorKind::MissingHeartbeatError => "heartbeat",
        ErrorKind::ParsingError(_) => "parse",
        ErrorKind::SerialisationError(_) => "serialisation",
        ErrorKind::ChannelsLimitReached => "channels_limit_reached",
        _ => "_OTHER",
    })
}

/// The broker's own name for why it said no.
fn refused(error: &AMQPError) -> Outcome {
    Outcome::error(match error.kind() {
        AMQPErrorKind::Soft(kind) => kind.to_string(),
        AMQPErrorKind::Hard(kind) => kind.to_string(),
    })
}

/// The `error.type` of what was not settled before its channel went away.
pub(super) const CHANNEL_CLOSED: &str = "channel_closed";

fn of_io(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::TimedOut => "timeout",
        io::ErrorKind::ConnectionRefused => "connection_refused",
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => "connection_dropped",
        _ => "io",
    }
}

/// How a publish ended.
pub(super) fn published(confirmation: &lapin::Result<Confirmation>) -> Outcome {
    match confirmation {
        Ok(Confirmation::Ack(None) | Confirmation::NotRequested) => Outcome::Success,
        Ok(Confirmation::Ack(Some(message))) => returned(message),
        Ok(Confirmation::Nack(_)) => Outcome::error("nack"),
        Err(error) => failed(error),
    }
}

fn returned(message: &BasicReturnMessage) -> Outcome {
    match message.error() {
        Some(error) => refused(&error),
        None => Outcome::error("returned"),
    }
}
