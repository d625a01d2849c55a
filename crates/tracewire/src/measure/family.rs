//! Which instruments share the attributes of one operation.

use super::Choice;
use super::instrument::{self, Instrument};

/// A kind of operation, by what is measured of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Family {
    HttpServer,
    HttpServerActive,
    HttpClient,
    HttpClientActive,
    Database,
    RpcServer,
    RpcClient,
    /// Sending messages.
    MessagingSend,
    /// Asking for messages.
    MessagingReceive,
    /// Settling messages.
    MessagingSettle,
    /// Working on messages.
    MessagingProcess,
    /// Working on messages that were asked for, and counted then.
    MessagingProcessReceived,
}

/// What is counted of an operation besides its duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Slot {
    /// The bytes of the request's body.
    Request,
    /// The bytes of the response's body.
    Response,
}

impl Slot {
    /// Rows that came back.
    pub(crate) const ROWS: Self = Self::Request;
    /// Messages that were sent or delivered.
    pub(crate) const MESSAGES: Self = Self::Request;
}

/// The duration, or what is active, and what is counted besides.
pub(super) type Instruments = [Option<&'static Instrument>; 3];

impl Family {
    pub(super) const COUNT: usize = 12;

    /// The instruments of an operation, in the order of its values.
    pub(super) fn instruments(self, choice: &Choice) -> Instruments {
        let sizes = |request, response| {
            if choice.body_sizes { (Some(request), Some(response)) } else { (None, None) }
        };
        match self {
            Self::HttpServer => {
                let (request, response) = sizes(
                    &instrument::HTTP_SERVER_REQUEST_SIZE,
                    &instrument::HTTP_SERVER_RESPONSE_SIZE,
                );
                [Some(&instrument::HTTP_SERVER_DURATION), request, response]
            }
            Self::HttpClient => {
                let (request, response) = sizes(
                    &instrument::HTTP_CLIENT_REQUEST_SIZE,
                    &instrument::HTTP_CLIENT_RESPONSE_SIZE,
                );
                [Some(&instrument::HTTP_CLIENT_DURATION), request, response]
            }
            Self::HttpServerActive => [Some(&instrument::HTTP_SERVER_ACTIVE), None, None],
            Self::HttpClientActive => [Some(&instrument::HTTP_CLIENT_ACTIVE), None, None],
            Self::Database => {
                let rows = choice.returned_rows.then_some(&instrument::DB_ROWS);
                [Some(&instrument::DB_DURATION), rows, None]
            }
            Self::RpcServer => [Some(&instrument::RPC_SERVER_DURATION), None, None],
            Self::RpcClient => [Some(&instrument::RPC_CLIENT_DURATION), None, None],
            Self::MessagingSend => {
                [Some(&instrument::MESSAGING_DURATION), Some(&instrument::MESSAGING_SENT), None]
            }
            Self::MessagingReceive => {
                [Some(&instrument::MESSAGING_DURATION), Some(&instrument::MESSAGING_CONSUMED), None]
            }
            Self::MessagingSettle => [Some(&instrument::MESSAGING_DURATION), None, None],
            Self::MessagingProcessReceived => [Some(&instrument::MESSAGING_PROCESS), None, None],
            Self::MessagingProcess => {
                [Some(&instrument::MESSAGING_PROCESS), Some(&instrument::MESSAGING_CONSUMED), None]
            }
        }
    }
}
