//! Messages: what is sent, received, processed and settled, and how their traces are linked.
//!
//! A [`Client`] stands for one client of one messaging system and opens the operations of the
//! conventions (semantic conventions 1.44, "Messaging spans"). The adapters for brokers are written
//! with it, and so can yours be: all that it needs of a message is a place for headers, a
//! [`Carrier`](crate::context::Carrier).
//!
//! ```
//! use std::collections::HashMap;
//! use tracewire::messaging::{Client, Config};
//! use tracewire::span::Outcome;
//!
//! # #[cfg(feature = "test")]
//! # futures_executor::block_on(async {
//! # let capture = tracewire::test::Capture::new();
//! # let config = Config::new().telemetry(&capture.telemetry());
//! let client = Client::new("pigeon_post", &config);
//!
//! // Whoever sends:
//! let mut headers = HashMap::new();
//! let sending = client.send("publish", &mut headers, |about| about.destination("orders"));
//! sending.run(async { /* the pigeon takes off */ }).await;
//! sending.finish(Outcome::Success);
//!
//! // Whoever works with the message, in another process:
//! let process = client.process("process", &headers, |about| about.destination("orders"));
//! process.run(async { /* what is done here is below the span of the message */ }).await;
//! process.finish(Outcome::Success);
//!
//! # use tracewire::test::expect;
//! // Two traces, and a link from the second to the first.
//! let traces = capture.traces();
//! traces[0].assert(expect::span("publish orders").producer());
//! traces[1].assert(expect::span("process orders").consumer().links(1));
//! # })
//! ```
//!
//! # Spans
//!
//! | operation | what it is | kind | `messaging.operation.type` |
//! |---|---|---|---|
//! | [`Client::create`] | one message of a batch gets a context of its own | producer | `create` |
//! | [`Client::send`] | one message leaves | producer; client if the message has a context already | `send` |
//! | [`Client::request`] | one message leaves and its answer is waited for | client | `send` |
//! | [`Client::send_batch`] | many messages leave at once | client; producer if they have its context | `send` |
//! | [`Client::receive`] | the application fetches messages | client | `receive` |
//! | [`Client::process`] | the application works on a message | consumer | `process` |
//! | [`Client::process_batch`] | it works on many at once | consumer | `process` |
//! | [`Client::settle`] | messages are acknowledged or refused | client | `settle` |
//!
//! A span is called by what the system calls the operation and by its destination: the template,
//! otherwise the name if it is neither temporary nor anonymous, otherwise `server.address:port`.
//! All attributes that are known when the operation starts are there for samplers to see.
//!
//! | attribute | when |
//! |---|---|
//! | `messaging.system`, `messaging.operation.name`, `messaging.operation.type` | always |
//! | `messaging.destination.name`, `.template`, `.temporary`, `.anonymous`, `.partition.id` | by [`About`] |
//! | `messaging.message.id`, `.conversation_id`, `.body.size`, `messaging.consumer.group.name` | by [`About`] |
//! | `messaging.batch.message_count` | batches, even of one message; never otherwise |
//! | `messaging.client.id`, `server.address`, `server.port` | by [`Config`] or [`About`] |
//! | `error.type` | it failed |
//!
//! # Links and parents
//!
//! The context in a message is its *creation context*: that of the span that sent it, or of its own
//! `create` span in a batch. Receiving, processing and settling **link** to it and stay in the trace
//! that they happen in. With [`Config::producer_as_parent`] the creation context becomes the parent
//! of the processing of a single message too; the link stays, and a span that was current becomes a
//! second link. Baggage in a message is current while it is processed, either way.
//!
//! A context that is in a message already when it is sent is the user's: it is not overwritten, the
//! send span is of kind client and links to it.
//!
//! Where nothing is recorded the context still travels: while a message is processed without a span
//! in sight, its creation context is current.
//!
//! # Within one process
//!
//! [`Envelope`] takes the context along with a job through any channel; [`spawn`](crate::spawn()) hands
//! the current context to a task.

mod about;
mod client;
mod config;
mod envelope;
mod process;
mod spawn;
mod unsettled;

pub use about::About;
pub use client::Client;
pub use config::Config;
pub use envelope::Envelope;
pub use process::Process;
pub use spawn::spawn;
pub(crate) use unsettled::Unsettled;
