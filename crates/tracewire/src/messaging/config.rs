//! Settings of messaging clients, in one handle that is cheap to clone.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::StringValue;

use crate::Telemetry;

/// Settings of a messaging [`Client`](super::Client) and of the adapters. Clones share everything.
///
/// ```
/// use std::time::Duration;
/// use tracewire::messaging::Config;
///
/// let config = Config::new()
///     .server_address("queue.internal", 5672)
///     .producer_as_parent()
///     .process_timeout(Duration::from_secs(60));
/// # drop(config);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub(super) settings: Arc<Settings>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    pub(super) telemetry: Telemetry,
    pub(super) server: Option<(StringValue, u16)>,
    pub(super) client_id: Option<StringValue>,
    pub(super) producer_as_parent: bool,
    pub(super) without_create_spans: bool,
    pub(super) ignore_baggage: bool,
    pub(super) process_timeout: Option<Duration>,
}

impl Config {
    /// The process-wide telemetry, links to producers, a `create` span for each message of a batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Spans of this telemetry.
    #[must_use]
    pub fn telemetry(self, telemetry: &Telemetry) -> Self {
        self.change(|settings| settings.telemetry = telemetry.clone())
    }

    /// Records `server.address` and, unless it is 0, `server.port`.
    #[must_use]
    pub fn server_address(self, host: impl Into<StringValue>, port: u16) -> Self {
        let server = Some((host.into(), port));
        self.change(|settings| settings.server = server)
    }

    /// Records `messaging.client.id`.
    #[must_use]
    pub fn client_id(self, id: impl Into<StringValue>) -> Self {
        let id = Some(id.into());
        self.change(|settings| settings.client_id = id)
    }

    /// What a client calls itself where the settings say nothing.
    pub(crate) fn client_id_if_none<T: Into<StringValue>>(self, id: impl FnOnce() -> T) -> Self {
        match &self.settings.client_id {
            Some(_) => self,
            None => self.client_id(id()),
        }
    }

    /// Where a client is connected to where the settings say nothing.
    #[allow(dead_code, reason = "for kafka, which `full` leaves out")]
    pub(crate) fn server_if_none(self, server: Option<(StringValue, u16)>) -> Self {
        match server {
            Some((host, port)) if self.settings.server.is_none() => self.server_address(host, port),
            _ => self,
        }
    }

    /// Makes the context of a message the parent of its processing, besides the link: one trace from
    /// the request to the last worker. Not for producers that are not trusted, whose sampling
    /// decisions would be followed.
    #[must_use]
    pub fn producer_as_parent(self) -> Self {
        self.change(|settings| settings.producer_as_parent = true)
    }

    /// Makes no `create` spans: all messages of a batch carry the context of the one `send` span.
    #[must_use]
    pub fn without_create_spans(self) -> Self {
        self.change(|settings| settings.without_create_spans = true)
    }

    /// Leaves baggage that came with a message out, for producers that are not trusted.
    #[must_use]
    pub fn ignore_baggage(self) -> Self {
        self.change(|settings| settings.ignore_baggage = true)
    }

    /// Ends the span of a message that is still being processed after this time, as an error with
    /// `error.type` `timeout`, so that a message that nobody settles cannot hide. The work goes on.
    ///
    /// Tokio keeps the time: where processing begins outside of a runtime of tokio there is no
    /// time-out. The runtime must have its timers enabled.
    #[must_use]
    pub fn process_timeout(self, timeout: Duration) -> Self {
        self.change(|settings| settings.process_timeout = Some(timeout))
    }

    fn change(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }
}
