//! The model of messaging over headers in a map, without a broker.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod batches;
mod envelopes;
mod links;
mod processing;
mod spans;

use std::collections::HashMap;

/// The headers of a message.
type Headers = HashMap<String, String>;

/// Headers with a context that somebody else has written.
fn foreign() -> Headers {
    Headers::from([("traceparent".to_owned(), FOREIGN.to_owned())])
}

const FOREIGN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const FOREIGN_SPAN: &str = "b7ad6b7169203331";
const FOREIGN_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
