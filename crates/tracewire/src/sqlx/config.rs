//! What [`Settings`](super::Settings) say, as it is asked for while statements run.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;

use super::comment::Comment;
use super::server::Server;
use super::settings::{Statement, Step};
use super::sql::Dialect;
use crate::Telemetry;
use crate::measure::{Family, Metered, PoolMeter};
use crate::span::Start;

#[derive(Clone)]
pub(super) struct Config {
    pub(super) telemetry: Telemetry,
    pub(super) steps: Steps,
    pub(super) server: Server,
    pub(super) acquire_threshold: Duration,
    pub(super) pool_name: Option<Arc<str>>,
    /// Of the pool that these settings belong to.
    pub(super) pool: PoolMeter,
    pub(super) text: Text,
    pub(super) returned_rows: bool,
    pub(super) affected_rows: bool,
    pub(super) error_messages: bool,
    pub(super) application_name: bool,
    pub(super) comment: Option<Arc<Comment>>,
    /// How to read the count of affected rows out of a driver's result.
    pub(super) affected: Option<fn(&dyn Any) -> Option<u64>>,
    pub(super) parent_required: bool,
    pub(super) filters: Vec<Filter>,
    pub(super) on_statement: Option<Hook>,
}

/// What `db.query.text` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Text {
    #[default]
    Conventional,
    Sanitized,
    Nothing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Steps(u8);

type Filter = Arc<dyn Fn(&Statement<'_>) -> bool + Send + Sync>;
type Hook = Arc<dyn Fn(&Statement<'_>, &mut Start) + Send + Sync>;

impl Default for Config {
    fn default() -> Self {
        Self {
            telemetry: Telemetry::default(),
            steps: Steps::default(),
            server: Server::default(),
            acquire_threshold: Duration::from_millis(5),
            pool_name: None,
            pool: PoolMeter::default(),
            text: Text::default(),
            returned_rows: false,
            affected_rows: false,
            error_messages: false,
            application_name: false,
            comment: None,
            affected: None,
            parent_required: false,
            filters: Vec::new(),
            on_statement: None,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("telemetry", &self.telemetry)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// The settings of executors that were given none.
    pub(super) fn standard() -> &'static Arc<Self> {
        static STANDARD: LazyLock<Arc<Config>> = LazyLock::new(Arc::default);
        &STANDARD
    }

    /// Begins to measure an operation, if anybody wants to know.
    pub(super) fn measurement(&self) -> Metered {
        self.telemetry.measurement(Family::Database)
    }

    pub(super) fn records(&self, step: Step) -> bool {
        self.steps.has(step)
    }

    /// Whether nothing is to be recorded below this context, whatever the statement.
    pub(super) fn ignores(&self, parent: &Context) -> bool {
        self.parent_required && !parent.span().span_context().is_valid()
    }

    /// Whether text must be looked at, whether it is recorded or not.
    pub(super) fn looks_at_text(&self) -> bool {
        self.has_filters() || self.comment.is_some()
    }

    /// Whether text must be looked at before anybody knows if it is recorded.
    pub(super) fn has_filters(&self) -> bool {
        !self.filters.is_empty()
    }

    pub(super) fn skips(&self, statement: &Statement<'_>) -> bool {
        self.filters.iter().any(|skips| skips(statement))
    }

    pub(super) fn hook(&self, statement: &Statement<'_>, start: &mut Start) {
        if let Some(hook) = &self.on_statement {
            hook(statement, start);
        }
    }

    /// How many attributes are set at the end of a statement.
    pub(super) fn counts(&self) -> usize {
        usize::from(self.returned_rows) + usize::from(self.affected_rows)
    }

    pub(super) fn dialect(&self, driver: &'static str) -> Dialect {
        self.server.dialect(driver)
    }
}

// === impl Steps ===

impl Steps {
    const fn bit(step: Step) -> u8 {
        1 << step as u8
    }

    fn has(self, step: Step) -> bool {
        self.0 & Self::bit(step) != 0
    }

    pub(super) fn add(&mut self, step: Step) {
        self.0 |= Self::bit(step);
    }

    pub(super) fn remove(&mut self, step: Step) {
        self.0 &= !Self::bit(step);
    }
}

impl Default for Steps {
    fn default() -> Self {
        let mut steps = Self(0);
        for step in [Step::Acquire, Step::Prepare, Step::Transaction, Step::Migrate] {
            steps.add(step);
        }
        steps
    }
}
