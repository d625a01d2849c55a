//! Log records: what `tracing` events become for OpenTelemetry.
//!
//! Like spans of `tracing`, they belong to whatever telemetry the process has at the moment: the
//! layer that makes them is installed once, and the provider behind it may come, go and come again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, PoisonError, RwLock};
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::{Logger, LoggerProvider, Severity};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::logs::{SdkLogRecord, SdkLogger, SdkLoggerProvider};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use super::exporter::{Sink, is_exporting};
use super::subscriber::default_record_filter;

/// What makes and sends log records, while there is something.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) provider: SdkLoggerProvider,
    pub(super) exporters: Vec<Sink>,
}

static ANY: AtomicBool = AtomicBool::new(false);
static LIVE: RwLock<Option<SdkLogger>> = RwLock::new(None);

/// Makes log records though nobody will have them.
static IDLE: LazyLock<SdkLogger> =
    LazyLock::new(|| SdkLoggerProvider::builder().build().logger("idle"));

impl Records {
    /// Lets all layers make records of this provider.
    pub(super) fn connect(&self) {
        let logger = self.provider.logger("tracing");
        *LIVE.write().unwrap_or_else(PoisonError::into_inner) = Some(logger);
        ANY.store(true, Ordering::Release);
    }

    /// Sends what is waiting and ends it all within this time.
    pub(super) fn end(&self, bound: Duration) {
        ANY.store(false, Ordering::Release);
        *LIVE.write().unwrap_or_else(PoisonError::into_inner) = None;
        let in_time = self.provider.shutdown_with_timeout(bound).is_ok();
        self.exporters.iter().for_each(|sink| sink.report.end(in_time, bound));
    }
}

/// A layer that hands `tracing` events to OpenTelemetry as log records, for a subscriber that you
/// build yourself. They have the ids of the span that is current, and go where
/// [`Builder::log_exporters`](super::Builder::log_exporters) says.
///
/// It can be installed before or after [`init`](super::init), and takes events of level `info` and
/// above, whatever other layers log.
///
/// ```
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let subscriber = tracing_subscriber::registry()
///     .with(tracewire::sdk::layer())
///     .with(tracewire::sdk::log_layer());
/// # drop(subscriber);
/// ```
pub fn log_layer<S>() -> impl Layer<S> + Send + Sync + 'static
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    records().with_filter(default_record_filter())
}

/// The same without a filter.
pub(super) fn records<S>() -> impl Layer<S> + Send + Sync + 'static
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    OpenTelemetryTracingBridge::new(&LateLogs)
}

/// Whoever it gives a logger is bound to a provider record by record.
#[derive(Clone, Copy, Debug)]
struct LateLogs;

impl LoggerProvider for LateLogs {
    type Logger = Self;

    fn logger_with_scope(&self, _: InstrumentationScope) -> Self {
        Self
    }
}

impl LateLogs {
    /// Runs with what is live, unless this thread does nothing but export: its own records would
    /// have to be exported, too.
    fn with<R>(f: impl FnOnce(&SdkLogger) -> R) -> Option<R> {
        if !ANY.load(Ordering::Acquire) || is_exporting() {
            return None;
        }
        let live = LIVE.read().unwrap_or_else(PoisonError::into_inner);
        live.as_ref().map(f)
    }
}

impl Logger for LateLogs {
    type LogRecord = SdkLogRecord;

    fn create_log_record(&self) -> SdkLogRecord {
        IDLE.create_log_record()
    }

    fn emit(&self, record: SdkLogRecord) {
        // Cloned, so that nothing is locked when a report of this very record's loss is logged.
        if let Some(logger) = Self::with(SdkLogger::clone) {
            logger.emit(record);
        }
    }

    fn event_enabled(&self, level: Severity, target: &str, name: Option<&str>) -> bool {
        Self::with(|logger| logger.event_enabled(level, target, name)).unwrap_or(false)
    }
}
