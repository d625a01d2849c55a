//! Spans out of sqlx's own log, for code that cannot be wrapped.

use std::fmt;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::SpanKind;
use opentelemetry::{Context, KeyValue};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context as LayerContext;

use super::analyses::analysis;
use super::in_flight::{ACQUIRE, Listener, has_span};
use super::server;
use super::settings::{Settings, Statement, Step};
use super::statement::{changes_rows, set_text};
use crate::measure::Slot;
use crate::span::{Operation, Outcome, Side, attributes as names};

/// Turns what sqlx logs about statements into spans.
///
/// It sees every statement of every pool in the process, whoever runs it: libraries, migrations,
/// listeners, generic code over `Acquire`. Statements that run through [`Pool`](super::Pool) and its
/// kin have their spans already and get no second ones.
///
/// ```
/// use tracing_subscriber::layer::SubscriberExt as _;
/// use tracewire::sqlx::{QueryLayer, Settings};
///
/// let layer = QueryLayer::new(&Settings::new().system("postgresql"));
/// let subscriber = tracing_subscriber::registry().with(layer);
/// # drop(subscriber);
/// ```
///
/// What the log does not say cannot be on the spans:
///
/// - sqlx logs a statement when it is over, so the span is made then, dated back. Nothing is current
///   while the driver works, and it is nobody's parent.
/// - There is no error: a failed statement looks like one that succeeded, or is not logged at all.
/// - There is no server, and no product unless [`Settings::system`] names one for all pools.
/// - The events are of level `DEBUG`, or `WARN` after one second. A filter on the whole subscriber
///   that hides them hides the spans; filters on other layers do not. Pools whose options switch
///   logging off are not seen.
/// - SQLite logs on a thread of its own, where only a `tracing` span of the caller is known: under a
///   span without one, the statement is the root of a trace. The subscriber must be the global one.
/// - Spans need an OpenTelemetry provider, in the settings' telemetry or the global one.
pub struct QueryLayer {
    settings: Settings,
    _listener: Listener,
}

impl QueryLayer {
    /// A layer that records statements by these settings.
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), _listener: Listener::new() }
    }

    fn statement(&self, logged: &Logged) {
        let text = logged.text();
        if text.is_empty() || has_span(text) {
            return;
        }
        let config = &self.settings.config;
        let parent = Context::current();
        let analysis = analysis(text, config.dialect(UNKNOWN));
        let statement = Statement { text, analysis: &analysis, prepared: false };
        if config.skips(&statement) {
            return;
        }
        let mut metered = config.measurement();
        metered.date_back(logged.elapsed());
        metered.label(|labels| config.server.label(UNKNOWN, analysis.summary(), labels));
        metered.count(Slot::ROWS, u64::try_from(logged.returned).unwrap_or_default());
        if config.ignores(&parent) {
            let operation = Operation::only_measured(parent, Side::Caller, metered);
            return operation.finish(Outcome::Success);
        }
        let kind = SpanKind::Client;
        let operation = config.telemetry.start_metered(metered, kind, &parent, |start| {
            start.reserve(server::ATTRIBUTES + 2 + config.counts());
            start.started_at(logged.started());
            config.server.describe(UNKNOWN, start);
            let summary = analysis.summary();
            if summary.is_empty() {
                start.name(config.server.fallback_name(UNKNOWN));
            } else {
                start.name(String::from(&**summary));
                start.set(KeyValue::new(names::DB_QUERY_SUMMARY, summary.clone()));
            }
            set_text(config, &analysis, false, start);
            if config.returned_rows {
                start.set(KeyValue::new(names::DB_RESPONSE_RETURNED_ROWS, logged.returned));
            }
            if config.affected_rows && changes_rows(summary) {
                start.set(KeyValue::new(names::DB_RESPONSE_AFFECTED_ROWS, logged.affected));
            }
            config.hook(&statement, start);
        });
        operation.finish(Outcome::Success);
    }

    fn acquire(&self, logged: &Logged) {
        let config = &self.settings.config;
        let long = logged.elapsed() >= config.acquire_threshold;
        let parent = Context::current();
        if has_span(ACQUIRE) || !long || !config.records(Step::Acquire) || config.ignores(&parent) {
            return;
        }
        let operation = config.telemetry.start(SpanKind::Internal, &parent, |start| {
            start.name("acquire");
            start.started_at(logged.started());
            config.server.describe(UNKNOWN, start);
        });
        operation.finish(Outcome::Success);
    }
}

/// Which driver logs is not said.
const UNKNOWN: &str = "";

impl<S: Subscriber> Layer<S> for QueryLayer {
    fn on_event(&self, event: &Event<'_>, _: LayerContext<'_, S>) {
        let read = || {
            let mut logged = Logged::default();
            event.record(&mut logged);
            logged
        };
        match event.metadata().target() {
            "sqlx::query" => self.statement(&read()),
            "sqlx::pool::acquire" => self.acquire(&read()),
            _ => {}
        }
    }
}

impl fmt::Debug for QueryLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryLayer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What one event says.
#[derive(Default)]
struct Logged {
    summary: String,
    statement: String,
    returned: i64,
    affected: i64,
    elapsed: f64,
}

impl Logged {
    /// The statement, which is left out where the summary, its first four words, says it all.
    fn text(&self) -> &str {
        let statement = self.statement.strip_prefix("\n\n").unwrap_or(&self.statement);
        let statement = statement.strip_suffix('\n').unwrap_or(statement);
        if statement.is_empty() { &self.summary } else { statement }
    }

    fn elapsed(&self) -> Duration {
        Duration::try_from_secs_f64(self.elapsed).unwrap_or_default()
    }

    fn started(&self) -> SystemTime {
        let now = SystemTime::now();
        now.checked_sub(self.elapsed()).unwrap_or(now)
    }
}

impl Visit for Logged {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.statement),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        match field.name() {
            "rows_returned" => self.returned = value,
            "rows_affected" => self.affected = value,
            _ => {}
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        match field.name() {
            "elapsed_secs" | "acquired_after_secs" => self.elapsed = value,
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
