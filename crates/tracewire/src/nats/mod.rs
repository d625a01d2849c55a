//! NATS: spans for messages sent, requests, and messages worked on, in core NATS and JetStream.
//!
//! ```no_run
//! use futures_util::StreamExt as _;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let nats = tracewire::nats::Client::new(async_nats::connect("localhost").await?);
//!
//! let mut orders = nats.queue_subscribe("orders.*", "billing").await?;
//! nats.publish("orders.eu", "one teapot".into()).await?;
//!
//! while let Some(message) = orders.next().await {
//!     // What is done here is below the span of the message, which ends when the message is dropped.
//!     message.run(async { println!("{:?}", message.payload) }).await;
//! }
//! # Ok(()) }
//! ```
//!
//! [`Client`] has the methods of `async_nats::Client` that send, ask and subscribe; all others are
//! reached through `Deref`. The spans are those of [`messaging`](crate::messaging), and its
//! [`Config`] holds the settings. `messaging.system` is `nats`, for which the conventions have no
//! page.
//!
//! | call | span | what it means |
//! |---|---|---|
//! | [`Client::publish`] and its kin | `publish {subject}` | the message was handed to the connection |
//! | [`Client::request`] and its kin | `request {subject}` | until the reply, to which it links, or the error |
//! | a message of a [`Subscriber`] | `process {subject}` | until it is dropped |
//! | [`jetstream::Context::publish`] and its kin | `publish {subject}` | until the acknowledgement, if somebody waits for it |
//! | a message of [`jetstream::Messages`] | `process {subject}` | until it is acknowledged or refused |
//! | [`jetstream::Message::ack`] and its kin | `ack {subject}`, `nak …`, `term …` | |
//!
//! A subject that is somebody's inbox stands in spans by its prefix, `_INBOX`, and one that matched a
//! subscription with wildcards by that subscription, so that names stay few.
//!
//! # Headers
//! Context travels in NATS headers, which tell upper from lower case. It is written in lower case, as
//! W3C has it, and read in any, for some clients write `Traceparent`. Servers before 2.2 know no
//! headers; they get messages as they were. So does a server whose limit for the size of a message
//! the context would exceed: a message that would have arrived without tracing arrives.

use opentelemetry::StringValue;

mod client;
mod headers;
pub mod jetstream;
mod subject;
mod subscriber;

pub use crate::messaging::Config;
pub use client::Client;
pub use subscriber::{Message, Subscriber};

/// The `messaging.system`.
const SYSTEM: &str = "nats";

/// What a subscription adds to what its messages say of themselves.
#[derive(Clone, Debug, Default)]
struct Subscription {
    /// The subject subscribed to, if it has wildcards.
    pattern: Option<StringValue>,
    /// The queue group, or the consumer of JetStream.
    group: Option<StringValue>,
}
