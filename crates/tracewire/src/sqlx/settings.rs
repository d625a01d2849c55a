//! What is recorded of a database's work, and what is left out.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::StringValue;

use super::comment::Comment;
use super::config::{Config, Text};
use super::sql::Analysis;
use crate::Telemetry;
use crate::span::Start;

/// What is recorded of a database's work, and what is left out. Cheap to clone.
///
/// ```
/// use tracewire::sqlx::{Settings, Step};
///
/// let settings = Settings::new()
///     .returned_rows()
///     .record(Step::Ping)
///     .omit(Step::Prepare)
///     .skip(|statement| statement.text() == "SELECT 1");
/// # drop(settings);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub(super) config: Arc<Config>,
}

/// Work besides statements that can have spans of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u8)]
pub enum Step {
    /// Taking a connection from the pool, where that fails or takes longer than
    /// [`Settings::acquire_threshold`]: waiting for one, connecting, asking whether it still works.
    /// On.
    Acquire,
    /// Connecting a pool. Connections that it opens later are part of taking them. Off.
    Connect,
    /// An explicit `prepare`. Statements that sqlx prepares by itself are part of their first
    /// execution. On.
    Prepare,
    /// `BEGIN`, `COMMIT`, `ROLLBACK` and savepoints, rollbacks by dropping included. On.
    Transaction,
    /// A ping that was asked for; those of the pool are part of taking a connection. Off.
    Ping,
    /// A run of migrations. On.
    Migrate,
}

/// Whose statements carry the trace context in a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommentContext {
    /// Those that no cache keeps: `raw_sql`, plain text, and queries that are not `persistent`.
    Unprepared,
    /// All that are sampled. Such a statement is never kept prepared: it is planned anew each time,
    /// and its connection's cache does not grow.
    Sampled,
}

/// A statement that is about to run.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    pub(super) text: &'a str,
    pub(super) analysis: &'a Analysis,
    pub(super) prepared: bool,
}

impl Settings {
    /// What is recorded without further words.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }

    /// Uses this telemetry instead of the process-wide one.
    #[must_use]
    pub fn telemetry(self, telemetry: &Telemetry) -> Self {
        self.with(|config| config.telemetry = telemetry.clone())
    }

    /// Makes spans for this step.
    #[must_use]
    pub fn record(self, step: Step) -> Self {
        self.with(|config| config.steps.add(step))
    }

    /// Makes no spans for this step.
    #[must_use]
    pub fn omit(self, step: Step) -> Self {
        self.with(|config| config.steps.remove(step))
    }

    /// How long taking a connection lasts before it is worth a span; 5 ms by default.
    #[must_use]
    pub fn acquire_threshold(self, threshold: Duration) -> Self {
        self.with(|config| config.acquire_threshold = threshold)
    }

    /// Names the pool in its metrics (`db.client.connection.pool.name`), in place of
    /// `host:port/database`. Pools of the same name are measured as one.
    #[must_use]
    pub fn pool_name(self, name: impl Into<Arc<str>>) -> Self {
        self.with(|config| config.pool_name = Some(name.into()))
    }

    /// Names the product (`db.system.name`) where the driver cannot: `mariadb`, `cockroachdb`. Its
    /// rules are those by which statements are read.
    #[must_use]
    pub fn system(self, name: impl Into<Cow<'static, str>>) -> Self {
        let name: Cow<'static, str> = name.into();
        self.with(|config| config.server.set_system(shared(name)))
    }

    /// Names the database (`db.namespace`) in place of what the connection's options say.
    #[must_use]
    pub fn namespace(self, name: impl Into<Arc<str>>) -> Self {
        self.with(|config| config.server.namespace = Some(name.into()))
    }

    /// Says where the server is, in place of what the connection's options say: a host, an address
    /// or a socket's path. The port is recorded unless it is the product's own.
    #[must_use]
    pub fn server(self, address: impl Into<Arc<str>>, port: Option<u16>) -> Self {
        self.with(|config| {
            config.server.address = Some(address.into());
            config.server.port = port;
        })
    }

    /// Records no `db.query.text`.
    #[must_use]
    pub fn without_query_text(self) -> Self {
        self.with(|config| config.text = Text::Nothing)
    }

    /// Takes the literals out of `db.query.text` also where a statement has parameters.
    #[must_use]
    pub fn always_sanitized(self) -> Self {
        self.with(|config| config.text = Text::Sanitized)
    }

    /// Records how many rows came back (`db.response.returned_rows`).
    #[must_use]
    pub fn returned_rows(self) -> Self {
        self.with(|config| config.returned_rows = true)
    }

    /// Records how many rows an `INSERT`, `UPDATE`, `DELETE`, `REPLACE` or `MERGE` changed
    /// (`db.response.affected_rows`), on what goes through a [`Pool`](super::Pool).
    #[must_use]
    pub fn affected_rows(self) -> Self {
        self.with(|config| config.affected_rows = true)
    }

    /// Writes the database's message into the status of a failed span. Messages may show values.
    #[must_use]
    pub fn error_messages(self) -> Self {
        self.with(|config| config.error_messages = true)
    }

    /// Makes spans only below others, and none for work that has no caller in sight: health checks,
    /// background refreshes.
    #[must_use]
    pub fn only_below_a_parent(self) -> Self {
        self.with(|config| config.parent_required = true)
    }

    /// Makes no span for statements of which this function says so.
    #[must_use]
    pub fn skip(self, skips: impl Fn(&Statement<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.with(|config| config.filters.push(Arc::new(skips)))
    }

    /// Adds attributes or changes the name when a statement starts; samplers see them. Not called
    /// for statements that nobody records.
    #[must_use]
    pub fn on_statement(
        self,
        hook: impl Fn(&Statement<'_>, &mut Start) + Send + Sync + 'static,
    ) -> Self {
        self.with(|config| config.on_statement = Some(Arc::new(hook)))
    }

    /// Appends a comment with these tags to every statement, as SQLCommenter does. It is always the
    /// same, so that a statement stays one statement for every cache. A statement that holds a
    /// comment already is left as it is.
    #[must_use]
    pub fn comment<K: AsRef<str>, V: AsRef<str>>(
        self,
        tags: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.with_comment(|comment| comment.tag(tags))
    }

    /// Appends a comment with the trace context, in the telemetry's formats. Baggage stays out.
    #[must_use]
    pub fn comment_context(self, whose: CommentContext) -> Self {
        self.with_comment(|comment| comment.context = Some(whose))
    }

    fn with_comment(self, change: impl FnOnce(&mut Comment)) -> Self {
        self.with(|config| change(Arc::make_mut(config.comment.get_or_insert_default())))
    }

    /// On PostgreSQL, tells the server which trace a sampled transaction belongs to: its
    /// `application_name` is the `traceparent` until it ends. Costs one more statement for each such
    /// transaction.
    #[must_use]
    pub fn application_name(self) -> Self {
        self.with(|config| config.application_name = true)
    }
}

// === impl Statement ===

impl<'a> Statement<'a> {
    /// The text as it was written, literals and secrets included.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The operations and targets of it, such as `SELECT orders`; empty if it is not understood.
    pub fn summary(&self) -> &'a str {
        self.analysis.summary()
    }

    /// Whether it runs as a prepared statement.
    pub fn is_prepared(&self) -> bool {
        self.prepared
    }
}

/// Text that is cloned for every span.
fn shared(text: Cow<'static, str>) -> StringValue {
    match text {
        Cow::Borrowed(text) => StringValue::from(text),
        Cow::Owned(text) => StringValue::from(Arc::<str>::from(text)),
    }
}
