//! How finished spans and log records are gathered into batches.

use std::time::Duration;

use opentelemetry_sdk::logs::{
    BatchConfig as RecordConfig, BatchConfigBuilder as RecordConfigBuilder,
};
use opentelemetry_sdk::trace::{BatchConfig, BatchConfigBuilder};

/// How finished spans wait for each other, and how many of them may.
///
/// What is not said comes from the environment.
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "it has to be given to a builder"]
pub struct Batch {
    pub(in crate::sdk) schedule_delay: Option<Duration>,
    pub(in crate::sdk) export_timeout: Option<Duration>,
    pub(in crate::sdk) max_queue_size: Option<usize>,
    pub(in crate::sdk) max_export_batch_size: Option<usize>,
}

impl Batch {
    /// Nothing is said yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long the first of a batch waits for others; five seconds by default. Variable:
    /// `OTEL_BSP_SCHEDULE_DELAY`.
    pub fn schedule_delay(mut self, delay: Duration) -> Self {
        self.schedule_delay = Some(delay);
        self
    }

    /// How long sending a batch may take at most; thirty seconds by default. Variable:
    /// `OTEL_BSP_EXPORT_TIMEOUT`.
    pub fn export_timeout(mut self, timeout: Duration) -> Self {
        self.export_timeout = Some(timeout);
        self
    }

    /// How many may wait; those that come when so many wait are dropped. 2048 by default. Variable:
    /// `OTEL_BSP_MAX_QUEUE_SIZE`.
    pub fn max_queue_size(mut self, size: usize) -> Self {
        self.max_queue_size = Some(size.max(1));
        self
    }

    /// How many are sent at once, at most; 512 by default, and never more than may wait. Variable:
    /// `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`.
    pub fn max_export_batch_size(mut self, size: usize) -> Self {
        self.max_export_batch_size = Some(size.max(1));
        self
    }

    /// What is said here, and else what `other` says.
    pub(in crate::sdk) fn or(self, other: Self) -> Self {
        Self {
            schedule_delay: self.schedule_delay.or(other.schedule_delay),
            export_timeout: self.export_timeout.or(other.export_timeout),
            max_queue_size: self.max_queue_size.or(other.max_queue_size),
            max_export_batch_size: self.max_export_batch_size.or(other.max_export_batch_size),
        }
    }

    pub(in crate::sdk) fn queue_size(&self) -> usize {
        self.max_queue_size.unwrap_or(2048)
    }

    pub(in crate::sdk) fn timeout(&self) -> Duration {
        self.export_timeout.unwrap_or(Duration::from_secs(30))
    }

    /// For the SDK's processor of log records.
    pub(in crate::sdk) fn of_records(&self) -> RecordConfig {
        let queue = self.queue_size();
        RecordConfigBuilder::default()
            .with_scheduled_delay(self.schedule_delay.unwrap_or(Duration::from_secs(1)))
            .with_max_queue_size(queue)
            .with_max_export_batch_size(self.max_export_batch_size.unwrap_or(512).min(queue))
            .build()
    }

    /// For the SDK's processor of spans.
    pub(in crate::sdk) fn of_spans(&self) -> BatchConfig {
        let queue = self.queue_size();
        BatchConfigBuilder::default()
            .with_scheduled_delay(self.schedule_delay.unwrap_or(Duration::from_secs(5)))
            .with_max_queue_size(queue)
            .with_max_export_batch_size(self.max_export_batch_size.unwrap_or(512).min(queue))
            .build()
    }
}
